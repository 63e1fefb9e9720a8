"""Departments' servers, real ones, on loopback: SFTP, FTP, S3, HTTP, MariaDB, and a relay that breaks connections off.

Each keeps its files in memory or a folder of its own, knows one user, and can be stopped and started again on its port.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
import uuid
from base64 import b64encode
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from skipping import absent

USER, PASSWORD = "reader", "s3cret-of-the-department"


class Relay:
    """Passes bytes on to a port; each number in ``cuts`` breaks one connection off after so many bytes of answers."""

    def __init__(self, target: int):
        self.target = target
        self.cuts: list[int] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, origin, goal, answers):
        passed = 0
        with contextlib.suppress(OSError):
            while content := origin.recv(1 << 14):
                if answers and self.cuts and passed + len(content) > self.cuts[0]:
                    goal.sendall(content[: self.cuts.pop(0) - passed])
                    break
                passed += len(content)
                goal.sendall(content)
        for side in (origin, goal):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

    def close(self):
        self._listening.close()


class SftpStore:
    """An SFTP server over a folder."""

    def __init__(self, folder: Path):
        import asyncssh

        self.folder = folder
        self.port = 0
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = self._key.export_public_key().decode().strip()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.start()

    def start(self):
        self._server = self._run(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listen(self):
        import asyncssh

        class Login(asyncssh.SSHServer):
            def begin_auth(self, username):
                return True

            def password_auth_supported(self):
                return True

            def validate_password(self, username, password):
                return (username, password) == (USER, PASSWORD)

        class Sftp(asyncssh.SFTPServer):
            def __init__(sftp, channel):  # noqa: N805
                super().__init__(channel, chroot=str(self.folder).encode())

        return await asyncssh.listen(
            "127.0.0.1", self.port, server_host_keys=[self._key], server_factory=Login, sftp_factory=Sftp
        )

    def stop(self):
        async def end():
            self._server.close()
            await self._server.wait_closed()

        self._run(end())

    def close(self):
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def put(self, name: str, content: bytes):
        _put(self.folder / name, content)

    def options(self, pattern: str, port: int | None = None) -> dict:
        storage = {"user": USER, "password": "${env:STORE_SECRET}", "host_key": self.host_key}
        return {"path": f"sftp://127.0.0.1:{port or self.port}/{pattern}", "storage": storage}


class FtpStore:
    """An FTP server over a folder; each number in ``cuts`` breaks one transfer off after so many bytes.

    ``encoding`` is that of file names; an ``old`` server describes files as people read them (RFC 959), not machines.
    """

    def __init__(self, folder: Path, encoding: str = "utf-8", old: bool = False):
        self.folder, self._encoding, self._old = folder, encoding, old
        self.port = 0
        self.cuts: list[int] = []
        self.start()

    def start(self):
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import DTPHandler, FTPHandler
        from pyftpdlib.ioloop import IOLoop
        from pyftpdlib.servers import FTPServer

        store = self

        class Transfer(DTPHandler):
            def initiate_send(self):
                if store.cuts and self.tot_bytes_sent >= store.cuts[0]:
                    store.cuts.pop(0)
                    self.cmd_channel.close()
                    self.close()
                    return
                super().initiate_send()

        authorizer = DummyAuthorizer()
        authorizer.add_user(USER, PASSWORD, str(self.folder), perm="elr")
        handler = type(
            "Handler",
            (FTPHandler,),
            {
                "authorizer": authorizer,
                "dtp_handler": Transfer,
                "auth_failed_timeout": 0,
                "use_sendfile": False,
                "encoding": self._encoding,
            },
        )
        if self._old:
            known = FTPHandler.proto_cmds.items()
            handler.proto_cmds = {name: told for name, told in known if name not in ("MLSD", "MLST")}
        self._server = FTPServer(("127.0.0.1", self.port), handler, ioloop=IOLoop())
        self.port = self._server.address[1]
        self._running = threading.Event()
        self._running.set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while self._running.is_set():
            self._server.serve_forever(timeout=0.05, blocking=False, handle_exit=False)
        self._server.close_all()

    def stop(self):
        self._running.clear()
        self._thread.join(10)

    close = stop

    def put(self, name: str, content: bytes):
        _put(self.folder / name, content)

    def options(self, pattern: str, port: int | None = None) -> dict:
        storage = {"user": USER, "password": "${env:STORE_SECRET}"}
        return {"path": f"ftp://127.0.0.1:{port or self.port}/{pattern}", "storage": storage}


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    expected = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def __init__(self, store, *request, **how):
        self.store = store
        super().__init__(*request, **how)

    def send_head(self):
        self.rest = None
        self.store.asked.append(dict(self.headers))
        if self.path in self.store.moved:
            self.send_response(302)
            self.send_header("Location", self.store.moved[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        if self.headers.get("Authorization") != self.expected:
            self.send_error(401)
            return None
        asked = self.headers.get("Range", "")
        path = Path(self.translate_path(self.path))
        if self.store.ranges and asked.startswith("bytes=") and path.is_file():
            return self.send_part(path, asked)
        return super().send_head()

    def send_part(self, path, asked):
        first, _, last = asked[6:].partition("-")
        size = path.stat().st_size
        end = min(int(last or size - 1), size - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{end}/{size}")
        self.send_header("Content-Length", str(end - int(first) + 1))
        self.end_headers()
        file = path.open("rb")
        file.seek(int(first))
        self.rest = end - int(first) + 1
        return file

    def copyfile(self, source, outputfile):
        if self.rest is None:
            super().copyfile(source, outputfile)
        else:
            outputfile.write(source.read(self.rest))

    def send_header(self, name, value):
        if name != "Last-Modified" or self.store.stamped:
            super().send_header(name, value)

    def log_message(self, *arguments):
        pass


class HttpStore:
    """An HTTP server over a folder, which it lists; ranges are answered unless told otherwise.

    A path that has ``moved`` is answered with the URL where it went; ``asked`` keeps the headers of all requests.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = 0
        self.ranges = True
        self.stamped = True
        self.moved: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        self.start()

    def start(self):
        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """A relay that breaks connections off is what some tests are about."""

        self._server = Quiet(("127.0.0.1", self.port), partial(_Handler, self, directory=str(self.folder)))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    close = stop

    def put(self, name: str, content: bytes):
        _put(self.folder / name, content)

    def options(self, pattern: str, port: int | None = None) -> dict:
        storage = {"user": USER, "password": "${env:STORE_SECRET}"}
        return {"path": f"http://127.0.0.1:{port or self.port}/{pattern}", "storage": storage}


