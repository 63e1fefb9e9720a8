"""A small department interface over HTTP, for tests: what each request gets is a function of it."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class Reply:
    """``drop`` bytes of the body are announced and not sent: the connection ends before."""

    value: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drop: int = 0
    drip_seconds: float = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that went away is what some tests are about."""


class JsonInterface:
    """Answers each request by ``answer(request)``; keeps the requests."""

    def __init__(self, answer: Callable[[Request], Reply], port: int = 0):
        self.requests: list[Request] = []
        interface = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def _serve(self):
                length = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                request = Request(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length).decode(),
                )
                interface.requests.append(request)
                self._send(answer(request))

            def _send(self, reply: Reply):
                body = reply.raw
                if body is None:
                    body = json.dumps(reply.value, ensure_ascii=False).encode()
                self.send_response(reply.status)
                headers = {"Content-Type": "application/json"} | reply.headers
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                sent = body[: len(body) - reply.drop]
                size = 64 if reply.drip_seconds else max(len(sent), 1)
                for piece in (sent[at : at + size] for at in range(0, len(sent), size)):
                    self.wfile.write(piece)
                    self.wfile.flush()
                    time.sleep(reply.drip_seconds)
                if reply.drop:
                    self.close_connection = True

            do_GET = do_POST = _serve  # noqa: N815

            def log_message(self, *args):
                pass

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
