"""Departments' databases, read by statements or followed by their log."""

import contextlib
import socket
import threading
import time
import uuid
from pathlib import Path

import psycopg
from department_system import MAPPING, SECRET, System
from registers import MariaRegister, PostgresRegister, SqliteRegister
from servers import USER


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
