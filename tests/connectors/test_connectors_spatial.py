"""Layers in files: read whole or refused, in the right place of the earth, and nothing invalid in silence."""

import json
import os
import re
import zipfile
from pathlib import Path

import documents
import numpy as np
import pyarrow as pa
import pytest
import shapely
from pyogrio.raw import write_arrow
from skipping import shared_data

from connectors.batch import FAULT_REASON, FAULT_RULE
from connectors.definition import read_source
from connectors.kinds import options_of
from connectors.options import table
from connectors.pull import pull, standing
from connectors.standardise import standardise
from schemas.errors import (
    DefinitionError,
    MissingColumn,
    SourceUnreachable,
    TruncatedFile,
    UnknownEncoding,
    WrongFormat,
)
from schemas.resource import resource_named

PLACES = {"place_code": "地名代码", "name": "标准名称", "geometry": "geometry"}
POINTS = (shapely.Point(106.5, 29.5), shapely.Point(107.0, 30.0))
SQUARE = shapely.box(106, 29, 107, 30)
BOW_TIE = shapely.Polygon([(106, 29), (107, 30), (107, 29), (106, 30)])
DRIVERS = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".shp": "ESRI Shapefile",
    ".gml": "GML",
    ".fgb": "FlatGeobuf",
}
ZONE_39 = "EPSG:4527"  # CGCS2000, 3-degree zone 39: metres, its meridian at 39,500,000


def write(path: Path, shapes=POINTS, crs="EPSG:4490", **options):
    codes = pa.array([f"{number:04d}" for number in range(len(shapes))])
    columns = {"地名代码": codes, "标准名称": pa.array(["某镇"] * len(shapes))}
    wkb = pa.array(
        [shape if isinstance(shape, bytes) else shapely.to_wkb(shape) for shape in shapes], pa.binary()
    )
    if path.suffix == ".shp":  # in UTF-8 its names of ten bytes would be cut within a character
        options.setdefault("encoding", "GBK")
    if path.suffix == ".fgb":  # in the order of the rows
        options["SPATIAL_INDEX"] = "NO"
    kind = options.pop("kind", "Point" if isinstance(shapes[0], shapely.Point) else "Polygon")
    write_arrow(
        pa.table(columns | {"geometry": wkb}), path, layer=options.pop("layer", path.stem), driver=DRIVERS[path.suffix],
        geometry_name="geometry", geometry_type=kind, crs=crs, **options,
    )  # fmt: skip
    return path


@pytest.fixture
def layer(define):
    def make(path, mapping=None, **options):
        return define("spatial", {"path": str(path)} | options, mapping or PLACES, resource="place")

    return make


def rows(source, batch_rows=10):
    return [row for batch in pull(source, None, batch_rows) for row in batch.table.to_pylist()]


def coordinates(found) -> list[tuple[float, float]]:
    return [tuple(round(part, 6) for part in shapely.from_wkb(row["geometry"]).coords[0]) for row in found]


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", DRIVERS)
def test_every_format_gives_the_same_features(layer, tmp_path, suffix):
    crs = "EPSG:4326" if suffix == ".geojson" else "EPSG:4490"
    found = rows(layer(write(tmp_path / f"地名{suffix}", crs=crs)))
    assert coordinates(found) == [(106.5, 29.5), (107.0, 30.0)]
    assert [(row["地名代码"], row["标准名称"]) for row in found] == [("0000", "某镇"), ("0001", "某镇")]
    assert found[1]["_row"] == f"地名{suffix}:2"


