"""Systems of departments for the contract: each kind of connector's, real, with a few people's firms in it that can be changed."""

import contextlib
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pyarrow as pa
from json_interface import JsonInterface, Reply
from registers import MariaRegister, PostgresRegister, SqliteRegister
from servers import PASSWORD, USER, SftpStore

from connectors.batch import Batch
from connectors.pull import pull
from connectors.push.body import Body

MAPPING = {"credit_code": "code", "name": "name"}
MISSING = MAPPING | {"representative_name": "absent"}
SECRET = "${env:STORE_SECRET}"


class System:
    """A department's system. ``whole``: one change brings all rows again; ``tells_gone``: a deletion is seen by a pull.

    ``repeats``: every pull brings all rows; ``may_repeat``: the system makes the pages, and may give one ``twice``.
    ``port`` of a source's definition is the server's, or that of a relay before it; None where there is no server.
    """

    resource = "legal_person"
    whole = tells_gone = repeats = may_repeat = False
    remote = True

    def __init__(self, define):
        self.define = define
        self.rows: dict[int, str] = {}

    def put(self, rows: dict[int, str]):
        """Have the department add rows, or change those it has."""
        raise NotImplementedError

    def delete(self, number: int):
        raise NotImplementedError

    def source(self, mapping=None, port=None, user=USER):
        raise NotImplementedError

    def pull(self, source, state, batch_rows) -> Iterator[Batch]:
        """Pull as the hub does."""
        return pull(source, state, batch_rows)

    def open_connections(self) -> int:
        """How many connections the system has of the hub."""
        return 0

    def truncate(self):
        """Have the department deliver what ends too early."""
        raise NotImplementedError

    def close(self):
        pass


# ── sql ──────────────────────────────────────────────────────────────────────────────────────────────


class Database(System):
    watermark = "clock"

    def __init__(self, define, register):
        super().__init__(define)
        self.register, self.ticks = register, 0
        stamp = "integer" if register.kind == "sqlite" else "bigint"
        register.execute(
            f"CREATE TABLE firm (id integer PRIMARY KEY, code varchar(20), name varchar(200), clock {stamp})"
        )

    def put(self, rows):
        told = []
        for number, name in rows.items():
            self.ticks += 1
            told.append((number, f"91{number}", name, self.ticks))
        self.register.execute(
            f"DELETE FROM firm WHERE id = {self.register.place}",
            [(number,) for number in rows if number in self.rows],
        )
        self.register.execute(f"INSERT INTO firm VALUES ({', '.join([self.register.place] * 4)})", told)
        self.rows |= rows

    def delete(self, number):
        self.register.execute(f"DELETE FROM firm WHERE id = {number}")
        del self.rows[number]

    def source(self, mapping=None, port=None, user=USER):
        options = {"url": self.url(port, user), "table": "firm"}
        told = {"watermark": {"column": self.watermark, "type": "integer"}} if self.watermark else {}
        return self.define("sql", options, mapping or MAPPING, resource=self.resource, row_id="id", **told)

    def url(self, port, user):
        return self.register.url


