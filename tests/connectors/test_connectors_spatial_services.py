"""Layers of services over HTTP: GML and GeoJSON page by page, whole or refused, gone on with where a pull stopped."""

import json
import re

import pytest
import shapely
from json_interface import JsonInterface, Reply

from connectors.pull import pull, standing
from schemas.errors import DefinitionError, MissingColumn, SourceLoginFailed, SourceUnreachable, WrongFormat

MAPPING = {"place_code": "code", "name": "name", "geometry": "geometry"}
XML = {"Content-Type": "application/gml+xml; version=3.2"}
SCHEMA = """<?xml version="1.0" encoding="UTF-8"?>
<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:base="http://base"
 targetNamespace="http://base" elementFormDefault="qualified">
<xsd:import namespace="http://www.opengis.net/gml/3.2" schemaLocation="http://127.0.0.1:1/gml.xsd"/>
<xsd:complexType name="townsType"><xsd:complexContent><xsd:extension base="gml:AbstractFeatureType"><xsd:sequence>
<xsd:element name="code" type="xsd:string"/><xsd:element name="name" minOccurs="0" type="xsd:string"/>
<xsd:element name="geom" type="gml:PointPropertyType"/></xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
<xsd:element name="towns" substitutionGroup="gml:AbstractFeature" type="base:townsType"/></xsd:schema>"""


class Service:
    """Some towns, served as WFS or as OGC API; ``cap`` is most features a page, whatever is asked for."""

    def __init__(self, count=25, cap=10, srs="urn:ogc:def:crs:EPSG::4490"):
        self.names = {number: f"镇{number}" for number in range(count)}
        self.cap, self.srs = cap, srs
        self.pages, self.knows_total, self.has_schema, self.announced = True, True, True, 0
        self.replies: list[Reply] = []
        self.interface = JsonInterface(self._answer)

    @property
    def url(self):
        return f"{self.interface.url}/wfs"

    def asked(self, word):
        return [
            request for request in self.interface.requests if word in json.dumps(request.query) + request.path
        ]

    def _answer(self, request):
        if self.replies and ("GetFeature" in request.query.values() or "items" in request.path):
            reply = self.replies.pop(0)
            if reply is not None:
                return reply
        if request.query.get("request") == "DescribeFeatureType":
            return Reply(raw=SCHEMA.encode(), headers=XML) if self.has_schema else Reply(status=400, raw=b"")
        if request.query.get("request") == "GetFeature":
            return Reply(raw=self._gml(request.query).encode(), headers=XML)
        if request.path == "/wfs/collections/base:towns/items":
            return Reply(self._geojson(request.query))
        return Reply(status=404, raw=b"")

    def _chosen(self, start, count):
        start = start if self.pages else 0
        return list(self.names)[start : start + min(count, self.cap)]

    def _gml(self, query):
        chosen = self._chosen(int(query.get("startIndex", 0)), int(query.get("count", 10_000)))
        members = "".join(
            f'<wfs:member><base:towns gml:id="t.{n}"><base:code>{n:04d}</base:code>'
            + (f"<base:name>{self.names[n]}</base:name>" if self.names[n] else "")
            + f'<base:geom><gml:Point srsName="{self.srs}"><gml:pos>{29 + n / 100} {106 + n / 100}</gml:pos></gml:Point></base:geom>'
            "</base:towns></wfs:member>"
            for n in chosen
        )
        matched = len(self.names) if self.knows_total else "unknown"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0"'
            ' xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:base="http://base"'
            f' numberMatched="{matched}" numberReturned="{len(chosen) + self.announced}">{members}</wfs:FeatureCollection>'
        )

    def _geojson(self, query):
        start = int(query.get("offset", 0))
        chosen = self._chosen(start, int(query["limit"]))
        features = [
            {
                "type": "Feature",
                "properties": {"code": f"{n:04d}", "name": self.names[n]},
                "geometry": {"type": "Point", "coordinates": [106 + n / 100, 29 + n / 100]},
            }
            for n in chosen
        ]
        value = {
            "type": "FeatureCollection",
            "features": features,
            "numberReturned": len(features) + self.announced,
        }
        if self.knows_total:
            value["numberMatched"] = len(self.names)
        if start + len(chosen) < len(self.names):
            following = f"items?limit={query['limit']}&offset={start + len(chosen)}&f=json"
            value["links"] = [{"rel": "self", "href": "x"}, {"rel": "next", "href": following}]
        return value


