"""The map: TopoJSON read, Albers worked by hand, shapes of one area, and labels that never overlap."""

from __future__ import annotations

import itertools
import math
import re

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from portal.npm_files import PackageFileMissing
from portal.views.maps import Dot, Hub, Mark, shape_path, texas_map
from portal.views.maps.drawing import wrapped
from portal.views.maps.placing import Box, Wanted, place_all
from portal.views.maps.projection import EARTH_RADIUS_KM, albers, fit
from portal.views.maps.shapes import SHAPE_OF_ZONE, reach
from portal.views.maps.texas import boundaries
from portal.views.maps.topojson import arc_points, lines_between, ring_points, rings_of

# Two unit squares side by side that share arc 1, from (1, 0) to (1, 1); steps of half a degree from (10, 20).
SQUARES = {
    "transform": {"scale": [0.5, 0.5], "translate": [10.0, 20.0]},
    "arcs": [
        [[2, 2], [-2, 0], [0, -2], [2, 0]],
        [[2, 0], [0, 2]],
        [[2, 0], [2, 0], [0, 2], [-2, 0]],
    ],
    "objects": {
        "counties": {
            "geometries": [
                {"type": "Polygon", "id": "48001", "arcs": [[0, 1]]},
                {"type": "MultiPolygon", "id": "48003", "arcs": [[[2, -2]]]},
                {"type": "Polygon", "id": "40001", "arcs": [[-3, -1]]},
            ]
        }
    },
}


class TestTopoJson:
    def test_steps_become_degrees(self) -> None:
        assert arc_points(SQUARES, 0) == [(11.0, 21.0), (10.0, 21.0), (10.0, 20.0), (11.0, 20.0)]

    def test_a_number_below_zero_runs_backwards(self) -> None:
        assert arc_points(SQUARES, ~1) == [(11.0, 21.0), (11.0, 20.0)]

    def test_a_ring_has_each_joint_once_and_closes(self) -> None:
        ring = ring_points(SQUARES, [0, 1])
        assert ring == [(11.0, 21.0), (10.0, 21.0), (10.0, 20.0), (11.0, 20.0), (11.0, 21.0)]

    def test_the_shape_asked_for(self) -> None:
        [ring] = rings_of(SQUARES, "counties", "48003")
        assert ring == [(11.0, 20.0), (12.0, 20.0), (12.0, 21.0), (11.0, 21.0), (11.0, 20.0)]
        with pytest.raises(KeyError):
            rings_of(SQUARES, "counties", "48999")

    def test_only_lines_that_two_shapes_of_the_state_share(self) -> None:
        assert lines_between(SQUARES, "counties", "48") == [[(11.0, 20.0), (11.0, 21.0)]]


class TestTexas:
    def test_is_one_closed_outline_with_county_lines(self) -> None:
        [outline] = boundaries().outline
        assert outline[0] == outline[-1]
        assert len(boundaries().counties) == 683
        west, east = min(x for x, _y in outline), max(x for x, _y in outline)
        south, north = min(y for _x, y in outline), max(y for _x, y in outline)
        assert (west, east) == (pytest.approx(-106.646, abs=0.01), pytest.approx(-93.508, abs=0.01))
        assert (south, north) == (pytest.approx(25.837, abs=0.01), pytest.approx(36.501, abs=0.01))

    def test_has_its_area(self) -> None:
        [outline] = boundaries().outline
        points = [albers(*point) for point in outline]
        area = abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in itertools.pairwise(points))) / 2
        # 676,587 km2 of land and 14,553 km2 of inland water (Census Bureau), on a coarse outline and a sphere.
        assert area * EARTH_RADIUS_KM**2 == pytest.approx(676_587 + 14_553, rel=0.005)


class TestProjection:
    def test_the_origin(self) -> None:
        assert albers(-100.0, 18.0) == (0.0, pytest.approx(0.0))

    @pytest.mark.parametrize(
        ("longitude", "latitude", "east", "north"),
        [
            # n = (sin 27.5 + sin 35) / 2 = 0.517663; C = cos2 27.5 + 2 n sin 27.5 = 1.264849; rho0 = 1.877803
            # at 31 N rho = sqrt(C - 2 n sin 31) / n = 1.652326; theta = n (lon + 100)
            (-100.0, 31.0, 0.0, 0.225477),
            (-95.0, 31.0, 0.074618, 0.227164),
            (-105.0, 31.0, -0.074618, 0.227164),
        ],
    )
    def test_worked_by_hand(self, longitude: float, latitude: float, east: float, north: float) -> None:
        assert albers(longitude, latitude) == (pytest.approx(east, abs=2e-6), pytest.approx(north, abs=2e-6))

    def test_a_fit_fills_the_box_north_up(self) -> None:
        placed = fit([(-101.0, 30.0), (-99.0, 30.0), (-100.0, 31.0)], width=220.0, height=500.0, margin=10.0)
        (left, low), (right, _low), (middle, high) = (
            placed.place(-101.0, 30.0),
            placed.place(-99.0, 30.0),
            placed.place(-100.0, 31.0),
        )
        assert (left, right, middle) == (10.0, 210.0, 110.0)
        assert high < low