class Sqlite(Database):
    remote = False

    def __init__(self, define, request):
        super().__init__(define, SqliteRegister(request.getfixturevalue("tmp_path")))

    def truncate(self):
        content = self.register.path.read_bytes()
        self.register.path.write_bytes(content[: len(content) // 2 + 100])


class WholeSqlite(Sqlite):
    watermark, whole, repeats = None, True, True


class Bridge:
    """Lets a server that listens on a Unix socket be reached by TCP."""

    def __init__(self, path: Path):
        self._path = str(path)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._path)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    @staticmethod
    def _pump(origin, goal):
        with contextlib.suppress(OSError):
            while content := origin.recv(1 << 16):
                goal.sendall(content)
        for side in (origin, goal):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listening.close()


class Postgres(Database):
    def __init__(self, define, request):
        super().__init__(define, PostgresRegister(request.getfixturevalue("logging_server")))
        told = psycopg.conninfo.conninfo_to_dict(self.register.url)
        self.name = told["dbname"]
        self.bridge = Bridge(Path(told["host"]) / f".s.PGSQL.{told['port']}")
        self.port = self.bridge.port

    def url(self, port, user):
        login = "postgres" if user == USER else user
        return f"postgresql://{login}:{SECRET}@127.0.0.1:{port or self.port}/{self.name}?sslmode=disable&gssencmode=disable"

    def open_connections(self):
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return self.register.execute(query)[0][0]

    def close(self):
        self.bridge.close()


class Maria(Database):
    def __init__(self, define, request):
        super().__init__(define, MariaRegister(request.getfixturevalue("mariadb")))
        self.port = self.register.server.port

    def url(self, port, user):
        return f"mysql+pymysql://{user}:{SECRET}@127.0.0.1:{port or self.port}/{self.register.name}"

    def open_connections(self):
        query = "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"
        return self.register.execute(query)[0][0]


# ── file and spatial ─────────────────────────────────────────────────────────────────────────────────


class Files(System):
    """One file for each delivery; a change is delivered by the file that has the row, again."""

    whole = True
    remote = False

    def __init__(self, define, request):
        super().__init__(define)
        self.folder = request.getfixturevalue("tmp_path") / "delivered"
        self.folder.mkdir()
        self.files: dict[str, dict[int, str]] = {}

    def put(self, rows):
        new = {number: name for number, name in rows.items() if number not in self.rows}
        if new:
            self.files[f"in/{len(self.files):03d}{self.suffix}"] = new
        for name, kept in self.files.items():
            touched = kept.keys() & rows.keys()
            if touched:
                kept.update({number: rows[number] for number in touched})
                self.write(name, self.content(kept))
        self.rows |= rows

    suffix = ".csv"

    def content(self, rows) -> bytes:
        return ("id,code,name\n" + "".join(f"{n},91{n},{name}\n" for n, name in rows.items())).encode()

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    def source(self, mapping=None, port=None, user=USER):
        return self.defined({"path": f"{self.folder}/in/*.csv"}, mapping)

    def defined(self, options, mapping):
        told = {"format": "csv"} | options
        return self.define("file", told, mapping or MAPPING, resource=self.resource, row_id="id")


class PackedFiles(Files):
    suffix = ".csv.gz"

    def content(self, rows):
        import gzip

        return gzip.compress(super().content(rows), mtime=0)

    def source(self, mapping=None, port=None, user=USER):
        return self.defined({"path": f"{self.folder}/in/*.csv.gz"}, mapping)

    def truncate(self):
        name = next(iter(self.files))
        content = self.content(self.files[name])
        self.write(name, content[: len(content) - 12])


class SftpFiles(Files):
    remote = True

    def __init__(self, define, request):
        super().__init__(define, request)
        self.store = SftpStore(self.folder)
        self.port = self.store.port
        request.getfixturevalue("monkeypatch").setattr("connectors.file.remote.FIRST_PAUSE", 0.01)

    def write(self, name, content):
        self.store.put(name, content)

    def source(self, mapping=None, port=None, user=USER):
        options = self.store.options("in/*.csv", port) | {"tries": 2, "timeout_seconds": 5}
        return self.defined(options | {"storage": options["storage"] | {"user": user}}, mapping)

    def close(self):
        self.store.close()


class Layers(Files):
    resource = "place"
    suffix = ".geojson"

    def content(self, rows):
        features = [
            {
                "type": "Feature",
                "properties": {"id": str(n), "code": f"91{n}", "name": name},
                "geometry": {"type": "Point", "coordinates": [106, 29]},
            }
            for n, name in rows.items()
        ]
        return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()

    def source(self, mapping=None, port=None, user=USER):
        told = {"place_code": "code", "name": "name", "geometry": "geometry"}
        told |= {"division": "absent"} if mapping == MISSING else {}
        options = {"path": f"{self.folder}/in/*.geojson"}
        return self.define("spatial", options, told, resource=self.resource, row_id="id")

    def truncate(self):
        name = next(iter(self.files))
        content = self.content(self.files[name])
        self.write(name, content[: len(content) // 2])


# ── rest ─────────────────────────────────────────────────────────────────────────────────────────────


class Interface(System):
    """By cursor, and what changed since; the key goes in a header."""

    may_repeat = True

    def __init__(self, define, request):
        super().__init__(define)
        self.ticks, self.stamps, self.twice = 0, {}, False
        self.cut_short = 0
        self.interface = JsonInterface(self._answer)
        self.port = self.interface.port

    def _answer(self, request):
        if request.headers.get("x-user") != USER or request.headers.get("x-key") != PASSWORD:
            return Reply(status=401)
        since, at = int(request.query.get("since", 0)), int(request.query.get("after", 0))
        found = sorted((stamp, n) for n, stamp in self.stamps.items() if stamp >= since)
        page = 7 if len(found) < 100 else 70  # smaller than a batch, and never a part of one
        begin = at
        if self.twice and at:  # under its own cursor comes the page before, and then it goes on
            self.twice, begin = False, at - page
        items = [
            {"id": n, "code": f"91{n}", "name": self.rows[n], "stamp": stamp}
            for stamp, n in found[begin : at + page]
        ]
        following = at + page if at + page < len(found) else None
        return Reply({"items": items, "next": following}, drop=self.cut_short)

    def put(self, rows):
        for number in rows:
            self.ticks += 1
            self.stamps[number] = self.ticks
        self.rows |= rows

    def source(self, mapping=None, port=None, user=USER):
        options = {
            "url": f"http://127.0.0.1:{port or self.port}/firms",
            "records": "items",
            "paging": {"by": "cursor", "parameter": "after", "cursor": "next"},
            "since": {"parameter": "since"},
            "headers": {"X-User": user},
            "authentication": {"by": "api_key", "name": "X-Key", "key": SECRET},
            "retries": 0,
            "timeout_seconds": 5,
        }
        fields = {"row_id": "id", "watermark": {"column": "stamp", "type": "integer"}}
        return self.define("rest", options, mapping or MAPPING, resource=self.resource, **fields)

    def truncate(self):
        self.cut_short = 20

    def close(self):
        self.interface.close()


# ── stream ───────────────────────────────────────────────────────────────────────────────────────────


class Changes(Postgres):
    """The log of the table of ``Postgres``."""

    tells_gone = True

    def __init__(self, define, request):
        super().__init__(define, request)
        self.slot = f"hub_{uuid.uuid4().hex[:12]}"
        self.register.execute("CREATE PUBLICATION hub FOR TABLE firm")

    def source(self, mapping=None, port=None, user=USER):
        options = {
            "url": self.url(port, user),
            "changes": {"table": "firm", "publication": "hub", "slot": self.slot},
        }
        return self.define("stream", options, mapping or MAPPING, resource=self.resource, row_id="id")

    def close(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.Error):
                self.register.execute(
                    f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{self.slot}'"
                )
                break
            time.sleep(0.1)
        super().close()


class Messages(System):
    tells_gone = True

    def __init__(self, define, request):
        import pika

        super().__init__(define)
        self.pika, self.broker = pika, request.getfixturevalue("broker")
        self.name, self.port = f"firms_{uuid.uuid4().hex[:8]}", self.broker.port
        request.getfixturevalue("monkeypatch").setenv("STORE_SECRET", "guest")
        with self.broker.connect() as connection:
            connection.channel().queue_declare(self.name, durable=True)

    def _publish(self, *told):
        with self.broker.connect() as connection:
            channel = connection.channel()
            channel.tx_select()  # all are there when the commit is answered; to confirm one by one takes minutes
            for one in told:
                body = json.dumps(one, ensure_ascii=False).encode()
                channel.basic_publish("", self.name, body, self.pika.BasicProperties(delivery_mode=2))
            channel.tx_commit()

    def put(self, rows):
        self._publish(*({"id": n, "code": f"91{n}", "name": name} for n, name in rows.items()))
        self.rows |= rows

    def delete(self, number):
        self._publish({"id": number, "code": f"91{number}", "name": "", "operation": "delete"})
        del self.rows[number]

    def source(self, mapping=None, port=None, user=USER):
        login = "guest" if user == USER else user
        options = {
            "url": f"amqp://{login}:{SECRET}@127.0.0.1:{port or self.port}/%2F",
            "queue": {"name": self.name, "idle_seconds": 0.3},
        }
        gone = {"by": "tombstone", "column": "operation", "values": ["delete"]}
        fields = {"row_id": "id", "deletions": gone}
        return self.define("stream", options, mapping or MAPPING, resource=self.resource, **fields)


# ── push ─────────────────────────────────────────────────────────────────────────────────────────────


class Pushes(System):
    """Bodies that were taken; the state says how many are stored, and how many rows of the next."""

    remote = False

    def __init__(self, define, request):
        super().__init__(define)
        self.folder, self.bodies = request.getfixturevalue("tmp_path"), []

    def put(self, rows):
        path = self.folder / f"{len(self.bodies)}.arrow"
        told = [{"id": n, "code": f"91{n}", "name": name} for n, name in rows.items()]
        table = pa.Table.from_pylist(told)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        self.bodies.append(Body(path, "arrow", f"key-{len(self.bodies)}"))
        self.rows |= rows

    def source(self, mapping=None, port=None, user=USER):
        options = {"systems": ["registry"]}
        return self.define("push", options, mapping or MAPPING, resource=self.resource, row_id="id")

    def pull(self, source, state, batch_rows):
        from connectors.pull import pushed

        told = state or {"bodies": 0, "rows": 0}
        done = told["rows"]
        for place in range(told["bodies"], len(self.bodies)):
            for batch in pushed(source, self.bodies[place], done, batch_rows):
                done += batch.number_of_rows
                yield replace(batch, watermark={"bodies": place, "rows": done})
            done = 0

    def truncate(self):
        path = self.bodies[0].path
        path.write_bytes(path.read_bytes()[:-200])


SYSTEMS = {
    "sql/sqlite": Sqlite,
    "sql/whole table": WholeSqlite,
    "sql/postgresql": Postgres,
    "sql/mariadb": Maria,
    "file/local": Files,
    "file/packed": PackedFiles,
    "file/sftp": SftpFiles,
    "spatial": Layers,
    "rest": Interface,
    "stream/changes": Changes,
    "stream/queue": Messages,
    "push": Pushes,
}
