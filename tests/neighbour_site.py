"""A neighbour's site over HTTP: what each address answers is a function of it, and what was asked is kept."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson

TURTLE = "text/turtle"


@dataclass
class Reply:
    """``drip`` seconds pass between its bytes, of which it has a hundred at a time."""

    body: bytes = b""
    media_type: str = TURTLE
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0


def json_reply(value) -> Reply:
    return Reply(orjson.dumps(value), "application/json")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that had enough is what some tests are about."""


@dataclass
class Site:
    """``answer`` may be changed at any time; it gets path and query, and the headers."""

    url: str
    answer: Callable[[str, dict], Reply] = lambda _path, _headers: Reply(status=404)
    asked: list[str] = field(default_factory=list)


@contextmanager
def neighbour_site():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked.append(self.path)
            reply = site.answer(self.path, dict(self.headers))
            self.send_response(reply.status)
            for name, value in {
                "Content-Type": reply.media_type,
                "Content-Length": str(len(reply.body)),
                **reply.headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            for start in range(0, len(reply.body), 100) if reply.drip else ():
                self.wfile.write(reply.body[start : start + 100])
                time.sleep(reply.drip)
            if not reply.drip:
                self.wfile.write(reply.body)

        def log_message(self, *_told):
            """Say nothing: tests have their own words."""

    server = _Server(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