class S3Store:
    """An S3 server that checks signatures; every store is a bucket, and one key may read it."""

    def __init__(self, server: "S3Server", bucket: str):
        self._server, self._bucket = server, bucket
        self.port = server.port
        server.admin.create_bucket(Bucket=bucket)

    def put(self, name: str, content: bytes):
        self._server.admin.put_object(Bucket=self._bucket, Key=name, Body=content)

    def options(self, pattern: str, port: int | None = None) -> dict:
        storage = {
            "access_key": "${env:STORE_KEY}",
            "secret_key": "${env:STORE_SECRET}",
            "endpoint": f"http://127.0.0.1:{port or self.port}",
            "region": "us-east-1",
        }
        return {"path": f"s3://{self._bucket}/{pattern}", "storage": storage}


class S3Server:
    """moto's server, its access control switched on."""

    def __init__(self):
        import boto3
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        _, self.port = self._server.get_host_and_port()
        url = f"http://127.0.0.1:{self.port}"
        login = {"aws_access_key_id": "admin", "aws_secret_access_key": "admin", "region_name": "us-east-1"}
        iam = boto3.client("iam", endpoint_url=url, **login)
        iam.create_user(UserName=USER)
        document = (
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
        )
        iam.put_user_policy(UserName=USER, PolicyName="all", PolicyDocument=document)
        made = iam.create_access_key(UserName=USER)["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        login = {
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "region_name": "us-east-1",
        }
        self.admin = boto3.client("s3", endpoint_url=url, **login)
        self._check_logins_after("0")

    def _check_logins_after(self, requests: str):
        """moto reads the number from a body that is no form; the count is of the whole process."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/moto-api/reset-auth",
            data=requests.encode(),
            headers={"Content-Type": "text/plain"},
            method="POST",
        )
        urllib.request.urlopen(request, timeout=10).close()

    def close(self):
        self._check_logins_after("inf")
        self._server.stop()


class MariaServer:
    """A private MariaDB on loopback."""

    def __init__(self, folder: Path):
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._user = ["--user=root"] if os.geteuid() == 0 else []
        install = shutil.which("mariadb-install-db") or "mariadb-install-db"
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={folder}/data",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *self._user,
            ],
            check=True,
            capture_output=True,
        )
        self.start()
        with self.connect(user="root", password="") as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'")
            cursor.execute(f"GRANT ALL ON *.* TO '{USER}'@'%'")

    def start(self):
        program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        arguments = [
            program,
            "--no-defaults",
            f"--datadir={self.folder}/data",
            f"--socket={self.folder}/s",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=32M",
            "--character-set-server=utf8mb4",
            f"--log-error={self.folder}/log",
            *self._user,
        ]
        self._process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 240
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, "MariaDB does not start"
                time.sleep(0.1)

    def stop(self):
        self._process.terminate()
        self._process.wait(30)

    close = stop

    def connect(self, user=USER, password=PASSWORD, database=None):
        import pymysql

        login = {"user": user, "password": password, "database": database}
        return pymysql.connect(host="127.0.0.1", port=self.port, charset="utf8mb4", autocommit=True, **login)

    def database(self) -> str:
        """Make an empty database and return its name."""
        name = f"register_{uuid.uuid4().hex[:8]}"
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str) -> str:
        return (
            f"mysql+pymysql://{USER}:${{env:STORE_SECRET}}@127.0.0.1:{self.port}/{database}?charset=utf8mb4"
        )


def mariadb_is_installed() -> bool:
    return bool(shutil.which("mariadbd") or Path("/usr/sbin/mariadbd").exists()) and bool(
        shutil.which("mariadb-install-db")
    )


def _put(path: Path, content: bytes):
    """Write beside and move, so that no reader sees half a file; an hour old, so that no clock's grain matters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    stamp = time.time() - 3600 + _put.count
    _put.count += 1
    os.utime(beside, (stamp, stamp))
    beside.replace(path)


_put.count = 0


@pytest.fixture(scope="session")
def s3_server():
    server = S3Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory):
    if not mariadb_is_installed():
        absent("MariaDB")
    server = MariaServer(tmp_path_factory.mktemp("maria"))
    yield server
    server.close()


@pytest.fixture
def store(request, tmp_path, monkeypatch):
    """A server that keeps files; ``indirect`` parameter: sftp, ftp, http or s3. Its secret is in the environment."""
    monkeypatch.setattr("connectors.file.remote.FIRST_PAUSE", 0.01)
    monkeypatch.setenv("STORE_SECRET", PASSWORD)
    if request.param == "s3":
        server = request.getfixturevalue("s3_server")
        monkeypatch.setenv("STORE_KEY", server.key)
        monkeypatch.setenv("STORE_SECRET", server.secret)
        yield S3Store(server, f"deliveries-{uuid.uuid4().hex[:8]}")
        return
    folder = tmp_path / "store"
    folder.mkdir()
    made = {"sftp": SftpStore, "ftp": FtpStore, "http": HttpStore}[request.param](folder)
    yield made
    made.close()
