"""What the beams pass on their way: lung, and voxels that were not imaged. Slabs of known thickness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import made_rt
from terasu.dose.density import DensityTable, default_density_table
from terasu.dose.lung_path import path_through_lung
from terasu.dose.path import STEP_MM, density_on_path, source_lps_mm
from terasu.dose.path_share import share_of_path
from terasu.errors import DoseError
from terasu.patient.delivery import Beam, Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

GRID = Grid.from_axes((21, 75, 65), spacing_zyx_mm=(4, 4, 4), origin_lps_mm=(-128, -148, -40))
X, Y, _ = np.moveaxis(GRID.to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1)), -1, 0)
BODY = (np.abs(X) < 110) & (Y > -122) & (Y < 122)
LUNG = BODY & (Y > -82) & (Y < -22)  # 60 mm of lung behind 40 mm of chest wall, 20 mm in front of the target
TARGET = np.zeros(3)


def image_of(lung_hu: float = -740.0) -> Volume:
    hu = np.where(LUNG, lung_hu, np.where(BODY, 40.0, -1000.0))
    return Volume(hu.astype(np.float32), GRID, "HU", Source("CT"))


def beam(number: int, gantry_deg: float, mu: float) -> Beam:
    two = np.ones(2)
    return replace(
        made_rt.beam(points=2, pairs=0),
        number=number,
        gantry_deg=gantry_deg * two,
        meterset_mu=mu,
        isocentre_lps_mm=np.zeros((2, 3)),
    )


def plan(*weights: tuple[float, float]) -> Delivery:
    """Beams of (gantry, MU)."""
    beams = (beam(n, gantry, mu) for n, (gantry, mu) in enumerate(weights, start=1))
    return made_rt.delivery(*beams)


@pytest.mark.parametrize(
    ("gantry", "place"),
    [(0, (0, -1000, 0)), (90, (1000, 0, 0)), (180, (0, 1000, 0)), (270, (-1000, 0, 0))],
)
def test_the_source_stands_where_iec_61217_says(gantry: float, place: tuple[float, ...]) -> None:
    shift = np.array([5.0, 6.0, 7.0])
    assert np.allclose(source_lps_mm(gantry, shift, 1000.0), shift + place)


def test_the_density_along_a_ray() -> None:
    """Air, 40 mm wall, 60 mm lung, 22 mm tissue to the target; nothing outside of the image."""
    table = default_density_table()
    source = source_lps_mm(0.0, TARGET, 1000.0)
    along = density_on_path(image_of(), table, source, TARGET)
    assert len(along) == 1000 / STEP_MM
    tissue, lung = np.interp([40.0, -740.0], table.hu, table.relative_electron_density)
    assert along.sum() * STEP_MM == pytest.approx(62 * tissue + 60 * lung, abs=2 * STEP_MM)
    assert (along[: int(840 / STEP_MM)] == 0).all()


def test_from_the_front_half_the_way_is_lung() -> None:
    found = path_through_lung(image_of(), plan((0, 100)), TARGET)
    assert found.path_mm == pytest.approx(122, abs=2 * STEP_MM)
    assert found.lung_mm == pytest.approx(60, abs=2 * STEP_MM)
    assert found.share == pytest.approx(60 / 122, abs=0.02)


def test_from_behind_there_is_none() -> None:
    found = path_through_lung(image_of(), plan((180, 100)), TARGET)
    assert (found.share, found.lung_mm) == (0, 0)
    assert found.path_mm == pytest.approx(122, abs=2 * STEP_MM)


def test_beams_count_by_their_mu() -> None:
    """300 MU from the front, 100 from behind; a beam without MU counts for nothing."""
    found = path_through_lung(image_of(), plan((0, 300), (180, 100), (90, 0)), TARGET)
    assert found.lung_mm == pytest.approx(0.75 * 60, abs=2 * STEP_MM)
    assert found.share == pytest.approx(0.75 * 60 / 122, abs=0.02)


@pytest.mark.parametrize(("hu", "is_lung"), [(-850, True), (-500, True), (-990, False), (-100, False)])
def test_what_counts_as_lung(hu: float, is_lung: bool) -> None:
    """Inflated and deflated lung do; gas and fat do not."""
    assert (path_through_lung(image_of(hu), plan((0, 100)), TARGET).share > 0.4) == is_lung


def test_the_table_of_the_scanner_decides() -> None:
    """HU −740 that a scanner's table calls tissue is no lung."""
    dense = DensityTable(
        "odd", "", np.array([-1000.0, -800.0, 100.0]), np.array([0.0, 0.9, 1.1]), np.empty(0)
    )
    assert path_through_lung(image_of(), plan((0, 100)), TARGET, density=dense).share == 0


def test_several_points_are_averaged() -> None:
    """One point behind the lung, one in front of it: 60 mm and none."""
    points = np.array([[0.0, 0.0, 0.0], [0.0, -100.0, 0.0]])
    found = path_through_lung(image_of(), plan((0, 100)), points)
    assert found.lung_mm == pytest.approx(30, abs=2 * STEP_MM)


def test_no_beam_that_meets_the_patient_is_an_error() -> None:
    nowhere = np.array([0.0, -140.0, 0.0])
    for call in (
        lambda: path_through_lung(image_of(), plan((0, 100)), nowhere),
        lambda: path_through_lung(image_of(), plan((0, 0)), TARGET),
        lambda: share_of_path(LUNG, BODY, GRID, plan((0, 100)), nowhere),
    ):
        with pytest.raises(DoseError) as refusal:
            call()
        assert all(refusal.value.as_dict().values())


def test_share_of_a_region() -> None:
    """The same 60 of 122 mm, told by masks."""
    assert share_of_path(LUNG, BODY, GRID, plan((0, 100)), TARGET) == pytest.approx(60 / 122, abs=0.02)
    assert share_of_path(LUNG, BODY, GRID, plan((180, 100)), TARGET) == 0
    both = share_of_path(LUNG, BODY, GRID, plan((0, 300), (180, 100)), TARGET)
    assert both == pytest.approx(0.75 * 60 / 122, abs=0.02)


def test_share_of_everything_and_nothing() -> None:
    front_and_side = plan((0, 100), (47, 100))
    assert share_of_path(BODY, BODY, GRID, front_and_side, TARGET) == 1
    assert share_of_path(~BODY, BODY, GRID, front_and_side, TARGET) == 0
    assert share_of_path(np.zeros_like(BODY), BODY, GRID, front_and_side, TARGET) == 0


def test_share_on_an_oblique_ray() -> None:
    """From 45°, the lung is passed on √2 times its thickness, and so is the rest."""
    found = path_through_lung(image_of(), plan((45, 100)), TARGET)
    assert found.lung_mm == pytest.approx(60 * np.sqrt(2), abs=3 * STEP_MM)
    assert share_of_path(LUNG, BODY, GRID, plan((315, 100)), TARGET) == pytest.approx(found.share, abs=0.03)