def area_of(path: str) -> float:
    if circle := re.match(r"M[-\d.]+,[-\d.]+a([\d.]+),", path):
        return math.pi * float(circle[1]) ** 2
    points = [tuple(map(float, pair.split(","))) for pair in path.strip("MZ").split("L")]
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


class TestShapes:
    @pytest.mark.parametrize("shape", sorted(set(SHAPE_OF_ZONE.values())))
    def test_have_the_area_asked_for(self, shape: str) -> None:
        assert area_of(shape_path(shape, 100.0, 100.0, 2_000.0)) == pytest.approx(2_000.0, rel=0.01)

    def test_are_one_per_zone(self) -> None:
        assert len(set(SHAPE_OF_ZONE.values())) == len(SHAPE_OF_ZONE) == 8

    def test_reach(self) -> None:
        assert reach("square", 400.0) == pytest.approx(10.0)
        assert reach("circle", math.pi * 25) == pytest.approx(5.0)


class TestPlacing:
    def test_what_is_free_stands_where_it_belongs(self) -> None:
        [place] = place_all([Wanted(50.0, 50.0, 5.0, ["ab"])], width=200.0, height=100.0)
        assert place is not None
        assert (place.x, place.y, place.anchor) == (50.0, 50.0, "start")

    def test_text_turns_to_the_side_that_has_room(self) -> None:
        [place] = place_all([Wanted(190.0, 50.0, 5.0, ["abcdef"])], width=200.0, height=100.0)
        assert place is not None
        assert (place.x, place.anchor) == (190.0, "end")

    def test_what_finds_no_room_is_left_out(self) -> None:
        assert place_all([Wanted(5.0, 5.0, 5.0, ["far too long a label"])], width=30.0, height=30.0) == [None]

    @given(
        st.lists(
            st.builds(
                Wanted,
                st.floats(0, 400),
                st.floats(0, 400),
                st.floats(2, 30),
                st.lists(st.text("abc ", min_size=1, max_size=14), min_size=1, max_size=3),
            ),
            max_size=8,
        )
    )
    def test_nothing_ever_overlaps_or_leaves(self, wanted: list[Wanted]) -> None:
        taken = [Box(190, 190, 210, 210)]
        placed = [place for place in place_all(wanted, width=400.0, height=400.0, taken=taken) if place]
        assert all(box.inside(400.0, 400.0) for place in placed for box in place.boxes)
        assert not any(box.meets(taken[0]) for place in placed for box in place.boxes)
        for one, other in itertools.combinations(placed, 2):
            assert not any(a.meets(b) for a in one.boxes for b in other.boxes)


AUSTIN, DALLAS = (-97.74, 30.27), (-96.80, 32.78)


def mark(number: int | None, where: tuple[float, float], mw: float, available: float | None) -> Mark:
    return Mark(number, f"Cohort {number} of a long name", "square", *where, mw, available)


class TestMap:
    def test_marks_are_sized_by_mw_and_filled_by_what_is_available(self) -> None:
        found = texas_map([mark(1, DALLAS, 40.0, 10.0), mark(2, AUSTIN, 10.0, 10.0)], words="a map")
        assert found is not None
        first, second = found.wide.marks
        assert area_of(first.outer) / area_of(second.outer) == pytest.approx(4.0, rel=0.02)
        assert area_of(first.inner) / area_of(first.outer) == pytest.approx(0.25, rel=0.03)
        assert second.inner == second.outer
        assert first.lines == ["1 Cohort 1 of a long", "name", "10.0 of 40.0 MW"]

    def test_what_is_not_known_is_not_filled(self) -> None:
        found = texas_map([mark(None, DALLAS, 40.0, None)], words="a map")
        assert found is not None
        assert found.wide.marks[0].inner == ""
        assert found.wide.marks[0].lines == ["? of 40.0 MW"]

    def test_two_in_one_place_stand_apart_with_leaders(self) -> None:
        marks = [mark(number, AUSTIN, 20.0, 5.0) for number in (1, 2, 3)]
        found = texas_map(
            marks, dots=[Dot("circle", *AUSTIN)], hubs=[Hub("Austin", "35 $/MWh", *AUSTIN)], words="a map"
        )
        assert found is not None
        assert len({m.outer for m in found.wide.marks}) == 3
        assert all(m.leader for m in found.wide.marks)
        assert len(found.narrow.marks) == 3

    def test_both_sizes_share_the_ground(self) -> None:
        found = texas_map([], words="a map")
        assert found is not None
        assert found.wide.ground == "translate(0.00 0.00) scale(1.00000)"
        assert found.narrow.ground.startswith("translate(")
        assert len(found.ground.counties) < 30_000
        assert "ll" not in found.ground.counties
        assert "lM" not in found.ground.counties

    def test_without_the_boundaries_there_is_no_map(self, settings: LazySettings, tmp_path: object) -> None:
        from portal.views.maps import drawing, texas

        for kept in (texas.boundaries, drawing._fit, drawing.ground):
            kept.cache_clear()
        settings.NODE_MODULES = tmp_path
        assert texas_map([], words="a map") is None
        with pytest.raises(PackageFileMissing):
            boundaries()


def test_names_are_wrapped_at_words() -> None:
    assert wrapped("Industrial Manufacturing Dallas") == ["Industrial", "Manufacturing Dallas"]
    assert wrapped("Antidisestablishmentarianism now") == ["Antidisestablishmentarianism", "now"]
