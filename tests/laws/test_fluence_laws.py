"""Laws of the primary fluence: apertures by exact area, whatever the leaves and jaws do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terasu.dose.fluence import SIDE, aperture, blur, fluence_map, head_scatter, leaf_opening, turn
from terasu.dose.machine import Machine, Table
from terasu.dose.segments import Segment, open_field

PAIRS = 6
BARE = Machine(name="ideal", source_sigma_mm=(0.0, 0.0), leaf_transmission=0.0, leaf_gap_mm=0.0)
LAWS = settings(deadline=None, max_examples=40)
NARROW = 60.0


@st.composite
def segments(draw: st.DrawFn, *, reach_mm: float = 230.0) -> Segment:
    """Any leaves and jaws, closed pairs and places beyond the largest field among them."""
    place = st.floats(-reach_mm, reach_mm).map(lambda v: round(v, 2))

    def pair() -> list[float]:
        return sorted((draw(place), draw(place)))

    tips = np.array([pair() if draw(st.integers(0, 4)) else [draw(place)] * 2 for _ in range(PAIRS)]).T
    edges = sorted(draw(st.lists(place, min_size=PAIRS + 1, max_size=PAIRS + 1, unique=True)))
    return replace(
        open_field(100.0),
        jaws_x_mm=np.array(pair()),
        jaws_y_mm=np.array(pair()),
        leaves_mm=tips,
        leaf_boundaries_mm=np.array(edges),
        leaf_axis=draw(st.sampled_from("xy")),
    )


def between(low: np.ndarray | float, high: np.ndarray | float, until: float = SIDE / 2) -> np.ndarray:
    """Length of (low, high) within the map and below ``until``."""
    return np.maximum(np.minimum(high, until) - np.maximum(low, -SIDE / 2), 0)


def open_area_mm2(
    segment: Segment, *, gap_mm: float = 0.0, x: float = SIDE / 2, y: float = SIDE / 2
) -> float:
    """Area between leaves and jaws left of ``x`` and below ``y``, by intervals."""
    jaws, until = {"x": segment.jaws_x_mm, "y": segment.jaws_y_mm}, {"x": x, "y": y}
    along, across = ("x", "y") if segment.leaf_axis == "x" else ("y", "x")
    tips = segment.leaves_mm + np.array([[-gap_mm / 2], [gap_mm / 2]])
    low, high = np.maximum(tips[0], jaws[along][0]), np.minimum(tips[1], jaws[along][1])
    edges = np.clip(segment.leaf_boundaries_mm, *jaws[across])
    return float(np.sum(between(low, high, until[along]) * between(edges[:-1], edges[1:], until[across])))


@LAWS
@given(segments(), st.floats(0, 5))
def test_what_is_open_is_as_large_as_the_leaves_leave_it(segment: Segment, gap_mm: float) -> None:
    """Leaf tips as far as the map, jaws wide open: area in mm², since a pixel is 1 mm²."""
    opened = leaf_opening(segment, gap_mm)
    wide = replace(segment, jaws_x_mm=np.array([-300.0, 300.0]), jaws_y_mm=np.array([-300.0, 300.0]))
    assert opened.sum() == pytest.approx(open_area_mm2(wide, gap_mm=gap_mm), abs=1e-6)
    assert opened.min() >= 0
    assert opened.max() <= 1 + 1e-9


@LAWS
@given(segments(), st.integers(-199, 199), st.integers(-199, 199))
def test_what_is_open_is_where_the_leaves_leave_it(segment: Segment, x: int, y: int) -> None:
    """The area left of and below any point; with all points this is the whole map."""
    wide = replace(segment, jaws_x_mm=np.array([-300.0, 300.0]), jaws_y_mm=np.array([-300.0, 300.0]))
    part = leaf_opening(segment, 0.0)[: y + SIDE // 2, : x + SIDE // 2]
    assert part.sum() == pytest.approx(open_area_mm2(wide, x=x, y=y), abs=1e-6)


@LAWS
@given(segments())
def test_leaves_and_jaws_together(segment: Segment) -> None:
    """Exact where one of them edges a pixel; a pixel that both cut is taken as independent cuts."""
    rounded = replace(segment, jaws_x_mm=np.round(segment.jaws_x_mm), jaws_y_mm=np.round(segment.jaws_y_mm))
    assert aperture(rounded, BARE).sum() == pytest.approx(open_area_mm2(rounded), abs=1e-6)


@LAWS
@given(st.floats(0, 250), st.floats(0, 250), st.floats(100, 400))
def test_jaws_alone_open_a_rectangle(left: float, right: float, largest: float) -> None:
    machine = BARE.model_copy(update={"largest_field_mm": largest})
    jaws = replace(open_field(80.0), jaws_x_mm=np.array([-left, right]))
    width = min(left, largest / 2) + min(right, largest / 2)
    assert aperture(jaws, machine).sum() == pytest.approx(80.0 * width)


@LAWS
@given(segments(), st.floats(0, 0.2), st.floats(0, 4), st.floats(0, 0.1))
def test_transmission_is_the_floor_and_open_the_ceiling(
    segment: Segment, leaf: float, gap_mm: float, jaw: float
) -> None:
    machine = BARE.model_copy(
        update={"leaf_transmission": leaf, "leaf_gap_mm": gap_mm, "jaw_transmission": jaw}
    )
    through = aperture(segment, machine)
    jaws_only = aperture(replace(segment, leaves_mm=np.zeros((2, 0))), machine)
    assert (through >= leaf * jaws_only - 1e-12).all()
    assert (through <= jaws_only + 1e-12).all()
    assert jaws_only.min() >= jaw**2 - 1e-12
    assert jaws_only.max() <= 1


@pytest.mark.parametrize("axis", ["x", "y"])
def test_closed_leaves_let_their_transmission_and_the_gap_through(axis: str) -> None:
    closed = replace(
        open_field(100.0),
        leaf_axis=axis,
        leaves_mm=np.full((2, PAIRS), 3.3),
        leaf_boundaries_mm=np.linspace(-200, 200, PAIRS + 1),
        jaws_x_mm=np.array([-50.0, 50.0]),
        jaws_y_mm=np.array([-40.0, 40.0]),
    )
    length = 80.0 if axis == "x" else 100.0
    machine = BARE.model_copy(update={"leaf_transmission": 0.02, "leaf_gap_mm": 1.4})
    assert aperture(closed, machine).sum() == pytest.approx(0.02 * 8000 + 0.98 * 1.4 * length)


@LAWS
@given(segments(), st.floats(0, 20), st.floats(0, 20))
def test_opening_more_never_lets_less_through(segment: Segment, left: float, right: float) -> None:
    wider = replace(segment, leaves_mm=segment.leaves_mm + np.array([[-left], [right]]))
    larger = replace(segment, jaws_x_mm=segment.jaws_x_mm + np.array([-left, right]))
    here = aperture(segment, BARE)
    assert (aperture(wider, BARE) >= here - 1e-9).all()
    assert (aperture(larger, BARE) >= here - 1e-9).all()


@LAWS
@given(segments(reach_mm=NARROW), st.integers(-100, 100), st.integers(-100, 100))
def test_moving_everything_moves_the_map(segment: Segment, x: int, y: int) -> None:
    along, across = (x, y) if segment.leaf_axis == "x" else (y, x)
    moved = replace(
        segment,
        jaws_x_mm=segment.jaws_x_mm + x,
        jaws_y_mm=segment.jaws_y_mm + y,
        leaves_mm=segment.leaves_mm + along,
        leaf_boundaries_mm=segment.leaf_boundaries_mm + across,
    )
    expected = np.roll(aperture(segment, BARE), (y, x), axis=(0, 1))
    assert np.allclose(aperture(moved, BARE), expected, atol=1e-9)


@LAWS
@given(segments())
def test_every_pair_opens_its_own_rows_and_no_other(segment: Segment) -> None:
    """The first pair is the one between the first two boundaries."""
    whole = leaf_opening(segment, 0.0)
    alone = [
        leaf_opening(
            replace(
                segment,
                leaves_mm=segment.leaves_mm[:, [n]],
                leaf_boundaries_mm=segment.leaf_boundaries_mm[n : n + 2],
            ),
            0.0,
        )
        for n in range(PAIRS)
    ]
    assert np.allclose(sum(alone), whole, atol=1e-9)
    low = segment.leaf_boundaries_mm[2] + SIDE / 2
    below = alone[0] + alone[1]
    below = below if segment.leaf_axis == "x" else below.T
    assert below[max(int(np.ceil(low)), 0) :].sum() == 0


def test_leaves_that_cross_open_nothing() -> None:
    crossed = replace(
        open_field(100.0),
        leaves_mm=np.array([[10.7, -5.0, 10.0], [10.2, 5.0, -10.0]]),
        leaf_boundaries_mm=np.array([-10.0, 0.0, 10.0, 20.0]),
    )
    assert leaf_opening(crossed, 0.0).sum() == pytest.approx(10 * 10)


@LAWS
@given(segments(reach_mm=NARROW), st.floats(0.5, 4), st.floats(0, 0.3))
def test_the_source_blurs_and_loses_nothing(segment: Segment, sigma: float, share: float) -> None:
    machine = BARE.model_copy(
        update={
            "source_sigma_mm": (sigma, 2 * sigma),
            "extra_focal_fraction": share,
            "extra_focal_sigma_mm": 20.0,
        }
    )
    sharp = aperture(segment, machine)
    blurred = blur(sharp, machine)
    assert blurred.sum() == pytest.approx(sharp.sum(), rel=1e-3, abs=1e-6)
    assert blurred.max() <= sharp.max() + 1e-9


def test_the_source_is_as_wide_as_it_says_along_each_axis() -> None:
    """Variance of a blurred line: that of the source, x along the columns."""
    machine = BARE.model_copy(update={"source_sigma_mm": (2.0, 5.0)})
    point = np.zeros((SIDE, SIDE))
    point[200, 200] = 1
    blurred, away = blur(point, machine), np.arange(SIDE) - 200.0
    assert np.sqrt(blurred.sum(axis=0) @ away**2) == pytest.approx(2.0, rel=0.01)
    assert np.sqrt(blurred.sum(axis=1) @ away**2) == pytest.approx(5.0, rel=0.01)


@settings(deadline=None, max_examples=15)
@given(segments(reach_mm=NARROW), st.sampled_from([0.0, 90.0, 180.0, 270.0]) | st.floats(0, 360))
def test_a_turned_collimator_turns_the_centre_of_the_field(segment: Segment, angle: float) -> None:
    """IEC 61217: from +X towards +Y, and the fluence stays what it was."""
    values = blur(aperture(segment, BARE), BARE.model_copy(update={"source_sigma_mm": (2.0, 2.0)}))
    if values.sum() < 50:
        return
    turned = turn(values, angle)
    assert turned.sum() == pytest.approx(values.sum(), rel=0.01)
    (x, y), (x_turned, y_turned) = centre_of(values), centre_of(turned)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    assert x_turned == pytest.approx(x * cosine - y * sine, abs=0.1)
    assert y_turned == pytest.approx(x * sine + y * cosine, abs=0.1)


def centre_of(values: np.ndarray) -> tuple[float, float]:
    places = np.arange(SIDE) - (SIDE - 1) / 2
    return (
        float(values.sum(axis=0) @ places / values.sum()),
        float(values.sum(axis=1) @ places / values.sum()),
    )


@settings(deadline=None, max_examples=15)
@given(segments(reach_mm=NARROW), segments(reach_mm=NARROW), st.floats(0, 10), st.floats(0, 10))
def test_segments_add_up_by_their_mu(one: Segment, other: Segment, a: float, b: float) -> None:
    other = replace(other, collimator_deg=90.0)
    maps = [fluence_map([segment], BARE) for segment in (one, other)]
    both = fluence_map([replace(one, mu=a), replace(other, mu=b)], BARE)
    assert np.allclose(both, a * maps[0] + b * maps[1], atol=1e-4)


def test_off_axis_ratio_is_that_of_the_radius() -> None:
    """It belongs to the gantry: the collimator does not turn it, the field's place does not move it."""
    horns = BARE.model_copy(update={"off_axis": Table(at=(0.0, 100.0, 200.0), value=(1.0, 1.1, 0.7))})
    flat = fluence_map([open_field(400.0)], horns)
    assert flat[200, 200] == pytest.approx(1.0, abs=0.002)
    assert flat[200, 299] == pytest.approx(1.1, abs=0.002)
    assert flat[129, 270] == pytest.approx(1.1, abs=0.002)  # 70.5 mm down and right: 99.7 mm
    assert flat[200, 2] == pytest.approx(0.7, abs=0.01)


@given(st.floats(30, 400), st.floats(30, 400))
def test_head_scatter_of_the_equivalent_square(a: float, b: float) -> None:
    machine = BARE.model_copy(update={"head_scatter": Table(at=(30.0, 400.0), value=(0.9, 1.1))})
    field = replace(
        open_field(100.0), jaws_x_mm=np.array([-a / 2, a / 2]), jaws_y_mm=np.array([-b / 2, b / 2])
    )
    square = open_field(2 * a * b / (a + b))
    assert head_scatter(field, machine) == pytest.approx(head_scatter(square, machine))
    assert head_scatter(field, machine) <= head_scatter(open_field(max(a, b)), machine) + 1e-12
