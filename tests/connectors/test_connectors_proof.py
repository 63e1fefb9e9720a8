"""Shapes proved valid by arithmetic: never one that GEOS calls invalid, and the usual ones always."""

import numpy as np
import pyarrow as pa
import pytest
import shapely

from connectors.spatial.geometry import examined
from connectors.spatial.proof import proved

SQUARE = shapely.box(106, 29, 107, 30)
STAR = [(106 + np.cos(turn), 29 + np.sin(turn)) for turn in np.arange(0, 10, 2) * 2 * np.pi / 5]


def column(shapes, times=40) -> pa.Array:
    """Shapes, each so often that looking at them together is worth while."""
    wkb = [shape if isinstance(shape, bytes | None) else shapely.to_wkb(shape) for shape in shapes]
    return pa.array([value for value in wkb for _ in range(times)], pa.binary())


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Point(106.5, 29.5),
        SQUARE,
        SQUARE.reverse(),
        shapely.MultiPolygon([SQUARE]),
        shapely.Point(106.5, 29.5).buffer(0.01, quad_segs=8),
        shapely.Polygon([(0, 0), (4, 0), (4, 4), (2, 3), (0, 4)]),  # with a dent
    ],
)
def test_the_usual_shapes_are_proved(shape):
    assert proved(column([shape])).all()


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Polygon([(106, 29), (107, 30), (107, 29), (106, 30)]),
        shapely.Polygon(STAR),  # turns always the same way, but twice
        shapely.Polygon([(106, 29), (107, 29), (106, 29)]),
        shapely.Polygon([(106, 29), (np.nan, 30), (107, 29)]),
        shapely.Polygon([(106, 29), (np.inf, 30), (107, 29)]),
        shapely.Polygon([(1.06e7, 29), (1.07e7, 29), (1.07e7, 30)]),
        shapely.Polygon([(29, 106), (30, 106), (30, 107)]),
        shapely.Polygon([(0, 0), (1e-200, 0), (0, 1e-200)]),
        shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2)),
        shapely.Point(),
        shapely.Point(181, 29),
        shapely.to_wkb(SQUARE, byte_order=0),
        shapely.to_wkb(shapely.force_3d(SQUARE), output_dimension=3),
        shapely.to_wkb(SQUARE)[:-8] + b"\0" * 8,  # not closed
        shapely.to_wkb(SQUARE)[:9] + (9).to_bytes(4, "little") + shapely.to_wkb(SQUARE)[13:],
        None,
    ],
)
def test_what_is_not_sure_is_left_to_geos(shape):
    assert not proved(column([shape])).any()


@pytest.mark.parametrize("corners", [4, 5, 7, 12])
@pytest.mark.parametrize("grid", [0.0, 1.0, 1e-7])
def test_nothing_is_proved_that_geos_calls_invalid(corners, grid):
    random = np.random.default_rng(corners)
    turns = np.sort(random.uniform(0, 2 * np.pi, (4000, corners)), axis=1)
    reach = random.uniform(0.2, 1, (4000, corners)) * (3 if grid != 1e-7 else 3e-7)
    rings = np.stack([106 + reach * np.cos(turns), 29 + reach * np.sin(turns)], axis=2)
    tangled = random.random(4000) < 0.3
    rings[tangled] = random.permuted(rings[tangled], axis=1)
    if grid:  # many corners in a line, or on one another
        rings = np.round(rings / grid) * grid
    shapes = shapely.polygons(rings)
    found = proved(pa.array(shapely.to_wkb(shapes), pa.binary()))
    assert shapely.is_valid(shapes[found]).all()
    assert found.any()
    assert not found.all()


def test_slices_nulls_and_lengths_of_every_kind_are_told_apart():
    mixed = column([SQUARE, None, shapely.Point(1, 2), shapely.Polygon(STAR)])
    mixed = mixed.take(pa.array(np.random.default_rng(1).permutation(len(mixed))))
    told = [value is not None and len(value) in (21, 93) for value in mixed.to_pylist()]
    assert proved(mixed).tolist() == told
    assert proved(mixed[7:130]).tolist()[:20] == told[7:27]
    assert proved(mixed[:0]).tolist() == []
    assert not proved(pa.nulls(50, pa.binary())).any()


def test_faults_keep_their_places_among_shapes_that_are_proved():
    bow_tie = shapely.Polygon([(106, 29), (107, 30), (107, 29), (106, 30)])
    wkb = pa.concat_arrays(
        [column([SQUARE, None]), column([bow_tie], 1), column([SQUARE]), column([shapely.Point(999, 1)], 1)]
    )
    found = examined(wkb, repair=True)
    assert {place: rule for place, (rule, _) in found.faults.items()} == {
        80: "geometry_repaired",
        121: "geometry_invalid",
    }
    assert shapely.from_wkb(found.wkb[80].as_py()).is_valid
    assert found.wkb[:80].equals(wkb[:80])
    assert found.wkb[81:].equals(wkb[81:])
