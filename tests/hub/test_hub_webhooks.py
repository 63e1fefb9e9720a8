"""The one way a message is sent: to no address that is not allowed, followed nowhere, and never waited for without end."""

import asyncio
import socket
import threading
from ipaddress import ip_network

import pytest
from webhook_receiver import listening

from hub.webhooks import key_of, new_secret, post
from schemas.errors import ConfigurationError

HERE = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def receiver():
    with listening() as one:
        yield one


def sent(url, networks=HERE, seconds=5.0):
    return asyncio.run(post(url, {}, b"{}", networks, seconds))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
        "2130706433",
    ],
)
def test_private_addresses_are_not_connected_to(receiver, host):
    port = receiver.url.rpartition(":")[2]
    for scheme in ("http", "https"):
        failure = sent(f"{scheme}://{host}:{port}/", networks=())
        assert failure is not None
        assert "not public" in failure.said
    assert receiver.taken == []


def test_a_name_is_judged_by_where_it_leads_when_it_is_connected_to(receiver, monkeypatch):
    asked = []

    async def leads_inside(_loop, host, port, **_how):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", leads_inside)
    port = receiver.url.rpartition(":")[2]
    assert "not public" in sent(f"http://rebound.example.org:{port}/", networks=()).said
    assert asked == ["rebound.example.org"]
    assert receiver.taken == []
    assert sent(f"http://rebound.example.org:{port}/") is None
    assert [headers["Host"] for headers, _ in receiver.taken] == [f"rebound.example.org:{port}"]
    assert len(asked) == 2  # once a message: the address that was judged is the one that is connected to


def test_plain_http_leaves_the_allowed_networks_never(monkeypatch):
    async def leads_outside(_loop, _host, port, **_how):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", leads_outside)
    assert "unencrypted" in sent("http://public.example.org/").said


def test_a_redirect_is_a_failure_and_who_is_gone_is_not_asked_again(receiver):
    receiver.answers = [302, 307, 503, 410, 204]
    told = [sent(receiver.url) for _ in range(5)]
    assert [one and (one.said, one.again, one.gone) for one in told] == [
        ("it answers 302", False, False), ("it answers 307", False, False), ("it answers 503", True, False),
        ("it answers 410", False, True), None,
    ]  # fmt: skip
    assert len(receiver.taken) == 5


@pytest.mark.parametrize("how", ["silent", "dripping", "endless", "rubbish"])
def test_who_never_answers_or_without_end_is_waited_for_so_long_and_no_longer(how):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                try:
                    if how == "endless":
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
                        while not stop.is_set():
                            connection.sendall(bytes(65_536))
                    elif how == "rubbish":
                        connection.sendall(b"\x00" * 100 + b"\r\n\r\n")
                    while how == "dripping" and not stop.wait(0.05):
                        connection.sendall(b"H")
                    stop.wait(10)
                except OSError:
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        failure = sent(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=1.0)
        stop.set()
        thread.join()
    assert (failure and failure.said) == {
        "silent": "TimeoutError", "dripping": "RemoteProtocolError", "endless": None, "rubbish": "RemoteProtocolError",
    }[how] or (how == "dripping" and failure.said == "TimeoutError")  # fmt: skip


def test_secrets_are_what_standard_webhooks_has():
    assert len(key_of(new_secret(), "It", "")) == 32
    with pytest.raises(ConfigurationError, match="24 bytes or more"):
        key_of("whsec_AAAA", "It", "")
