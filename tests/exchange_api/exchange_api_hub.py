"""A served hub of one's own: a database with real golden rows, systems with agreements, Granian in front."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import httpx
import psycopg
import pyarrow as pa
import pytest
import shapely
from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import text

from audit.recording import record_administration
from base_libraries.storage import BOUNDS, create_tables
from base_libraries.vault import Vault
from catalog.agreement import Agreement
from catalog.organisation import Organisation
from catalog.people import People
from catalog.person import Person, Role
from catalog.repository import Catalogue
from catalog.session import Method, Session
from catalog.sessions import Sessions
from catalog.system import System
from exchange_api.signature_making import signed
from exchange_api.tokens import Tokens
from hub.server import PLAIN, free_port, served
from infra.database import Database, open_database
from infra.database import Role as Login
from infra.keyring import FileKeyring
from infra.settings import Settings
from schemas.identifiers import citizen_check
from schemas.resource import resource_named

PURPOSE, LAW, CASE = "企业开办核验", "行政许可法第三十四条", "CASE-0001"
ITEMS = ("citizen_number", "name", "sex", "date_of_birth", "mobile_phone")
KEY = OKPKey.generate_key("Ed25519")
PERSON, COMPANY_CREDIT = "natural_person", "credit_record"
NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def citizen(number: int) -> str:
    first = f"500103199001{number % 28 + 1:02d}{number // 28:03d}"
    return first + citizen_check(first)


def golden(database: Database, keyring: FileKeyring, code: str, rows: list[dict]) -> None:
    """Write golden rows as consolidation does: sealed, indexed, with provenance of batch 1."""
    resource = resource_named(code)
    vault = Vault(resource, keyring)
    with database.engine(Login.OWNER).begin() as connection:
        create_tables(connection, resource)
    table = vault.described(pa.Table.from_pylist(rows, schema=resource.arrow_schema))
    subjects, versions = vault.subjects(table), pa.chunked_array([pa.array([1] * len(rows), pa.int32())])
    table = table.append_column("_subject", subjects)
    columns = {"_subject": subjects, "_version": versions} | vault.lookups(table)
    columns |= {"_valid_from": pa.array([NOW] * len(rows)), "_recorded_at": pa.array([NOW] * len(rows))}
    columns |= {"_digest": table["_digest"], "_sealed": vault.seal("golden", table, versions)}
    columns |= {item.name: table[item.name] for item in resource.open_items}
    columns |= bounds_of(table) if "geometry" in table.column_names else {}
    records = pa.table(columns).to_pylist()
    for record, row in zip(records, rows, strict=True):
        record["_provenance"] = [9 if row.get(item.name) is not None else 0 for item in resource.items]
    names = ", ".join(f'"{name}"' for name in records[0])
    values = ", ".join(f":{name}" for name in records[0])
    query = text(f"INSERT INTO library.golden_{code} ({names}) VALUES ({values})")
    with database.engine(Login.APPLICATION).begin() as connection:
        connection.execute(query, records)
        connection.execute(text("""
            INSERT INTO library.batch SELECT (json_populate_record(NULL::library.batch, CAST(:batch AS json))).*
            ON CONFLICT DO NOTHING
        """), {"batch": json.dumps(BATCH)})  # fmt: skip
        connection.execute(text("SELECT nextval(pg_get_serial_sequence('library.batch', 'number'))"))


BATCH = {
    "number": 1, "source": "public_security", "resource": PERSON, "digest": "d", "pull_window": "all", "pulled": 1,
    "contributed": 1, "unchanged": 0, "quarantined": 0, "created": 1, "updated": 0, "withdrawn": 0, "closed": 0,
    "report": {}, "recorded_at": NOW.isoformat(),
}  # fmt: skip


def bounds_of(table: pa.Table) -> dict:
    found = shapely.bounds(shapely.from_wkb(table["geometry"].to_pylist()))
    return {name: pa.array(found[:, place], from_pandas=True) for place, name in enumerate(BOUNDS)}


def persons(number: int) -> list[dict]:
    return [
        {
            "citizen_number": citizen(n), "name": f"测试{n}", "sex": "1", "date_of_birth": date(1990, 1, n % 28 + 1),
            "mobile_phone": f"138{n:08d}", "marital_status": "10",
        }
        for n in range(number)
    ]  # fmt: skip


def agreement(id_: str, system: str, code: str, items, **changed) -> Agreement:
    told = {
        "id": id_, "system": system, "resource": code, "items": tuple(items), "purposes": frozenset({PURPOSE}),
        "legal_bases": frozenset({LAW}), "valid_from": datetime.now(UTC) - timedelta(minutes=1),
        "valid_to": datetime.now(UTC) + timedelta(days=1),
    }  # fmt: skip
    return Agreement(**told | changed)


def id_of(role: Role) -> str:
    """The id of the person who has that role, and no other."""
    return role.replace("_", "-")


def fill_catalogue(database: Database) -> None:
    public = KEY.as_dict(private=False)
    credit = [item.name for item in resource_named(COMPANY_CREDIT).items]
    with database.engine(Login.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_organisation(Organisation("11500000009275123M", "行政审批局", "500000"), actor="test")
        people = People(connection, record_administration)
        for role in Role:
            people.add_person(
                Person(id_of(role), f"测试{role}", "11500000009275123M", frozenset({role})), actor="test"
            )
        for system in ("permits", "masked", "stranger", "suspended"):
            catalogue.add_system(System(system, "11500000009275123M", system, (public,)), actor="test")
        catalogue.add_agreement(agreement("a-1", "permits", PERSON, ITEMS), actor="test")
        catalogue.add_agreement(agreement("a-2", "permits", COMPANY_CREDIT, credit, max_keys=2), actor="test")
        hidden = frozenset({"name", "mobile_phone", "date_of_birth"})
        catalogue.add_agreement(agreement("a-3", "masked", PERSON, ITEMS, masked=hidden), actor="test")
        catalogue.add_agreement(agreement("a-4", "suspended", PERSON, ITEMS), actor="test")


@dataclass
class Served:
    """The hub under test, and how a system would speak to it."""

    url: str
    settings: Settings
    database: Database
    keyring: FileKeyring
    kept_connections: int = 20
    http: httpx.Client = field(init=False)

    def __post_init__(self):
        limits = httpx.Limits(max_keepalive_connections=self.kept_connections)
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=PLAIN, limits=limits)

    def everywhere(self, true: Callable[["Served"], bool], seconds=60.0) -> float:
        """Ask, each time on a new connection, until every worker says so, twelve in a row; returns the seconds that took."""
        began, agreed = time.monotonic(), 0
        asking = replace(self, kept_connections=0)
        with asking.http:
            while agreed < 12:
                agreed = agreed + 1 if true(asking) else 0
                assert time.monotonic() < began + seconds, "not every worker says so"
        return time.monotonic() - began

    def fresh(self) -> httpx.Client:
        """A client whose connections are its own, which either worker may take."""
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=PLAIN)

    def knows(self, system: str) -> None:
        """Wait until every worker gives a system that was registered meanwhile its token."""
        self.everywhere(lambda again: again.ask_token(again.assertion(system)).status_code == 200)

    def assertion(self, system="permits", key=KEY, alg="EdDSA", **changed):
        now = int(time.time())
        claims = {
            "iss": system, "sub": system, "aud": f"{self.url}/oauth/token", "jti": uuid.uuid4().hex, "iat": now, "exp": now + 60,
        }  # fmt: skip
        told = {name: value for name, value in (claims | changed).items() if value is not None}
        return jwt.encode({"alg": alg}, told, key, algorithms=[alg])

    def ask_token(self, assertion, **form):
        told = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        return self.http.post("/oauth/token", data=told | form)

    def token(self, system="permits"):
        answer = self.ask_token(self.assertion(system))
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def session(self, person: Role | str, second_factor=True, life=timedelta(hours=1)) -> Session:
        """A session as if the person, or the one of that role, had signed in."""
        person = id_of(person) if isinstance(person, Role) else person
        with self.database.engine(Login.APPLICATION).begin() as connection:
            sessions = Sessions(connection, record_administration)
            return sessions.begin(person, Method.OIDC, second_factor, datetime.now(UTC), life)

    def token_of(self, session: Session) -> str:
        return Tokens(self.keyring, self.settings.hub_id, 60).issue_session(session)

    def person(self, person: Role | str, **of_session) -> dict[str, str]:
        """The headers of somebody who is signed in."""
        return {"Authorization": f"Bearer {self.token_of(self.session(person, **of_session))}"}

    def headers(self, token, **changed):
        told = {
            "Authorization": f"Bearer {token}",
            "Hub-Purpose": quote(PURPOSE),
            "Hub-Legal-Basis": quote(LAW),
        }
        told |= {"Hub-Case-Code": CASE} | changed
        return {name: value for name, value in told.items() if value is not None}

    def signed(self, method, path, body=None, system="permits", key=KEY, algorithm="ed25519", **changed):
        """The headers of a call that a system signs, with a body of bytes or none; ``changed`` as for ``headers``."""
        told = self.headers("", Authorization=None, **changed)
        keyid = f"{system}/{key.thumbprint()}"
        return signed(method, f"{self.settings.public_url}{path}", told, body, keyid, algorithm, key)

    def record(self, key, token, code=PERSON, params=None, **changed):
        path = f"/v1/resources/{code}/records/{quote(key, safe='')}"
        return self.http.get(path, headers=self.headers(token, **changed), params=params)

    def query(self, body, token, code=PERSON, **changed):
        return self.http.post(
            f"/v1/resources/{code}/query", headers=self.headers(token, **changed), json=body
        )

    def entry(self, answer):
        """The ledger entry an answer names."""
        with self.database.engine(Login.AUDITOR).connect() as connection:
            query = text("SELECT * FROM ledger.entry WHERE id = CAST(:id AS uuid)")
            return connection.execute(query, {"id": answer.headers["hub-entry"]}).mappings().one()

    def refusals(self, problem):
        with self.database.engine(Login.AUDITOR).connect() as connection:
            query = text("SELECT count(*) FROM ledger.entry WHERE kind = 'refusal' AND problem = :problem")
            return connection.execute(query, {"problem": problem}).scalar_one()

    def entries(self):
        with self.database.engine(Login.AUDITOR).connect() as connection:
            query = text("SELECT count(*) FROM ledger.entry WHERE kind IN ('call', 'refusal')")
            return connection.execute(query).scalar_one()


@pytest.fixture(scope="module")
def served_hub(server, tmp_path_factory):
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE hub_template STRATEGY file_copy")
        home = tmp_path_factory.mktemp("hub")
        settings = Settings(
            home=home,
            database_url=server.url(name),
            port=free_port(),
            workers=2,
            push_networks="127.0.0.0/8",
            _env_file=None,
        )
        keyring = FileKeyring(settings.keyring)
        with open_database(settings) as database:
            golden(database, keyring, PERSON, persons(300))
            golden(database, keyring, COMPANY_CREDIT, [
                {"record_number": f"01:渝/许{n}", "kind": "01", "subject_code": citizen(n // 2), "subject_name": f"测试{n // 2}"}
                for n in range(8)
            ])  # fmt: skip
            fill_catalogue(database)
            with served(settings, home / "server.log") as url:
                yield Served(url, settings, database, keyring)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
