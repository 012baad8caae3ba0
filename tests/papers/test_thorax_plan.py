"""A clinical plan (7 fields × 166 control points) against its planning system's DVH.

Source: the DVH that came with the OnkoDICOM thorax set. The beam is generic, so one scale is fitted to the
mean doses of seven structures; what is left is what the shape of the engine's dose is worth.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.dicom.rtplan import read_plan
from terasu.dicom.rtstruct import read_structures
from terasu.dose.dvh import Dvh, dvh_of
from terasu.dose.engine import default_engine
from terasu.enhance.body import find_body
from terasu.patient.agreement import bounding_box

SEVEN = ("LUNGS", "HEART", "SPINALCORD", "GTVp", "CTVp", "PTV4140", "LIVER")


@pytest.fixture(scope="module")
def theirs(thorax: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """ROI → dose [Gy], volume that receives at least it [%]."""
    table = next(thorax.glob("TPS_DVH*.csv"))
    with table.open(encoding="utf-8") as file:
        head, *rows = list(csv.reader(file))
    dose = np.array([float(name.removesuffix("cGy")) / 100 for name in head[3:]])
    return {row[1]: (dose, np.array([float(v or 0) for v in row[3:]])) for row in rows}


@pytest.fixture(scope="module")
def ours(thorax: Path) -> dict[str, Dvh]:
    index = index_folder(thorax)
    image = read_image(index.of_modality("CT")[0]).volume
    plan = read_plan(index.headers("RTPLAN")[0].path)
    contours = read_structures(index.headers("RTSTRUCT")[0].path)
    box = bounding_box(find_body(image))
    grid = image.grid.crop([part.start for part in box], [part.stop for part in box]).with_spacing((4, 4, 4))
    dose = default_engine().calculate(image, plan, grid)
    return {name: dvh_of(dose, contours[name]) for name in SEVEN}


def mean_of(curve: tuple[np.ndarray, np.ndarray]) -> float:
    dose, percent = curve
    return float(np.trapezoid(percent / 100, dose))


def scale_of(ours: dict[str, Dvh], theirs: dict[str, tuple[np.ndarray, np.ndarray]]) -> float:
    """One factor, least squares over the seven mean doses."""
    mine = np.array([ours[name].mean_gy for name in SEVEN])
    their = np.array([mean_of(theirs[name]) for name in SEVEN])
    return float(mine @ their / (mine @ mine))


def test_mean_doses_of_seven_structures(ours, theirs) -> None:
    scale = scale_of(ours, theirs)
    misfit = [scale * ours[name].mean_gy - mean_of(theirs[name]) for name in SEVEN]
    assert np.sqrt(np.mean(np.square(misfit))) <= 0.5
    assert 0.9 < scale < 1.1  # the generic beam's absolute dose


def test_near_minimum_of_the_target(ours, theirs) -> None:
    dose, percent = theirs["PTV4140"]
    reference = float(np.interp(-95, -percent, dose))
    assert abs(reference - 40.7) < 0.1
    assert abs(scale_of(ours, theirs) * ours["PTV4140"].d_percent(95) / reference - 1) <= 0.01
