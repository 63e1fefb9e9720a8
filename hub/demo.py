"""The whole story at once: a city's systems in, three days of life, audited calls out, held against the truth."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc.jwk import OKPKey
from rich.console import Console
from sqlalchemy import text

from audit.notes import ledger_signer
from audit.proving import verify
from audit.recording import record_administration
from audit.sealer import seal
from catalog.agreement import Agreement
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.system import System
from hub import demo_forms, demo_tables, server
from hub.accuracy import Accuracy, measure
from hub.call_mix import COMPANY_ITEMS, PERSON_ITEMS, Mix, make, plan
from hub.caller import Caller, Statement, new_private_key, private_key_path
from hub.city.build import build_city
from hub.city.live import live
from hub.city.truth import Truth, load_truth
from hub.composition import Hub, open_hub
from hub.demo_forms import Cost
from hub.demo_sharing.story import GRANTS, tell
from hub.demo_sharing.years import assumed_years
from hub.progress import ingest_each
from hub.source_report import SourceReport
from hub.upgrade import reset_database
from infra.database import Role, open_database
from infra.place import locked
from infra.settings import Settings
from schemas.errors import ConfigurationError

BUREAU, OFFICE = "11500000MB1670604W", "11500000009276054D"
PURPOSE, LAW = "开办餐饮企业审批", "中华人民共和国食品安全法第三十五条"
ASSESSMENT, DECREE = "数据质量评估", "政务数据共享条例第三十八条"
DAYS = 3
ORGANISATIONS = {BUREAU: "市政务服务管理办公室", OFFICE: "市大数据应用发展管理局"}
SYSTEMS = {
    "approval-desk": (BUREAU, "行政审批平台"), "quality-assessment": (OFFICE, "数据质量评估"),
    demo_forms.DESK: (OFFICE, "统计分析平台"), demo_forms.ASKER: (BUREAU, "敬老卡办理"),
}  # fmt: skip
MAP_WINDOW = "106.4,29.4,106.7,29.7"


def run_demo(settings: Settings, console: Console, *, persons: int, calls: int, seed: int) -> dict[str, Any]:
    """Tell the story on ``console`` and return every figure shown; ``ConfigurationError`` where another demo is at it."""
    home = settings.home / "demo"
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(home / "demo.lock", wait=False))
        except BlockingIOError:
            raise ConfigurationError(
                f"Another demo is running in {home}.", hint="Wait for it, or set HUB_HOME to another folder."
            ) from None
        return _tell(settings, console, persons, calls, seed)


def _tell(settings: Settings, console: Console, persons: int, calls: int, seed: int) -> dict[str, Any]:
    began = time.perf_counter()
    home = settings.home / "demo"
    ours = {"home": home, "city": home / "city", "keyring": home / "keyring.json", "port": server.free_port()}
    ours |= {"public_url": f"http://{settings.host}:{ours['port']}"}
    ours |= {"calendar": assumed_years(home / "calendar")}
    ours |= {"database_url": None, "database_application_url": None, "database_auditor_url": None}
    settings = settings.model_copy(update=ours)
    figures: dict[str, Any] = {"persons": persons, "seed": seed}

    console.rule("1 · A city and its departments' systems")
    built = build_city(settings.city, persons, seed)
    figures["city"] = {
        "rows": built.rows,
        "records": built.records,
        "flaws": built.flaws,
        "seconds": round(built.seconds, 1),
    }
    console.print(demo_tables.city(built))

    with open_database(settings) as database:
        reset_database(database)
    with open_hub(settings, systems=True) as hub:
        figures |= _ingest_story(hub, console)
        figures |= _call_story(hub, console, calls, seed)
    figures["seconds"] = round(time.perf_counter() - began, 1)
    console.print(demo_tables.where_next(settings, figures["seconds"]))
    return figures


def _ingest_story(hub: Hub, console: Console) -> dict[str, Any]:
    console.rule("2 · Everything in, for the first time")
    first = _ingest_all(hub, console)
    quarantine = check_quarantine(hub, load_truth(hub.settings.city))
    console.print(demo_tables.quarantine(quarantine))
    console.rule(f"3 · {DAYS} days pass, and what changed comes in")
    lived = live(hub.settings.city, DAYS)
    console.print(demo_tables.events(lived))
    second = _ingest_all(hub, console)
    return {
        "first_ingest": [_described(report) for report in first],
        "quarantine": quarantine,
        "events": dict(lived.events),
        "second_ingest": [_described(report) for report in second],
    }


def _ingest_all(hub: Hub, console: Console) -> Sequence[SourceReport]:
    reports, failures = ingest_each(hub, hub.sources, quiet=not console.is_terminal)
    for error in failures.values():
        raise error
    console.print(demo_tables.ingested(reports))
    console.print(demo_tables.reasons(reports))
    return reports


def _described(report: SourceReport) -> dict[str, Any]:
    counters = {name: dict(getattr(report, name)) for name in ("reasons", "warnings", "alerts")}
    return asdict(report) | counters


def check_quarantine(hub: Hub, truth: Truth) -> dict[str, Any]:
    """Hold the quarantine against the flaws put in: impossible identifiers caught, good rows caught wrongly."""
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        found = connection.execute(text("SELECT source, row_reference FROM library.quarantine")).all()
    caught: dict[str, set[str]] = {}
    for source, reference in found:
        caught.setdefault(source, set()).add(reference)
    impossible = caught_impossible = good = caught_good = 0
    for source, rows in truth.rows.items():
        flawed = truth.flawed_rows(source)
        wrong = truth.flawed_rows(source, "impossible_identifier")
        impossible += len(wrong)
        caught_impossible += len(wrong & caught.get(source, set()))
        good += rows - len(flawed)
        caught_good += len(caught.get(source, set()) - flawed)
    return {
        "impossible_identifiers": impossible, "caught": caught_impossible, "recall": caught_impossible / max(impossible, 1),
        "good_rows": good, "good_rows_caught": caught_good, "false_share": caught_good / max(good, 1),
    }  # fmt: skip


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────


def _call_story(hub: Hub, console: Console, calls: int, seed: int) -> dict[str, Any]:
    console.rule("4 · An approval system registers, and calls")
    keys = _register(hub)
    truth = load_truth(hub.settings.city)
    with server.served(hub.settings, hub.settings.home / "server.log") as url:
        mix, accuracies = asyncio.run(_call(hub, url, keys, truth, calls, seed))
        console.print(demo_tables.calls(mix))
        console.print(demo_tables.accuracy(accuracies))
        console.print(demo_tables.items(accuracies))
        console.rule("5 · The same records, every way to read them")
        costs = asyncio.run(_tour(url, keys, truth))
        console.print(demo_tables.forms(costs))
        console.rule("6 · Two departments publish, a third applies")
        citizens = truth.tables["natural_person"]["citizen_number"].slice(0, GRANTS).to_pylist()
        sharing = asyncio.run(tell(hub, url, citizens))
    console.print(demo_tables.sharing(sharing))
    console.rule("7 · The ledger")
    accounted = sum(accuracy.calls for accuracy in accuracies) + sum(cost.counted for cost in costs)
    ledger = _ledger(hub, mix.calls + accounted + sharing.calls)
    console.print(demo_tables.ledger(ledger))
    return {
        "calls": {
            "made": mix.calls, "per_second": round(mix.calls / mix.seconds, 1), "outcomes": _outcomes(mix),
            "p50_ms": round(mix.milliseconds[mix.calls // 2], 2), "p99_ms": round(mix.milliseconds[mix.calls * 99 // 100], 2),
        },
        "accuracy": {accuracy.resource: accuracy.as_dict() for accuracy in accuracies},
        "accuracy_overall": _overall(accuracies),
        "forms": [asdict(cost) for cost in costs],
        "sharing": sharing.figures,
        "ledger": ledger,
    }  # fmt: skip


def _outcomes(mix: Mix) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "status": status, "calls": count}
        for (kind, status), count in sorted(mix.outcomes.items())
    ]


def _overall(accuracies: Sequence[Accuracy]) -> float:
    agreeing = sum(sum(a.agreeing.values()) for a in accuracies)
    return round(agreeing / max(sum(sum(a.values.values()) for a in accuracies), 1), 5)


async def _tour(url: str, keys: Mapping[str, OKPKey], truth: Truth) -> list[Cost]:
    persons = truth.tables[demo_forms.PERSON]["citizen_number"].slice(0, 2000).to_pylist()
    return await demo_forms.Tour(url, keys, persons, MAP_WINDOW).costs()


async def _call(
    hub: Hub, url: str, registered: Mapping[str, OKPKey], truth: Truth, calls: int, seed: int
) -> tuple[Mix, list[Accuracy]]:
    keys = {
        code: truth.tables[code][hub.resources[code].key.name].to_pylist()
        for code in ("natural_person", "legal_person")
    }
    statement = Statement(PURPOSE, LAW, "12441500196720244T34421998060032022062300" + "68")
    async with Caller(url, "approval-desk", registered["approval-desk"], statement) as caller:
        mix = await make(caller, plan(calls, keys, seed))
    accuracies = []
    assessing = Statement(ASSESSMENT, DECREE, "QA-2026-01")
    async with Caller(url, "quality-assessment", registered["quality-assessment"], assessing) as caller:
        for code, table in truth.tables.items():
            accuracies.append(await measure(caller, hub.resources[code], table, hub.sources))
    return mix, accuracies


def _register(hub: Hub) -> dict[str, OKPKey]:
    """Register the systems with their agreements and return their private keys; those of an earlier demo are made anew."""
    home, keys = hub.settings.home, {}
    for system in SYSTEMS:
        private_key_path(home, system).unlink(missing_ok=True)
        keys[system] = new_private_key(home, system)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        for code, name in ORGANISATIONS.items():
            catalogue.add_organisation(Organisation(code, name, hub.settings.division), actor="demo")
        for system, (organisation, title) in SYSTEMS.items():
            catalogue.add_system(_system(system, organisation, title, keys[system]), actor="demo")
        for agreement in [*_agreements(hub), *demo_forms.agreements(hub.resources)]:
            catalogue.add_agreement(agreement, actor="demo")
    return keys


def _system(id_: str, organisation: str, title: str, key: OKPKey) -> System:
    return System(id_, organisation, title, (key.as_dict(private=False),))


def _agreements(hub: Hub) -> list[Agreement]:
    wanted: Mapping[str, tuple[str, ...]] = {
        "natural_person": PERSON_ITEMS,
        "legal_person": COMPANY_ITEMS,
        "credit_record": tuple(item.name for item in hub.resources["credit_record"].items),
    }
    made = [_agreement("approval-desk", code, items, PURPOSE, LAW) for code, items in wanted.items()]
    for resource in hub.resources.values():
        items = tuple(item.name for item in resource.items)
        made.append(_agreement("quality-assessment", resource.code, items, ASSESSMENT, DECREE))
    return made


def _agreement(system: str, resource: str, items: tuple[str, ...], purpose: str, law: str) -> Agreement:
    now = datetime.now(UTC)
    return Agreement(
        id=f"{system}.{resource}", system=system, resource=resource, items=items, purposes=frozenset({purpose}),
        legal_bases=frozenset({law}), valid_from=now - timedelta(minutes=1), valid_to=now + timedelta(days=365),
    )  # fmt: skip


def _ledger(hub: Hub, calls: int) -> dict[str, Any]:
    signer = ledger_signer(hub.keyring, hub.settings.hub_id)
    seal(hub.database.engine(Role.APPLICATION), signer)
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        proof = verify(connection, signer.verifier)
        kinds = connection.execute(
            text("SELECT kind, count(*) FROM ledger.entry GROUP BY kind ORDER BY kind")
        )
        # asking for a token is on the ledger as well, as an action of its own
        query = text("SELECT count(*) FROM ledger.entry WHERE action = ANY(:counted)")
        recorded = connection.execute(query, {"counted": list(demo_forms.COUNTED)}).scalar_one()
        counted: dict[str, int] = dict(kinds.tuples().all())
    return {
        "entries": counted, "calls_made": calls, "calls_recorded": recorded, "equal": recorded == calls,
        "sealed": proof.sealed, "root": proof.root.hex(),
    }  # fmt: skip
