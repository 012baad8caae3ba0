"""Slices in true proportion, the way a radiologist looks at them."""

from __future__ import annotations

import numpy as np
import pytest

from terasu.patient.grid import Grid
from terasu.patient.structures import StructureSet
from terasu.patient.volume import Volume
from terasu.report.content import Images, ReportContent
from terasu.report.pictures import draw_pictures
from terasu.report.planes import Plane, View, sample, sample_mask
from terasu.report.slices import Outline, Slice, Wash, encoded, lines_at, panel
from terasu.report.stage import in_one_frame, set_stage
from terasu.report.style import drawing
from terasu.safety.verdict import verdict_of

_FLIPPED = np.diag([-1.0, 1.0, -1.0])  # i runs to the patient's right, k to the feet
_TILTED = np.array([[0.94, -0.342, 0.0], [0.342, 0.94, 0.0], [0.0, 0.0, 1.0]])


def _marked(point_lps_mm: tuple[float, float, float], direction: np.ndarray | None = None) -> Volume:
    """Water with one bright ball, on thick slices."""
    grid = Grid.from_axes((41, 120, 130), spacing_zyx_mm=(5.0, 1.5, 1.7), direction_lps=direction)
    shift = -grid.centre_lps_mm
    grid = Grid(grid.shape_zyx, _moved(grid.affine, shift))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    away = np.linalg.norm(grid.to_lps_mm(index) - np.asarray(point_lps_mm), axis=-1)
    return Volume(np.where(away < 12, 1000.0, 0.0).astype(np.float32), grid)


def _moved(affine: np.ndarray, shift: np.ndarray) -> np.ndarray:
    moved = affine.copy()
    moved[:3, 3] += shift
    return moved


