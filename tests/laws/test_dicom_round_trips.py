"""Whatever is written to DICOM is read back as what it was: images, contours, plans and doses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from made_rt import HEADER, PLAN, beam, delivery, image
from terasu.dicom.image import read_image
from terasu.dicom.rtdose import read_dose, write_dose
from terasu.dicom.rtplan import read_plan, write_plan
from terasu.dicom.rtstruct import read_structures, write_structures
from terasu.dicom.write_image import MadeBy, write_ct_series
from terasu.patient.delivery import Beam, Delivery
from terasu.patient.grid import Grid
from terasu.patient.structures import Roi
from terasu.patient.volume import Source, Volume

QUICK = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
COORDINATE = st.floats(-600, 600)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Any regular grid: oblique, feet first, left-handed."""
    rows = draw(hnp.arrays(np.float64, (3, 3), elements=st.floats(-1, 1)))
    direction = np.linalg.qr(rows + 1e-3 * np.eye(3))[0]
    if draw(st.booleans()):
        direction = np.eye(3)[:, draw(st.permutations([0, 1, 2]))]
    signs = np.array(draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3)))
    return Grid.from_axes(
        draw(st.tuples(st.integers(2, 5), st.integers(1, 6), st.integers(1, 6))),
        spacing_zyx_mm=draw(st.tuples(*[st.floats(0.3, 8.0)] * 3)),
        origin_lps_mm=draw(st.tuples(*[COORDINATE] * 3)),
        direction_lps=direction * signs,
        frame_of_reference_uid="1.2.3.4",
    )


def at_the_same_places(ours: Volume, theirs: Volume) -> np.ndarray:
    """The values that were read, put into our order of slices; both grids must cover the same voxels."""
    centres = theirs.grid.to_lps_mm(np.argwhere(np.ones(theirs.grid.shape_zyx)))
    index = ours.grid.to_index_kji(centres)
    assert np.abs(index - np.rint(index)).max() < 1e-4
    placed = np.empty_like(ours.values, dtype=theirs.values.dtype)
    placed[tuple(np.rint(index).astype(int).T)] = theirs.values.ravel()
    return placed


@QUICK
@given(grid=grids(), seed=st.integers(0, 9))
def test_an_image_on_any_grid(tmp_path: Path, grid: Grid, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-1000, 3000, grid.shape_zyx).astype(np.int16)
    ours = Volume(values, grid, "HU", Source(header=HEADER))
    source = write_ct_series(
        ours, tmp_path / "ct", like=ours.source, series_description="x", made_by=MadeBy("x"), replace=True
    )
    theirs = read_image(sorted((tmp_path / "ct").glob("*.dcm"))).volume
    np.testing.assert_array_equal(at_the_same_places(ours, theirs), values)
    assert set(theirs.source.sop_instance_uids) == set(source.sop_instance_uids)


@QUICK
@given(grid=grids(), seed=st.integers(0, 9), maximum=st.floats(1e-3, 200.0), bits=st.sampled_from([16, 32]))
def test_a_dose_on_any_grid(tmp_path: Path, grid: Grid, seed: int, maximum: float, bits: int) -> None:
    values = np.random.default_rng(seed).random(grid.shape_zyx).astype(np.float32) * np.float32(maximum)
    ours = Volume(values, grid, "Gy")
    write_dose(ours, tmp_path / "rd.dcm", like=PLAN, plan=PLAN, bits=16 if bits == 16 else 32)
    theirs = read_dose(tmp_path / "rd.dcm")
    tolerance = values.max() * (0.51 / (2**bits - 1) + 1e-6)
    np.testing.assert_allclose(at_the_same_places(ours, theirs), values, atol=tolerance)


@st.composite
def polygons(draw: st.DrawFn) -> np.ndarray:
    """A polygon in a plane of any direction, points not all alike."""
    points = draw(st.integers(3, 12))
    flat = np.zeros((points, 3))
    angle = np.sort(draw(hnp.arrays(np.float64, points, elements=st.floats(0, 6.2), unique=True)))
    flat[:, 0], flat[:, 1] = 40 * np.cos(angle), 30 * np.sin(angle)
    rows = draw(hnp.arrays(np.float64, (3, 3), elements=st.floats(-1, 1)))
    turn = np.linalg.qr(rows + 1e-3 * np.eye(3))[0]
    return flat @ turn.T + np.array(draw(st.tuples(*[COORDINATE] * 3)))