@pytest.fixture
def service():
    made = Service()
    yield made
    made.interface.close()


@pytest.fixture(params=["wfs", "ogc_api"])
def kind(request):
    return request.param


@pytest.fixture
def served(define):
    def make(service, kind, mapping=None, crs=None, deletions=None, **options):
        told = {"kind": kind, "url": service.url, "page_size": 10, "retries": 0} | options
        fields = {"deletions": deletions} if deletions else {}
        options = {"service": told, "layer": "base:towns"} | ({"crs": crs} if crs else {})
        return define("spatial", options, mapping or MAPPING, resource="place", row_id="code", **fields)

    return make


def rows(source, batch_rows=8):
    return [row for batch in pull(source, None, batch_rows) for row in batch.table.to_pylist()]


def test_all_pages_come_with_every_feature_in_its_place(service, served, kind):
    service.names[3] = None
    found = rows(served(service, kind))
    assert [row["code"] for row in found] == [f"{n:04d}" for n in range(25)] == [row["_row"] for row in found]
    assert [row["name"] for row in found] == [service.names[n] for n in range(25)]
    for n, row in enumerate(found):
        point = shapely.from_wkb(row["geometry"])
        assert (point.x, point.y) == (pytest.approx(106 + n / 100), pytest.approx(29 + n / 100))


def test_a_service_that_caps_pages_or_does_not_count_gives_all(service, served, kind):
    service.cap, service.knows_total = 4, False
    assert len(rows(served(service, kind))) == 25


def test_a_wfs_in_metres_without_a_schema_is_transformed(service, served):
    service.srs, service.has_schema = "urn:ogc:def:crs:EPSG::4527", False
    service.names = dict.fromkeys(range(3), "镇")
    gml = service._gml
    service._gml = lambda query: re.sub("<gml:pos>.*?<", "<gml:pos>3264558 39482000<", gml(query))
    found = rows(served(service, "wfs", crs="EPSG:4527"))
    assert [row["code"] for row in found] == ["0000", "0001", "0002"]
    assert 29 < shapely.from_wkb(found[0]["geometry"]).y < 30
    with pytest.raises(WrongFormat, match="is in EPSG:4527, where its definition says EPSG:4490"):
        rows(served(service, "wfs", crs="EPSG:4490"))


def test_a_wfs_that_cannot_page_is_told_and_asked_for_all_at_once(service, served):
    service.pages = False
    with pytest.raises(WrongFormat, match="gives the same page again"):
        rows(served(service, "wfs"))
    service.cap = 100
    assert len(rows(served(service, "wfs", page_size=0, sort_by="code"))) == 25
    assert service.asked('"sortBy": "code"')


def test_a_pull_goes_on_within_the_page_where_it_stopped(service, served, kind):
    source = served(service, kind)
    whole = list(pull(source, None, 8))
    assert [batch.number_of_rows for batch in whole] == [8, 8, 8, 1]
    for done in range(3):
        state = json.loads(json.dumps(whole[done].watermark))
        before = len(service.interface.requests)
        rest = list(pull(source, state, 8))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]
        pages = [
            r for r in service.interface.requests[before:] if r.query.get("request") != "DescribeFeatureType"
        ]
        assert len(pages) == 3 - (done + 1) * 8 // 10
    service.names[8] = "新镇"  # within the page: it is given again, whole
    assert next(pull(source, whole[0].watermark, 100)).number_of_rows == 17
    service.names[2] = "新镇"
    assert next(pull(source, whole[0].watermark, 100)).number_of_rows == 25
    assert sum(batch.number_of_rows for batch in pull(source, whole[-1].watermark, 100)) == 25


def test_a_link_that_is_known_no_more_leads_back_to_the_first_page(service, served):
    source = served(service, "ogc_api")
    state = next(pull(source, None, 12)).watermark
    service.replies = [Reply(status=404, raw=b"")]
    assert sum(batch.number_of_rows for batch in pull(source, state, 100)) == 25