def _brightest(pixels: np.ndarray) -> tuple[float, float]:
    """Centre of what is bright, as a share of height and width, letters and scale bar left out."""
    values = pixels.astype(float).mean(axis=-1)
    rows, columns = values.shape
    inner = values[rows // 8 : -rows // 8, columns // 8 : -columns // 8]
    found = np.argwhere(inner > 200) + np.array([rows // 8, columns // 8])
    down, right = found.mean(axis=0)
    return float(down / rows), float(right / columns)


@pytest.mark.parametrize("direction", [None, _FLIPPED, _TILTED], ids=["straight", "flipped", "tilted"])
@pytest.mark.parametrize(
    ("view", "point", "expected"),
    [
        ("axial", (40.0, 0.0, 0.0), "right"),  # patient's left
        ("axial", (0.0, 40.0, 0.0), "down"),  # back
        ("coronal", (0.0, 0.0, 40.0), "up"),  # head
        ("coronal", (40.0, 0.0, 0.0), "right"),
        ("sagittal", (0.0, -40.0, 0.0), "left"),  # front
        ("sagittal", (0.0, 0.0, 40.0), "up"),
    ],
)
def test_a_marker_lands_where_a_radiologist_expects_it(
    view: View, point: tuple[float, float, float], expected: str, direction: np.ndarray | None
) -> None:
    plane = Plane(view, (0.0, 0.0, 0.0), 150.0, 150.0)
    volume = _marked(point, direction)
    with drawing():
        pixels = panel(Slice(plane, sample(volume, plane, outside=-1000.0), 500.0, 1000.0), width_px=300)
    down, right = _brightest(pixels)
    wanted = {"right": (0.5, 0.767), "left": (0.5, 0.233), "down": (0.767, 0.5), "up": (0.233, 0.5)}
    assert (down, right) == pytest.approx(wanted[expected], abs=0.02)


def test_letters_name_the_edges() -> None:
    assert Plane("axial", (0, 0, 0), 10, 10).letters == ("L", "R", "P", "A")
    assert Plane("coronal", (0, 0, 0), 10, 10).letters == ("L", "R", "I", "S")
    assert Plane("sagittal", (0, 0, 0), 10, 10).letters == ("P", "A", "I", "S")


@pytest.mark.parametrize("view", ["axial", "coronal", "sagittal"])
def test_a_ball_stays_round_on_thick_slices(view: View) -> None:
    plane = Plane(view, (0.0, 0.0, 0.0), 180.0, 90.0)
    found = sample(_marked((0.0, 0.0, 0.0)), plane, outside=-1000.0) > 500
    height, width = np.ptp(np.argwhere(found), axis=0)
    assert height == pytest.approx(width, abs=5.0)
    with drawing():
        pixels = panel(Slice(plane, None), width_px=400)
    assert pixels.shape[1] / pixels.shape[0] == pytest.approx(2.0, rel=0.01)


def test_a_plane_beside_the_volume_is_outside_of_it() -> None:
    plane = Plane("axial", (0.0, 0.0, 500.0), 40.0, 40.0)
    assert np.all(sample(_marked((0, 0, 0)), plane, outside=-1000.0) == -1000.0)


def test_sampling_a_ramp_gives_its_coordinates() -> None:
    grid = Grid.from_axes((20, 30, 40), spacing_zyx_mm=(3, 2, 1.5), direction_lps=_TILTED)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    values = grid.to_lps_mm(index) @ np.array([1.0, 10.0, 100.0])
    x, y, z = (float(v) for v in grid.centre_lps_mm)
    plane = Plane("sagittal", (x, y, z), 20.0, 20.0, 0.7)
    found = sample(Volume(values.astype(np.float32), grid), plane, outside=np.nan)
    assert found == pytest.approx(plane.points_lps_mm() @ np.array([1.0, 10.0, 100.0]), rel=1e-4)


def test_pixel_of_finds_the_pixel_of_a_point() -> None:
    plane = Plane("coronal", (3.0, 7.0, -20.0), 50.0, 80.0, 0.5)
    for row, column in ((0, 0), (17, 42), (159, 99)):
        x, y, z = plane.points_lps_mm()[row, column]
        assert plane.pixel_of((x, y, z)) == pytest.approx((row, column), abs=1e-6)


def test_contours_lie_on_the_edge_of_the_mask() -> None:
    grid = Grid.from_axes((11, 101, 101), spacing_zyx_mm=(3, 1, 1), origin_lps_mm=(-50, -50, -15))
    mask = np.zeros(grid.shape_zyx, bool)
    mask[:, 30:71, 40:61] = True
    plane = Plane("axial", (0, 0, 0), 100, 100)
    (line,) = lines_at(sample_mask(mask, grid, plane), plane, 0.5)
    assert line.min(axis=0) == pytest.approx((39.5, 29.5), abs=0.3)
    assert line.max(axis=0) == pytest.approx((60.5, 70.5), abs=0.3)


def test_washes_outlines_and_hatches_are_drawn() -> None:
    plane = Plane("axial", (0, 0, 0), 100, 100)
    dose = np.tile(np.linspace(0, 60, 100, dtype=np.float32), (100, 1))
    half = np.zeros((100, 100), np.float32)
    half[:50] = 1
    line = Outline((np.array([[20.0, 20.0], [80.0, 80.0]]),), "#ff0000", dashed=True)
    with drawing():
        plain = panel(Slice(plane, None), width_px=200)
        wash = Wash(dose, "turbo", 0, 60, clear_below=6, lines=(57.0,))
        full = panel(Slice(plane, None, wash=wash, outlines=(line,), hatched=half), width_px=200)
    changed = np.any(plain != full, axis=-1)
    assert changed[:, 40:190].mean() > 0.9
    assert not changed[110:140, 2:12].any(), "below its threshold a dose leaves the image alone"
    media, data = encoded(full)
    assert media in ("image/webp", "image/png")
    assert len(data) > 100


def test_what_lies_in_another_frame_is_left_out_with_a_reason() -> None:
    grid = Grid.from_axes((10, 20, 20), spacing_zyx_mm=(3, 3, 3), frame_of_reference_uid="1.2")
    other = Grid(grid.shape_zyx, grid.affine, "1.3")
    water = np.zeros(grid.shape_zyx, np.float32)
    content = ReportContent(
        verdict_of([], policy=""),
        images=Images(planning=Volume(water, grid), raw=Volume(water, other)),
        of_the_day=StructureSet(other, {}),
    )
    together, notes = in_one_frame(content)
    assert together.images.raw is None
    assert together.of_the_day is None
    assert together.images.planning is content.images.planning
    assert len(notes) == 2
    assert "another frame of reference" in notes[0]


def test_slices_meet_in_the_target_and_end_with_the_day() -> None:
    grid = Grid.from_axes((60, 100, 100), spacing_zyx_mm=(5, 4, 4), origin_lps_mm=(-200, -200, -150))
    values = np.full(grid.shape_zyx, -1000.0, np.float32)
    values[:, 20:80, 10:90] = 0
    day = grid.crop((20, 0, 0), (40, 100, 100))
    mask = np.zeros(grid.shape_zyx, bool)
    mask[24:27, 50:53, 60:63] = True
    content = ReportContent(
        verdict_of([], policy=""),
        images=Images(planning=Volume(values, grid), raw=Volume(values[20:40], day)),
        planned=StructureSet(grid, {"PTV": mask}, types={"PTV": "PTV"}),
    )
    stage = set_stage(content)
    assert stage is not None
    assert stage.focus_lps_mm == pytest.approx(tuple(grid.to_lps_mm((25, 51, 61))))
    assert stage.planes[1].height_mm == pytest.approx(20 * 5 + 24)
    assert stage.planes[0].width_mm == pytest.approx(80 * 4 + 24, abs=17)


def test_without_an_image_there_is_no_stage() -> None:
    assert set_stage(ReportContent(verdict_of([], policy=""))) is None


def test_the_couch_does_not_make_the_patient_small() -> None:
    grid = Grid.from_axes((40, 160, 160), spacing_zyx_mm=(3, 3, 3))
    values = np.full(grid.shape_zyx, -1000.0, np.float32)
    values[:, 30:90, 40:120] = 0
    values[:, 130:134, 10:150] = 200  # a shell below the patient, 12 mm thick
    stage = set_stage(ReportContent(verdict_of([], policy=""), images=Images(planning=Volume(values, grid))))
    assert stage is not None
    assert stage.planes[0].height_mm == pytest.approx(60 * 3 + 24, abs=13)
    assert stage.planes[0].width_mm == pytest.approx(80 * 3 + 24, abs=13)


def test_a_raw_scale_far_off_is_shown_at_a_level_that_is_stated() -> None:
    grid = Grid.from_axes((20, 60, 60), spacing_zyx_mm=(4, 4, 4))
    planning = np.full(grid.shape_zyx, 30.0, np.float32)
    images = Images(planning=Volume(planning, grid), raw=Volume(planning - 302, grid))
    near = Images(planning=Volume(planning, grid), raw=Volume(planning - 60, grid))
    off, same = (_titles(ReportContent(verdict_of([], policy=""), images=one)) for one in (images, near))
    assert set(off) == {"Planning CT", "Day, raw, level −260 HU"}
    assert set(same) == {"Planning CT", "Day, raw"}


def _titles(content: ReportContent) -> list[str]:
    with drawing():
        return [one.title for _, row in draw_pictures(content).anatomy.rows for one in row]
