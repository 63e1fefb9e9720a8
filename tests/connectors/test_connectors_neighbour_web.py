"""Fetching from neighbours: only from where it may be, only so much, only so long."""

from ipaddress import ip_address, ip_network

import pytest
from neighbour_site import Reply, neighbour_site

from connectors.neighbour_web import Web, checked_url, may_be_reached
from schemas.errors import AddressForbidden, CatalogueUnreachable, WrongCatalogue

HERE = (ip_network("127.0.0.1/32"),)


@pytest.fixture(scope="module")
def running():
    with neighbour_site() as site:
        yield site


@pytest.fixture
def site(running):
    running.asked.clear()
    return running


def get(site, path="/", **told):
    return Web(HERE, **told).get(site.url + path, "text/turtle")


def test_a_document_is_fetched_with_what_it_says_it_is(site):
    site.answer = lambda _path, headers: Reply(
        headers["Accept-Encoding"].encode(), "text/turtle; charset=utf-8"
    )
    fetched = get(site, "/catalog.ttl?page=2#top")
    assert (fetched.media_type, fetched.body) == ("text/turtle", b"identity")
    assert fetched.url == f"{site.url}/catalog.ttl?page=2"
    assert site.asked == ["/catalog.ttl?page=2"]


def test_a_redirect_is_followed_and_its_address_judged_again(site):
    def answer(path, _headers):
        return Reply(status=302, headers={"Location": "/there"}) if path == "/" else Reply(b"x")

    site.answer = answer
    assert get(site).url == f"{site.url}/there"
    elsewhere = site.url.replace("127.0.0.1", "127.0.0.2")
    for location in (
        elsewhere,
        "http://[::1]:1/",
        "http://169.254.169.254/latest",
        "http://localhost.localdomain:1/",
    ):
        site.answer = lambda _path, _headers, to=location: Reply(status=302, headers={"Location": to})
        with pytest.raises((AddressForbidden, CatalogueUnreachable)) as refused:
            get(site)
        assert isinstance(refused.value, AddressForbidden) or "localhost.localdomain" in location
    for location in ("file:///etc/passwd", "ftp://127.0.0.1/", "http://user:word@127.0.0.1/"):
        site.answer = lambda _path, _headers, to=location: Reply(status=302, headers={"Location": to})
        with pytest.raises(AddressForbidden):
            get(site)


def test_loopback_is_not_reached_unless_it_is_named(site):
    with pytest.raises(AddressForbidden, match="HUB_HARVEST_NETWORKS"):
        Web().get(site.url, "text/turtle")
    assert site.asked == []


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(status=302, headers={"Location": "/"}), CatalogueUnreachable, "redirects more than"),
        (Reply(status=301), CatalogueUnreachable, "to nowhere"),
        (Reply(status=503), CatalogueUnreachable, "answers 503"),
        (Reply(b"x", headers={"Content-Encoding": "gzip"}), WrongCatalogue, "packed"),
        (Reply(b"x" * 5_001), WrongCatalogue, "larger than 5,000"),
        (Reply(b"x" * 4_000, drip=0.1), CatalogueUnreachable, "too long"),
        (
            Reply(b"x" * 10, headers={"Content-Length": "99"}),
            CatalogueUnreachable,
            "does not answer as it should",
        ),
    ],
    ids=["circle", "nowhere", "status", "packed", "large", "slow", "cut"],
)
def test_what_does_not_answer_as_it_should_is_told(site, reply, error, words):
    site.answer = lambda _path, _headers: reply
    with pytest.raises(error, match=words):
        get(site, seconds=1.0, most_bytes=5_000)


def test_a_site_that_is_not_there_is_told():
    with pytest.raises(CatalogueUnreachable, match="ConnectError"):
        Web(HERE).get("http://127.0.0.1:9/", "text/turtle")
    with pytest.raises(CatalogueUnreachable, match="has no address"):
        Web(HERE).get("http://nobody.invalid/", "text/turtle")


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "127.0.0.1", "169.254.169.254", "192.168.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1",
     "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "2001:0:a00:1::1"],
)  # fmt: skip
def test_what_is_not_public_is_not_reached(address):
    assert not may_be_reached(ip_address(address), ())
    assert not may_be_reached(ip_address(address), (ip_network("172.16.0.0/12"),))


def test_what_is_public_or_named_is_reached():
    assert may_be_reached(ip_address("93.184.215.14"), ())
    assert may_be_reached(ip_address("2606:2800:21f::1"), ())
    assert may_be_reached(ip_address("10.1.2.3"), (ip_network("fd00::/8"), ip_network("10.0.0.0/8")))
    assert may_be_reached(ip_address("::ffff:10.1.2.3"), (ip_network("10.0.0.0/8"),))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "a.example",
        "http://",
        "http://u:p@a.example/",
        "http://a.example:x/",
        "",
    ],
)
def test_an_address_that_is_none_of_http_is_refused(url):
    with pytest.raises(AddressForbidden):
        checked_url(url)
