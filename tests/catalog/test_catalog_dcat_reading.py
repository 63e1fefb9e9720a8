"""Reading neighbours' documents: what is safe, what is a dataset, and what is left behind."""

import orjson
import pytest
from test_catalog_dcat import AT, PAGE, SHOWN, described

from catalog.dcat.ckan import ckan_page_read, search_address
from catalog.dcat.dataset import Agent
from catalog.dcat.formats import FORMATS, serialized
from catalog.dcat.parsing import parsed
from catalog.dcat.reading import page_read
from catalog.dcat.writing import graph_of
from schemas.errors import WrongCatalogue

BASE = "https://neighbour.example/catalog.ttl"
PREFIXES = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix vcard: <http://www.w3.org/2006/vcard/ns#> . @prefix hydra: <http://www.w3.org/ns/hydra/core#> .
"""


def turtle(text):
    return page_read(parsed((PREFIXES + text).encode(), "text/turtle", BASE))


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_what_we_write_is_read_back_as_it_was(one):
    body = serialized(graph_of(SHOWN, described(), PAGE), one)
    for media_type in (one.media_type, "application/octet-stream"):
        page = page_read(parsed(body, media_type, BASE))
        expected = {each.uri: each for each in described()}
        assert {each.uri for each in page.datasets} == expected.keys()
        for read in page.datasets:
            written = expected[read.uri]
            for name in ("title", "description", "chain", "identifier", "publisher", "contact", "frequency", "access", "rights", "themes",
                         "spatial", "version", "issued", "legislation", "distributions"):  # fmt: skip
                assert getattr(read, name) == (getattr(written, name) or type(getattr(read, name))()), name
        assert (page.catalogue, page.title, page.is_paged) == (AT.hub_id, "目录", True)
        assert page.following == PAGE.following


def test_what_cannot_be_kept_is_skipped_with_its_reason():
    page = turtle(
        f"""
        <#kept> a dcat:Dataset ; dct:title "一" .
        <#untitled> a dcat:Dataset ; dct:description "x" .
        [] a dcat:Dataset ; dct:title "无名" .
        [] a dcat:Dataset ; dct:title "有号" ; dct:identifier "7" .
        <#long> a dcat:Dataset ; dct:title "{"长" * 501}" .
        <#crowded> a dcat:Dataset ; dct:title "多" ; dcat:keyword {", ".join(f'"{n}"' for n in range(250))} .
        """
    )
    assert sorted(one.foreign_id for one in page.datasets) == ["7", BASE + "#kept"]
    reasons = [one.reason for one in page.skipped]
    for words in ("no title", "neither a URI nor an identifier", "longer than 500", "more than 200"):
        assert sum(words in reason for reason in reasons) == 1


def test_people_are_left_behind_and_so_are_addresses_of_no_web():
    (one,) = turtle(
        """
        <#d> a dcat:Dataset ; dct:title "数据\\u0000集"@zh, "Data"@en ;
            dct:publisher [ a foaf:Person ; foaf:name "测试人" ] ;
            dcat:contactPoint [ a vcard:Individual ; vcard:fn "测试人" ] ;
            dct:issued "2026-13-45", "2026-02-03T10:00:00Z" ;
            dcat:distribution [ dcat:accessURL <javascript:alert(1)> ], [ dcat:downloadURL <http://a.example/1.csv> ] .
        """
    ).datasets
    assert (one.publisher, one.contact) == (None, "")
    assert one.title == {"zh": "数据集", "en": "Data"}
    assert one.issued.isoformat() == "2026-02-03"
    assert [each.access_url for each in one.distributions] == ["http://a.example/1.csv"]


def test_the_next_page_is_found_in_the_words_of_before_too():
    assert (
        turtle(f"<{BASE}> a hydra:PagedCollection ; hydra:nextPage <{BASE}?page=2> .").following
        == BASE + "?page=2"
    )


BOMB = b"""<?xml version="1.0"?><!DOCTYPE rdf:RDF [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&b;</rdf:RDF>"""
OUTSIDE = BOMB.replace(b'<!ENTITY a "lol">', b'<!ENTITY a SYSTEM "file:///etc/passwd">')


@pytest.mark.parametrize(
    ("body", "media_type", "words"),
    [
        (BOMB, "application/rdf+xml", "document type"),
        (OUTSIDE, "text/xml", "document type"),
        (OUTSIDE, "", "document type"),
        (b'{"@context": "http://127.0.0.1:9/context.jsonld"}', "application/ld+json", "remote context"),
        (b'{"@context": [{}, "context.jsonld"], "@id": "x"}', "application/ld+json", "remote context"),
        (b'{"@context": {"a": {"@id": "urn:a", "@context": "urn:c"}}}', "application/ld+json", "remote context"),
        (b'{"@context": {"@import": "urn:c"}}', "application/ld+json", "remote context"),
        (b"[" * 200 + b"]" * 200, "application/ld+json", "nested deeper"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "application/ld+json", "nested deeper"),
        (b"[" * 100_000, "application/ld+json", "no JSON-LD"),
        (b"[ <urn:p> " * 5_000 + b"] " * 5_000, "text/turtle", "no Turtle"),
        (b"<!DOCTYPE html><html></html>", "text/html", "page for people"),
        (b"\xff\xfe\x00", "text/turtle", "no Turtle"),
        (b"<rdf:RDF", "application/rdf+xml", "no RDF/XML"),
        (b"citizen 11010519491231002X", "text/turtle", "no Turtle"),
    ],
    ids=["bomb", "outside", "guessed", "remote", "list", "scoped", "import", "arrays", "objects", "deep", "nested", "page", "bytes", "cut", "text"],
)  # fmt: skip
def test_what_is_not_safe_or_no_document_is_refused_and_not_quoted(body, media_type, words):
    with pytest.raises(WrongCatalogue, match=words) as refused:
        parsed(body, media_type, BASE)
    assert "110105" not in str(refused.value)
    assert "passwd" not in str(refused.value)


def package(number, **changed):
    told = {
        "id": f"id-{number}", "name": f"set-{number}", "title": f"数据{number}", "notes": "说明", "author": "测试人", "maintainer": "测试人",
        "organization": {"title": "水利局"}, "tags": [{"name": "水"}, {"name": "水"}], "metadata_modified": "2026-03-01T00:00:00",
        "extras": [{"key": "frequency", "value": "daily"}], "license_title": "CC BY 4.0",
        "resources": [{"url": "https://a.example/1.csv", "name": "1", "format": "CSV"}, {"url": "javascript:1"}, 7],
    }  # fmt: skip
    return {name: value for name, value in (told | changed).items() if value is not None}


def answered(packages, count=None):
    return orjson.dumps(
        {"success": True, "result": {"count": len(packages) if count is None else count, "results": packages}}
    )


def test_what_ckan_answers_is_read_without_its_people():
    site = "https://ckan.example"
    page = ckan_page_read(
        answered([package(1), package(2, title=None), package(3, name=None, id=None), 7], 9), site, 4
    )
    (one,) = page.datasets
    assert one.uri == "https://ckan.example/dataset/set-1"
    assert (one.identifier, one.publisher, one.frequency) == ("id-1", Agent("水利局"), "daily")
    assert (one.keywords, one.modified.isoformat(), len(one.distributions)) == (("水",), "2026-03-01", 1)
    assert "测试人" not in str(one.as_dict())
    assert [(each.foreign_id, each.reason) for each in page.skipped] == [
        ("set-2", "it has no title"), ("package 7", "it has neither a name nor an id"), ("package 8", "it is no object"),
    ]  # fmt: skip
    assert page.following == search_address(site, 8)
    assert ckan_page_read(answered([package(1)]), site, 0).following is None
    assert ckan_page_read(answered([], 9), site, 0).following is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b"[]",
        b'{"result": {"count": "x", "results": []}}',
        b'{"result": {"count": 1, "results": 7}}',
    ],
)
def test_what_is_not_ckans_is_refused(body):
    with pytest.raises(WrongCatalogue):
        ckan_page_read(body, "https://ckan.example", 0)
