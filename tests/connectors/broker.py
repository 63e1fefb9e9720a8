"""A RabbitMQ of one's own, on loopback, with all its files in one folder; it and its port mapper stop with the test."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pika
import pytest
from skipping import absent

from hub.server import free_port


def server_program() -> Path | None:
    """The server itself, not the wrapper that changes the account."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return found[-1] if found and shutil.which("epmd") else None


class Broker:
    """One node; ``stop`` and ``start`` restart it with what it keeps."""

    def __init__(self, folder: Path):
        program = server_program()
        if program is None:
            absent("RabbitMQ")
        self.program, self.folder, self.port = program, folder, free_port()
        mapper, distribution = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        self.reference = self.url.replace("guest@", "${env:BROKER_SECRET}@")
        (folder / "plugins").write_text("[].")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"hub{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(mapper),
        }
        command = ["epmd", "-address", "127.0.0.1", "-port", str(mapper)]
        self._mapper = subprocess.Popen(command, env=self._environment, start_new_session=True)
        self._server: subprocess.Popen | None = None

    def start(self):
        with (self.folder / "output").open("ab") as output:
            self._server = subprocess.Popen(
                [self.program], env=self._environment, stdout=output, stderr=output, start_new_session=True
            )
        until = time.monotonic() + 240  # a loaded machine starts Erlang in minutes
        while True:
            try:
                return self.connect().close()
            except pika.exceptions.AMQPError:
                assert self._server.poll() is None, (self.folder / "output").read_text()[-2000:]
                assert time.monotonic() < until, "RabbitMQ does not answer"
                time.sleep(0.2)

    def stop(self):
        if self._server and self._server.poll() is None:
            os.killpg(self._server.pid, signal.SIGTERM)
            try:
                self._server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self._server.pid, signal.SIGKILL)
                self._server.wait(10)

    def close(self):
        self.stop()
        self._mapper.terminate()
        self._mapper.wait(10)

    def connect(self):
        return pika.BlockingConnection(pika.URLParameters(self.url))

    def control(self, *words: str):
        """Run ``rabbitmqctl``."""
        program = self.program.with_name("rabbitmqctl")
        done = subprocess.run(
            [program, *words], env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


_running: list[Broker] = []


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """The run's broker, one for all modules that import this; each test has queues of its own."""
    if not _running:
        _running.append(Broker(tmp_path_factory.mktemp("broker")))
        try:
            _running[0].start()
        except BaseException:
            _running.pop().close()
            raise
    yield _running[0]
    _running[0].close()
