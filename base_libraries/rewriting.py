"""Rewriting stored records page by page, in the order of subjects: indexing them by another item, erasing what was dropped.

Each page is one transaction with the place it reached, under the library's lock, so that a killed rewrite goes on where it was.
Part of the security boundary: records are opened here, and no value is ever logged.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, text

from base_libraries.storage import Tables
from base_libraries.vault import Vault
from infra.keyring import Keyring
from schemas.resource import Resource

PAGE = 2_000  # subjects
_NUMBERS = {"contribution": "_batch", "golden": "_version", "history": "_version"}
_FIRST = b""


def lock(connection: Connection, resource: Resource) -> None:
    """Wait until no batch is being stored, and let none be until the transaction ends."""
    key = {"key": f"library.{resource.code}"}
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), key)


def is_empty(connection: Connection, resource: Resource) -> bool:
    """Tell whether the resource holds nothing yet."""
    return not connection.execute(text(f"SELECT EXISTS (SELECT FROM {Tables(resource).golden})")).scalar_one()


class Rewriting:
    """Rewrites of one resource, whose stored records ``resource`` can open."""

    def __init__(self, resource: Resource, keyring: Keyring) -> None:
        self._resource, self._tables = resource, Tables(resource)
        self._vault = Vault(resource, keyring)

    def index(self, connection: Connection, items: Sequence[str], after: bytes | None) -> tuple[bytes, int]:
        """Index a page of golden records by items; returns the last subject, ``b""`` at the end, and how many they were."""
        rows = self._page(connection, "golden", after)
        clear = self._opened(rows, "golden")
        for name in items:
            item = self._resource.item(name)
            said = [
                (row["_subject"], (opened if item.sealed else row).get(name))
                for row, opened in zip(rows, clear, strict=True)
            ]
            present = [(subject, value) for subject, value in said if value is not None]
            indexes = self._vault.index(item, [value for _, value in present])
            connection.execute(
                text(f"""
                    UPDATE {self._tables.golden} g SET _ix_{name} = s.value
                    FROM unnest(CAST(:subjects AS bytea[]), CAST(:values AS bytea[])) AS s (subject, value)
                    WHERE g._subject = s.subject
                """),
                {"subjects": [subject for subject, _ in present], "values": indexes},
            )
        return self._reached(rows)

    def erase(
        self, connection: Connection, kind: str, items: Sequence[str], after: bytes | None
    ) -> tuple[bytes, int]:
        """Seal a page of ``contribution``, ``golden`` or ``history`` again without some items; returns as ``index``."""
        rows = self._page(connection, kind, after)
        holding = [
            (row, opened)
            for row, opened in zip(rows, self._opened(rows, kind), strict=True)
            if opened.keys() & set(items)
        ]
        connection.execute(
            text(f"""
                UPDATE library.{kind}_{self._resource.code} t SET _sealed = s.sealed
                FROM unnest(CAST(:subjects AS bytea[]), CAST(:numbers AS integer[]), CAST(:old AS bytea[]),
                    CAST(:sealed AS bytea[])) AS s (subject, number, old, sealed)
                WHERE t._subject = s.subject AND t.{_NUMBERS[kind]} = s.number AND t._sealed = s.old
            """),
            self._sealed_again(kind, holding, items),
        )
        return self._reached(rows)

    def _sealed_again(
        self, kind: str, holding: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], items: Sequence[str]
    ) -> dict[str, list[Any]]:
        subjects, numbers = ([row[name] for row, _ in holding] for name in ("_subject", _NUMBERS[kind]))
        left = [
            orjson.dumps({name: value for name, value in opened.items() if name not in items})
            for _, opened in holding
        ]
        sealed = self._vault.seal_rows("golden" if kind == "history" else kind, left, subjects, numbers)
        return {
            "subjects": subjects,
            "numbers": numbers,
            "old": [row["_sealed"] for row, _ in holding],
            "sealed": sealed,
        }

    def _page(self, connection: Connection, kind: str, after: bytes | None) -> Sequence[Mapping[str, Any]]:
        query = text(f"""
            SELECT * FROM library.{kind}_{self._resource.code} WHERE _subject > :after
            ORDER BY _subject FETCH FIRST {PAGE} ROWS WITH TIES
        """)
        found = connection.execute(query, {"after": after or _FIRST}).mappings()
        return [dict(row) for row in found]

    def _opened(self, rows: Sequence[Mapping[str, Any]], kind: str) -> Sequence[Mapping[str, Any]]:
        if not rows or not self._resource.sealed_items:
            return [{}] * len(rows)
        return self._vault.open_rows(rows, "contribution" if kind == "contribution" else "golden")

    def _reached(self, rows: Sequence[Mapping[str, Any]]) -> tuple[bytes, int]:
        return (rows[-1]["_subject"], len(rows)) if rows else (b"", 0)