@QUICK
@given(
    shapes=st.lists(st.lists(polygons(), max_size=3), min_size=1, max_size=3),
    name=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20),
)
def test_contours_of_any_shape_and_name(tmp_path: Path, shapes: list[list[np.ndarray]], name: str) -> None:
    name = name.replace("\\", "/")
    rois = tuple(
        Roi(f"{n} {name}", n, tuple(shape), "ORGAN", (n, 2, 3)) for n, shape in enumerate(shapes, start=1)
    )
    write_structures(rois, image(), tmp_path / "rs.dcm", label="law")
    read = read_structures(tmp_path / "rs.dcm")
    for ours, theirs in zip(rois, read, strict=True):
        assert (theirs.name, theirs.number, theirs.colour_rgb) == (ours.name, ours.number, ours.colour_rgb)
        for a, b in zip(ours.contours_lps_mm, theirs.contours_lps_mm, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9)


@st.composite
def beams(draw: st.DrawFn, number: int) -> Beam:
    points, pairs = draw(st.integers(2, 5)), draw(st.integers(0, 4))
    base = beam(number, points=points, pairs=pairs)
    weights = np.sort(draw(hnp.arrays(np.float64, points, elements=st.floats(0, 1))))
    weights[0], weights[-1] = 0.0, 1.0
    tips = draw(hnp.arrays(np.float64, (points, 2, pairs), elements=st.floats(-200, 200)))
    jaws = np.sort(draw(hnp.arrays(np.float64, (2, points, 2), elements=st.floats(-200, 200))), axis=2)
    steps = draw(hnp.arrays(np.float64, points, elements=st.floats(-29, 29)))
    return Beam(
        **{
            **vars(base),
            "meterset_mu": draw(st.floats(0.1, 5000)),
            "meterset_fraction": weights,
            "gantry_deg": np.cumsum(steps) % 360.0,
            "collimator_deg": draw(hnp.arrays(np.float64, points, elements=st.floats(0, 359.9))),
            "isocentre_lps_mm": draw(hnp.arrays(np.float64, (points, 3), elements=COORDINATE)),
            "jaws_x_mm": jaws[0],
            "jaws_y_mm": jaws[1],
            "leaves_mm": np.sort(tips, axis=1),
            "leaf_axis": draw(st.sampled_from(["x", "y"])) if pairs else "x",
            "sad_mm": draw(st.floats(800, 1500)),
            "energy_mv": draw(st.sampled_from([4.0, 6.0, 10.0, 15.0])),
            "fff": draw(st.booleans()),
            "kind": draw(st.sampled_from(["STATIC", "DYNAMIC"])),
        }
    )


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    count = draw(st.integers(1, 3))
    base = delivery(*(draw(beams(number)) for number in range(1, count + 1)))
    prescribed = {"fractions": draw(st.integers(1, 40)), "prescription_gy": draw(st.floats(0.5, 90))}
    return Delivery(**{**vars(base), **prescribed})


@QUICK
@given(ours=deliveries())
def test_a_plan_of_any_beams(tmp_path: Path, ours: Delivery) -> None:
    write_plan(ours, tmp_path / "rp.dcm", like=image().source)
    theirs = read_plan(tmp_path / "rp.dcm")
    assert (theirs.fractions, theirs.notes) == (ours.fractions, ())
    assert theirs.prescription_gy == pytest.approx(ours.prescription_gy, rel=1e-9)
    for a, b in zip(ours.beams, theirs.beams, strict=True):
        for name, value in vars(a).items():
            if isinstance(value, np.ndarray | float):
                np.testing.assert_allclose(getattr(b, name), value, rtol=1e-8, atol=1e-9, err_msg=name)
            else:
                assert getattr(b, name) == value, name
