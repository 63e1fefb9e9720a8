"""Everything a hub holds, by content: without the times and numbers that differ from run to run."""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, text

from audit.notes import ledger_signer
from audit.proving import verify
from audit.sealer import seal
from base_libraries.reading import GoldenReader
from hub.composition import Hub
from infra.database import Role

COUNTS = ("contributed", "created", "updated", "withdrawn", "closed")
SEEN = ("pulled", "unchanged", "quarantined")


def library_state(hub: Hub) -> dict[str, object]:
    """What the libraries say, what they said, what they were told, and what they refused."""
    found: dict[str, object] = {}
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        sources = {
            row[0]: row[1] for row in connection.execute(text("SELECT number, source FROM library.batch"))
        }
        for code, resource in hub.resources.items():
            reader = GoldenReader(resource, hub.keyring)
            found[code] = _golden(connection, reader, sources)
            found[f"{code} history"] = _history(connection, reader)
            found[f"{code} contributions"] = _contributions(connection, reader)
            found[f"{code} feed"] = _feed(connection, reader)
        quarantined = connection.execute(
            text("SELECT source, row_reference, content_digest, state, reasons::text FROM library.quarantine")
        )
        found["quarantine"] = sorted((row[0], row[1], row[2], row[3], row[4]) for row in quarantined)
        found["shapes"] = [
            tuple(row)
            for row in connection.execute(
                text(
                    "SELECT source, columns::text, changes::text, outcome FROM library.shape ORDER BY source, number"
                )
            )
        ]
        found["counts"] = _counts(connection, COUNTS)
    return found


def _golden(connection: Connection, reader: GoldenReader, sources: dict[int, str]) -> dict[bytes, Any]:
    names = tuple(item.name for item in reader.resource.items)
    rows = connection.execute(text(f"SELECT * FROM {reader.tables.golden}")).mappings().all()
    records = reader.records(list(rows), names)
    return {
        row["_subject"]: (
            row["_version"],
            record,
            {name: (o["source"], o["rule"]) for name, o in reader.provenance(row, names, sources).items()},
        )
        for row, record in zip(rows, records, strict=True)
    }


def _history(connection: Connection, reader: GoldenReader) -> dict[tuple[bytes, int], Any]:
    names = tuple(item.name for item in reader.resource.items)
    rows = connection.execute(text(f"SELECT * FROM {reader.tables.history}")).mappings().all()
    records = reader.records(list(rows), names)
    return {(row["_subject"], row["_version"]): record for row, record in zip(rows, records, strict=True)}


def _contributions(connection: Connection, reader: GoldenReader) -> dict[tuple[bytes, int], Any]:
    rows = connection.execute(
        text(f"SELECT _subject, _source, _row, _digest FROM {reader.tables.contribution}")
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _feed(connection: Connection, reader: GoldenReader) -> Counter[Any]:
    rows = connection.execute(
        text(
            f"SELECT _position, _subject, _version, _operation, _changed FROM {reader.tables.change} ORDER BY 1"
        )
    ).all()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1)), "the feed has gaps"
    return Counter(
        (subject, version, operation, tuple(changed or ()))
        for _, subject, version, operation, changed in rows
    )


def _counts(connection: Connection, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    sums = ", ".join(f"sum({name})::integer" for name in names)
    rows = connection.execute(
        text(f"SELECT source, {sums} FROM library.batch GROUP BY source ORDER BY source")
    )
    return [tuple(row) for row in rows]


def pulled_state(hub: Hub) -> dict[str, object]:
    """How often rows came, in which batches, and how far the sources are read: the same where no row comes twice."""
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        digests = connection.execute(text("SELECT source, digest FROM library.batch"))
        states = connection.execute(text("SELECT source, state::text FROM library.watermark ORDER BY source"))
        return {
            "seen": _counts(connection, SEEN),
            "batches": Counter((row[0], row[1]) for row in digests),
            "watermarks": [tuple(row) for row in states],
        }


def require_accounted(hub: Hub) -> None:
    """Every row pulled went somewhere, every batch and every run is on the ledger once, and the ledger is proven."""
    with hub.database.engine(Role.OWNER).connect() as connection:
        lost = "SELECT count(*) FROM library.batch WHERE pulled <> contributed + unchanged + quarantined"
        assert connection.execute(text(lost)).scalar_one() == 0
        digests = Counter(connection.execute(text("SELECT digest FROM library.batch")).scalars())
        told = "SELECT facts->>'digest' FROM ledger.entry WHERE action = 'ingest.batch'"
        assert Counter(connection.execute(text(told)).scalars()) == digests
        runs = Counter(connection.execute(text("SELECT number::text FROM library.run")).scalars())
        told = "SELECT facts->>'run' FROM ledger.entry WHERE action = 'ingest.run'"
        assert Counter(connection.execute(text(told)).scalars()) == runs
        assert set(connection.execute(text("SELECT outcome FROM library.run")).scalars()) <= {"done"}
    signer = ledger_signer(hub.keyring, hub.settings.hub_id)
    sealed = seal(hub.database.engine(Role.APPLICATION), signer)
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        assert verify(connection, signer.verifier).sealed == sealed.size
