"""Requests that are answered before their body was read: the connection ends with the answer, and the caller is told."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLOSE = (b"connection", b"close")
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class UnreadBodies:
    """Says ``Connection: close`` where a body was not read to its end (RFC 9112, 9.6).

    The server closes such a connection in any case; a caller who is not told may send the next request on it, and lose it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; what is added is the header alone."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        ended = False

        async def received() -> Message:
            nonlocal ended
            message = await receive()
            ended = not message.get("more_body", False)
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and not ended:
                message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            await send(message)

        await self._app(scope, received, sent)


def _has_body(scope: Scope) -> bool:
    if not scope["http_version"].startswith("1"):
        return False  # streams of HTTP/2 end by themselves
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
