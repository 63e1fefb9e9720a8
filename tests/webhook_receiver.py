"""A program that is told by webhook, on the loopback address."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


class Received:
    """Keeps what it is sent; answers with the statuses given, then 200."""

    def __init__(self, url):
        self.url, self.taken, self.answers = url, [], []


@contextmanager
def listening(kind: type[Received] = Received) -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.taken.append((dict(self.headers), body))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            """Say nothing at the terminal."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = kind(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