@pytest.mark.parametrize("suffix", [suffix for suffix in DRIVERS if suffix != ".geojson"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_layer_in_metres_is_transformed(layer, tmp_path, suffix, packed):
    path = write(tmp_path / f"in{suffix}", [shapely.Point(39_500_000.0, 3_300_000.0)], crs=ZONE_39)
    if packed:
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
            for part in tmp_path.glob("in.*"):
                if part.suffix != ".zip":
                    archive.write(part, f"交付/{part.name}")
        path = tmp_path / "in.zip"
    ((longitude, latitude),) = coordinates(rows(layer(path, crs=ZONE_39)))
    assert longitude == 117.0
    assert latitude == pytest.approx(29.819, abs=0.001)


def test_the_shape_has_all_columns_with_their_types(layer, tmp_path):
    (batch,) = pull(layer(write(tmp_path / "a.gpkg"), {"place_code": "地名代码", "name": "标准名称"}))
    assert batch.shape == {"地名代码": "text", "标准名称": "text", "geometry": "geometry"}
    assert sorted(batch.table.column_names) == ["_row", "地名代码", "标准名称"]


def test_values_are_written_as_they_are(layer, tmp_path):
    features = [{"type": "Feature", "geometry": None, "properties": {
        "地名代码": "0012", "标准名称": "2020/01/02", "n": 3.0, "m": 2.5, "l": ["甲", "乙"], "b": True}}]  # fmt: skip
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    mapping = PLACES | {"category": "n", "division": "m"}
    (row,) = rows(layer(path, mapping))
    assert (row["地名代码"], row["标准名称"], row["n"], row["m"], row["geometry"]) == ("0012", "2020/01/02", "3", "2.5", None)  # fmt: skip
    (row,) = rows(layer(path, PLACES | {"category": "l", "division": "b"}))
    assert (row["l"], row["b"]) == ('["甲", "乙"]', "true")


# ── shapefiles ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["GBK", "GB18030"])
def test_a_shapefile_is_read_by_its_cpg_or_by_the_option(layer, tmp_path, encoding):
    path = write(tmp_path / "a.shp", encoding=encoding)
    names = [row["标准名称"] for row in rows(layer(path))]
    path.with_suffix(".cpg").unlink()
    with pytest.raises(UnknownEncoding, match=r"a\.shp does not say how its text is encoded"):
        rows(layer(path))
    assert names == [row["标准名称"] for row in rows(layer(path, encoding=encoding))] == ["某镇"] * 2
    path.with_suffix(".cpg").write_text("UTF-8")
    with pytest.raises(WrongFormat, match=r"a\.shp has names that are not in the encoding it says"):
        rows(layer(path))


def test_a_shapefile_in_metres_without_cpg_is_read_by_the_option(layer, tmp_path):
    path = write(tmp_path / "a.shp", [shapely.Point(39_500_000.0, 3_300_000.0)], crs=ZONE_39, encoding="GBK")
    path.with_suffix(".cpg").unlink()
    (row,) = rows(layer(path, encoding="GBK"))
    assert row["标准名称"] == "某镇"
    assert coordinates([row])[0][0] == 117.0


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_a_shapefile_that_lacks_a_part_or_its_end_is_refused(layer, tmp_path, suffix):
    path = write(tmp_path / "a.shp")
    part = path.with_suffix(suffix)
    whole = part.read_bytes()
    part.write_bytes(whole[:-10])
    with pytest.raises(TruncatedFile, match="cut off"):
        rows(layer(path))
    part.unlink()
    with pytest.raises(TruncatedFile, match=f"came without its {suffix}"):
        rows(layer(path))


def test_shapes_and_rows_must_be_as_many(layer, tmp_path):
    path = write(tmp_path / "a.shp")
    more = write(tmp_path / "b.shp", [*POINTS, POINTS[0]])
    path.with_suffix(".dbf").write_bytes(more.with_suffix(".dbf").read_bytes())
    with pytest.raises(TruncatedFile, match="2 shapes and 3 rows"):
        rows(layer(path))


def test_a_shapefile_is_new_when_any_part_is(layer, tmp_path):
    path = write(tmp_path / "a.shp")
    source = layer(tmp_path / "*")
    (first,) = pull(source)
    assert list(pull(source, first.watermark)) == []
    table_ = path.with_suffix(".dbf")
    table_.write_bytes(table_.read_bytes().replace("某镇".encode("gbk"), "新镇".encode("gbk")))
    os.utime(table_, (1, 1))
    (again,) = pull(source, first.watermark)
    assert again.table["标准名称"].to_pylist() == ["新镇", "新镇"]


def test_an_archive_without_a_layer_is_named(layer, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("说明.txt", "无")
    with pytest.raises(WrongFormat, match=r"a\.zip has no member that is a layer"):
        rows(layer(tmp_path / "a.zip"))


# ── coordinate systems ───────────────────────────────────────────────────────────────────────────────


def test_a_layer_without_a_system_is_refused_and_a_wrong_declaration_too(layer, tmp_path):
    with pytest.warns(UserWarning, match="crs"):
        path = write(tmp_path / "a.gpkg", [shapely.Point(39_500_000.0, 3_300_000.0)], crs=None)
    with pytest.raises(WrongFormat, match="declares no coordinate system"):
        rows(layer(path))
    assert coordinates(rows(layer(path, crs=ZONE_39)))[0][0] == 117.0
    declared = write(tmp_path / "b.gpkg")
    with pytest.raises(WrongFormat, match=f"is in EPSG:4490, where its definition says {ZONE_39}"):
        rows(layer(declared, crs=ZONE_39))
    geojson = write(tmp_path / "c.geojson", crs="EPSG:4326")
    with pytest.raises(WrongFormat, match="is in EPSG:4326, where its definition says EPSG:4490"):
        rows(layer(geojson, crs="EPSG:4490"))


def test_a_projection_of_another_softwares_words_is_known(layer, tmp_path):
    path = write(tmp_path / "a.shp", [shapely.Point(39_500_000.0, 3_300_000.0)], crs=ZONE_39)
    words = path.with_suffix(".prj").read_text()
    path.with_suffix(".prj").write_text(re.sub(r"\s", "", words))
    assert coordinates(rows(layer(path, crs=ZONE_39)))[0][0] == 117.0
    local = words.replace("CGCS2000_3_Degree_GK_Zone_39", "Local_2026").replace("39500000.0", "500000.0")
    path.with_suffix(".prj").write_text(local)
    with pytest.raises(WrongFormat, match="is in Local_2026, where"):
        rows(layer(path, crs=ZONE_39))


def test_metres_declared_as_degrees_are_kept_out(layer, tmp_path):
    path = write(tmp_path / "a.gpkg", [shapely.Point(39_500_000.0, 3_300_000.0), POINTS[0]])
    found = rows(layer(path))
    assert [row[FAULT_RULE] for row in found] == ["geometry_invalid", None]
    assert "no degrees" in found[0][FAULT_REASON]


GML = """<?xml version="1.0" encoding="UTF-8"?>
<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:x="http://x">
<wfs:member><x:towns gml:id="t.1"><x:code>0012</x:code><x:name>某镇</x:name><x:geom><gml:Point srsName="{srs}"><gml:pos>{pos}</gml:pos>
</gml:Point></x:geom></x:towns></wfs:member></wfs:FeatureCollection>"""
GML_PLACES = {"place_code": "code", "name": "name", "geometry": "geometry"}


@pytest.mark.parametrize(
    ("srs", "pos", "axes"),
    [
        ("urn:ogc:def:crs:EPSG::4490", "29.5 106.5", "declared"),
        ("http://www.opengis.net/def/crs/EPSG/0/4490", "29.5 106.5", "declared"),
        ("EPSG:4490", "106.5 29.5", "declared"),
        ("urn:ogc:def:crs:EPSG::4490", "106.5 29.5", "east_first"),
        ("urn:ogc:def:crs:EPSG::4527", "3264558.34 38482000", "declared"),
    ],
)
def test_the_order_of_axes_is_that_of_the_system(layer, tmp_path, srs, pos, axes):
    path = tmp_path / "a.gml"
    path.write_text(GML.format(srs=srs, pos=pos), encoding="utf-8")
    (row,) = rows(layer(path, GML_PLACES, axes=axes))
    longitude, latitude = coordinates([row])[0]
    assert row["code"] == "0012"
    if "4527" not in srs:
        assert (longitude, latitude) == (106.5, 29.5)
    else:
        assert 28 < latitude < 31
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".yaml"] == ["a.gml"]


# ── what is wrong with geometry ──────────────────────────────────────────────────────────────────────


def test_invalid_geometry_is_repaired_and_told_or_kept_out_with_its_reason(layer, tmp_path):
    collapsed = shapely.Polygon([(106, 29), (107, 29), (106, 29)])
    not_a_number = shapely.Polygon([(106, 29), (np.nan, 30), (107, 29)])
    path = write(tmp_path / "a.gpkg", [SQUARE, BOW_TIE, collapsed, not_a_number, None])
    found = rows(layer(path, PLACES | {"category": "_validity"}))
    assert [row[FAULT_RULE] for row in found] == [
        None,
        "geometry_repaired",
        "geometry_invalid",
        "geometry_invalid",
        None,
    ]
    assert [row[FAULT_REASON] for row in found][1] == "Self-intersection"
    assert not any("[" in (row[FAULT_REASON] or "") or "106" in (row[FAULT_REASON] or "") for row in found)
    assert [row["_validity"] for row in found] == [None, "Self-intersection", None, None, None]
    repaired = shapely.from_wkb(found[1]["geometry"])
    assert repaired.is_valid
    assert repaired.geom_type == "MultiPolygon"
    assert repaired.area == pytest.approx(0.5)
    assert found[4]["geometry"] is None
    kept = rows(layer(path, invalid="quarantine"))
    assert [row[FAULT_RULE] for row in kept] == [None, *["geometry_invalid"] * 3, None]
    assert shapely.from_wkb(kept[1]["geometry"]).equals_exact(BOW_TIE)


def test_the_gate_keeps_out_what_cannot_be_repaired(layer, tmp_path):
    from quality.rules import Severity, unforeseen

    path = write(tmp_path / "a.gpkg", [SQUARE, BOW_TIE, shapely.Polygon([(106, 29), (107, 29), (106, 29)])])
    source = layer(path)
    (batch,) = pull(source)
    resource = resource_named("place")
    problems = standardise(source, resource, batch).problems.to_pylist()
    told = [(problem["_index"], problem["item"], problem["rule"]) for problem in problems]
    assert told == [(1, "geometry", "geometry_repaired"), (2, "geometry", "geometry_invalid")]
    item = resource.item("geometry")
    assert unforeseen(item, "geometry_repaired").severity is Severity.WARNING
    assert unforeseen(item, "geometry_invalid").severity is Severity.ERROR


def test_a_ring_that_is_not_closed_is_closed_and_told():
    from connectors.spatial.geometry import examined

    open_ring = shapely.to_wkb(SQUARE)[:9] + (4).to_bytes(4, "little") + shapely.to_wkb(SQUARE)[13 : 13 + 64]
    column = pa.array([open_ring, b"\x01\x63", None, shapely.to_wkb(SQUARE)], pa.binary())
    found = examined(column, repair=True)
    assert found.faults[0] == ("geometry_repaired", "Ring not closed")
    assert found.faults[1][0] == "geometry_invalid"
    assert shapely.from_wkb(found.wkb[0].as_py()).equals(SQUARE)
    assert (found.wkb[2].as_py(), found.wkb[3]) == (None, column[3])


# ── what is no layer, and how a pull goes on ─────────────────────────────────────────────────────────


def test_what_is_no_layer(layer, tmp_path):
    path = write(tmp_path / "地名.gpkg")
    with pytest.raises(WrongFormat, match="no such layer"):
        rows(layer(path, layer="宗地"))
    with pytest.raises(MissingColumn, match=r"地名\.gpkg, layer 地名 has no column '类别'"):
        rows(layer(path, PLACES | {"category": "类别"}))
    with pytest.raises(SourceUnreachable):
        rows(layer(tmp_path / "none.gpkg"))
    whole = path.read_bytes()
    for content, error in [
        (whole[:-5000], TruncatedFile),
        (b"", TruncatedFile),
        (b"PK\x03\x04", WrongFormat),
        (b"<OGRVRTDataSource></OGRVRTDataSource>", WrongFormat),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', WrongFormat),
        (b"<a><b></a>", WrongFormat),
        (b"<a><b>", TruncatedFile),
        (b"<html/>", WrongFormat),
    ]:
        path.write_bytes(content)
        with pytest.raises(error, match=r"register, file 地名\.gpkg"):
            rows(layer(path))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"rows": []}', WrongFormat),
        ("code,name\n1,2\n", WrongFormat),
        ('{"type": "FeatureCollection", "features": [{"a": 1}]}', WrongFormat),
        ('{"type": "FeatureCollection", "features": [{"type": "Feature", "geome', TruncatedFile),
        ('{"type": "FeatureCollection", "features": ["某镇"]}'.encode("gbk"), UnknownEncoding),
    ],
)
def test_a_file_only_called_geojson(layer, tmp_path, text, error):
    path = tmp_path / "地名.geojson"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(error, match=r"register, file 地名\.geojson"):
        rows(layer(path))


