"""Contour Slab Thickness is written and believed only where the planes do not tell their spacing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from made_rt import changed, image, square
from terasu.dicom.rtstruct import read_structures, write_structures
from terasu.dose.dvh import dvh_of
from terasu.patient.contours import to_contours, to_structures
from terasu.patient.structures import Roi, StructureSet

SPACING_MM = 3.0  # of the made image


def at(*planes_mm: float) -> Roi:
    return Roi("A", 1, tuple(square(z) for z in planes_mm))


def slab_read(roi: Roi, tmp_path: Path, said: object = None) -> float:
    """The slab of the ROI after a journey through a file, in which every contour may say something else."""
    write_structures([roi], image(slices=12), tmp_path / "rs.dcm", label="x")

    def change(data: Dataset) -> None:
        for item in data.ROIContourSequence[0].ContourSequence:
            item.ContourSlabThickness = said

    if said is not None:
        changed(tmp_path / "rs.dcm", change)
    return read_structures(tmp_path / "rs.dcm")["A"].slab_mm


def slabs_written(roi: Roi, tmp_path: Path) -> list[object]:
    write_structures([roi], image(), tmp_path / "rs.dcm", label="x")
    items = pydicom.dcmread(tmp_path / "rs.dcm").ROIContourSequence[0].ContourSequence
    return [item.get("ContourSlabThickness") for item in items]


def test_it_is_written_where_the_planes_do_not_tell_and_nowhere_else(tmp_path: Path) -> None:
    assert slabs_written(at(-40.0), tmp_path) == [SPACING_MM]
    assert slabs_written(at(-40.0, -37.0, -28.0), tmp_path) == [SPACING_MM] * 3
    assert slabs_written(at(-40.0, -37.0, -34.0), tmp_path) == [None] * 3
    assert slabs_written(at(-40.0, 400.0), tmp_path) == [SPACING_MM, None]  # on no slice of this image


def test_a_slab_of_the_rois_own_goes_before_that_of_the_image(tmp_path: Path) -> None:
    own = Roi("A", 1, (square(-40.0),), slab_mm=5.0)
    assert slab_read(own, tmp_path) == 5.0


@pytest.mark.parametrize(
    ("planes_mm", "said", "expected"),
    [
        ((-40.0,), None, 3.0),  # one plane alone does not tell
        ((-40.0, -31.0), None, 3.0),  # neither do two
        ((-40.0, -37.0, -34.0), 9.0, 0.0),  # these do
        ((-40.0, -37.0, -31.0, -22.0), 3.0, 3.0),  # unequal: slices that were left out
        ((-40.0, -34.0, -28.0, -16.0), 3.0, 0.0),  # every other slice: the image's slab would leave gaps
        ((-40.0,), "", 0.0),
        ((-40.0,), 0, 0.0),
        ((-40.0,), -3, 0.0),
        ((-40.0,), 1e6, 0.0),
        ((-40.0,), "NaN", 0.0),
        ((-40.0,), "3\\3", 0.0),
    ],
)
def test_it_is_believed_only_where_it_is_needed_and_possible(
    planes_mm: tuple[float, ...], said: object, expected: float, tmp_path: Path
) -> None:
    assert slab_read(at(*planes_mm), tmp_path, said) == expected


def test_one_slice_survives_as_mask_and_volume(tmp_path: Path) -> None:
    """A mask in one slice: on a grid of finer slices, only the slab says how high it was."""
    drawn = image(slices=6)
    mask = np.zeros(drawn.grid.shape_zyx, bool)
    mask[2, 5:9, 6:12] = True
    written = to_contours(StructureSet(drawn.grid, {"A": mask}))
    write_structures(written, drawn, tmp_path / "rs.dcm", label="x")
    read = read_structures(tmp_path / "rs.dcm")
    np.testing.assert_array_equal(to_structures(read, drawn.grid)["A"], mask)
    fine = drawn.grid.with_spacing((1.0, 2.0, 1.5))
    assert to_structures(read, fine).volume_cc("A") == pytest.approx(24 * 9.0 / 1000)
    gray = image(slices=6, unit="Gy")
    assert dvh_of(gray, read["A"]).volume_cc == pytest.approx(24 * 9.0 / 1000, rel=1e-3)