def test_a_page_that_fails_is_asked_for_again_or_ends_the_run(service, served, kind, monkeypatch):
    monkeypatch.setattr("connectors.rest.session._LONGEST_BACK_OFF", 0.01)
    service.replies = [None, Reply(status=503, raw=b""), Reply(raw=b"<a", drop=1)]
    assert len(rows(served(service, kind, retries=3))) == 25
    service.replies = [None, Reply(status=503, raw=b"")]
    with pytest.raises(SourceUnreachable):
        rows(served(service, kind))


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("wfs", b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1"/>', "an exception report"),
        ("wfs", b"<html><body>login</body></html>", "without a collection"),
        ("wfs", b"{}", "without a collection"),
        ("wfs", b'<w:FeatureCollection xmlns:w="http://w"><w:member><w:a></w:member>', "well-formed|ends before"),
        ("ogc_api", b"<html/>", "no JSON"),
        ("ogc_api", b'{"type": "Collection"}', "without a collection"),
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused(service, served, kind, content, words):
    service.replies = [Reply(raw=content)]
    with pytest.raises(Exception, match=words) as caught:
        rows(served(service, kind))
    assert type(caught.value).__module__ == "schemas.errors"
    assert "login" not in str(caught.value)


def test_fewer_features_than_announced_are_refused(service, served, kind):
    service.announced = 2
    with pytest.raises(WrongFormat, match="sent 10 features of a page of 12"):
        rows(served(service, kind))
    service.announced = 0
    service.replies = [None, None, Reply({"type": "FeatureCollection", "features": [], "numberMatched": 25}) if kind == "ogc_api"
                       else Reply(raw=service._gml({"startIndex": "25"}).encode())]  # fmt: skip
    with pytest.raises(WrongFormat, match="gave 20 features of 25"):
        rows(served(service, kind))


def test_pages_of_another_host_or_system_are_refused(service, served):
    value = service._geojson({"limit": "10"})
    value["links"] = [{"rel": "next", "href": "http://127.0.0.2:1/items"}]
    service.replies = [Reply(value)]
    with pytest.raises(WrongFormat, match="another host"):
        rows(served(service, "ogc_api"))
    service.replies = [Reply(value, headers={"Content-Crs": "<http://www.opengis.net/def/crs/EPSG/0/4527>"})]
    with pytest.raises(WrongFormat, match="another coordinate system"):
        rows(served(service, "ogc_api"))


def test_a_column_that_no_feature_has_is_named(service, served, kind):
    with pytest.raises(MissingColumn, match=r"layer base:towns of .* has no column 'kind'"):
        rows(served(service, kind, MAPPING | {"category": "kind"}))


def test_an_empty_layer_is_empty(service, served, kind):
    service.names = {}
    assert rows(served(service, kind)) == []


def test_logins_and_keys_go_where_they_belong(service, served, monkeypatch):
    monkeypatch.setenv("MAP_KEY", "k3y-of-the-map")
    login = {"by": "api_key", "place": "query", "name": "tk", "key": "${env:MAP_KEY}"}
    (first, *_) = pull(served(service, "ogc_api", authentication=login), None, 8)
    assert service.interface.requests[0].query["tk"] == "k3y-of-the-map"
    assert "k3y" not in json.dumps(first.watermark)
    service.replies = [Reply(status=401, raw=b"")]
    with pytest.raises(SourceLoginFailed) as caught:
        rows(served(service, "wfs", authentication=login))
    assert "k3y" not in str(caught.value)


def test_all_references_are_told_and_a_watermark_is_refused(service, served, define, kind):
    source = served(service, kind, deletions={"by": "comparison"})
    assert [name for part in standing(source) for name in part.to_pylist()] == [f"{n:04d}" for n in range(25)]
    options = {"service": {"kind": kind, "url": "http://x"}, "layer": "a"}
    with pytest.raises(DefinitionError, match="of no use to a service"):
        define("spatial", options, MAPPING, resource="place", watermark={"column": "name"})