def test_a_pull_goes_on_where_it_stopped(layer, tmp_path):
    source = layer(write(tmp_path / "a.gpkg", [shapely.Point(100 + n / 10, 30) for n in range(25)]))
    whole = list(pull(source, None, 10))
    assert [batch.number_of_rows for batch in whole] == [10, 10, 5]
    for done in range(3):
        rest = list(pull(source, json.loads(json.dumps(whole[done].watermark)), 10))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]
    stopped = pull(source, None, 10)
    next(stopped)
    stopped.close()
    with pytest.raises(DefinitionError, match="cannot be found by comparison"):
        list(standing(source))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either 'path' or 'service'"),
        ({"path": "a", "service": {"kind": "wfs", "url": "http://x"}, "layer": "a"}, "either 'path' or 'service'"),
        ({"service": {"kind": "wfs", "url": "http://x"}}, "layer is missing"),
        ({"path": "a", "crs": "WGS84"}, r"options\.crs"),
        ({"path": "gopher://a"}, "unknown scheme"),
    ],
)  # fmt: skip
def test_a_wrong_definition_is_named(define, options, words):
    with pytest.raises(DefinitionError, match=words):
        define("spatial", options, PLACES, resource="place")


def test_the_districts_of_a_real_city(layer):
    path = shared_data("spatial/cq_districts_tianditu.geojson")
    first = json.loads(path.read_text(encoding="utf-8"))["features"][0]["properties"]
    code, name = ("gb", "name") if "gb" in first else list(first)[:2]
    found = rows(layer(path, {"place_code": code, "name": name, "geometry": "geometry"}))
    shapes = shapely.from_wkb([row["geometry"] for row in found])
    assert len(found) >= 38
    assert shapely.is_valid(shapes).all()
    west, south, east, north = shapely.total_bounds(shapes)
    assert (105 < west < 106, 28 < south < 29, 110 < east < 111, 32 < north < 33) == (True,) * 4


def test_the_page_is_true():
    """Its examples are sources, its table that of the options."""
    page = documents.page("connectors/spatial.md")
    for example in documents.blocks(page, "yaml"):
        assert read_source(example, "example.yaml", {}).connector == "spatial"
    assert table(options_of("spatial")) in page
