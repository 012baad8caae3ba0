"""A small made plan, structure set, image and dose, for tests of the RT objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from terasu.patient.delivery import Beam, Delivery
from terasu.patient.grid import Grid
from terasu.patient.structures import ContourSet, Roi
from terasu.patient.volume import Source, Volume

FRAME = "1.2.826.0.1.3680043.10.1.1"
HEADER = {
    "PatientName": "Made^Patient",
    "PatientID": "MADE-1",
    "PatientBirthDate": "19500101",
    "PatientSex": "M",
    "StudyInstanceUID": "1.2.826.0.1.3680043.10.1.2",
    "StudyDate": "20260102",
    "StudyTime": "101112",
    "StudyID": "1",
    "AccessionNumber": "7",
    "ReferringPhysicianName": "Made^Doctor",
    "PatientPosition": "HFS",
    "PositionReferenceIndicator": "",
}
STRUCTURES = Source("RTSTRUCT", "1.2.826.0.1.3680043.10.1.7", ("1.2.826.0.1.3680043.10.1.8",), header=HEADER)
PLAN = Source(modality="RTPLAN", sop_instance_uids=("1.2.826.0.1.3680043.10.1.9",), header=HEADER)


def image(slices: int = 6, *, unit: str = "HU") -> Volume:
    """A small CT with patient, series and instance UIDs."""
    grid = Grid.from_axes(
        (slices, 20, 24),
        spacing_zyx_mm=(3.0, 2.0, 1.5),
        origin_lps_mm=(-17.0, -21.0, -40.0),
        frame_of_reference_uid=FRAME,
    )
    values = np.arange(grid.size, dtype=np.float32).reshape(grid.shape_zyx) % 2000 - 1000
    uids = tuple(f"1.2.826.0.1.3680043.10.1.3.{k + 1}" for k in range(slices))
    source = Source("CT", "1.2.826.0.1.3680043.10.1.3", uids, "1.2.840.10008.5.1.4.1.1.2", HEADER)
    return Volume(values, grid, unit, source)


def square(z_mm: float, half_mm: float = 5.0) -> np.ndarray:
    """A closed square in the slice at ``z_mm``."""
    return np.array([[x * half_mm, y * half_mm, z_mm] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))])


def contours() -> ContourSet:
    """Two ROIs on the made CT, one of them with a hole, and one without contours."""
    ptv = Roi("PTV_4140", 1, (square(-40.0), square(-37.0), square(-37.0, 2.0)), "PTV", (255, 0, 0))
    bladder = Roi("Bladder", 2, (square(-34.1234567891),), "ORGAN", (0, 255, 0))
    return ContourSet((ptv, bladder, Roi("Rectum", 3, ())), FRAME)


def beam(number: int = 1, *, arc: bool = False, pairs: int = 4, points: int = 3) -> Beam:
    """A sliding-window beam, or an arc over 0°."""
    rng = np.random.default_rng(number)
    tips = np.sort(rng.uniform(-50, 50, (points, 2, pairs)), axis=1)
    gantry = (350.0 + 10.0 * np.arange(points)) % 360 if arc else np.full(points, 51.0 * number)
    return Beam(
        number=number,
        name=f"Field {number}",
        machine="LINAC1",
        radiation="PHOTON",
        energy_mv=6.0,
        meterset_mu=100.0 + 1 / 3,
        meterset_fraction=np.linspace(0, 1, points),
        gantry_deg=gantry,
        collimator_deg=np.full(points, 2.5),
        couch_deg=np.zeros(points),
        isocentre_lps_mm=np.tile([1.25, -2.5, -37.0], (points, 1)),
        jaws_x_mm=np.tile([-60.0, 60.0], (points, 1)),
        jaws_y_mm=np.tile([-52.0, 51.0], (points, 1)),
        leaves_mm=tips,
        leaf_boundaries_mm=np.linspace(-20, 20, pairs + 1) if pairs else np.empty(0),
        fff=arc,
    )


def delivery(*beams: Beam) -> Delivery:
    """A plan of a sliding-window beam and an arc, 2 Gy × 20."""
    return Delivery(
        beams=beams or (beam(1), beam(2, arc=True)),
        fractions=20,
        prescription_gy=40.0,
        target_name="PTV_4000",
        label="MADE",
        frame_of_reference_uid=FRAME,
        referenced_structure_set_uid="1.2.826.0.1.3680043.10.1.8",
    )


def changed(path: Path, change: Callable[[Dataset], None]) -> Path:
    """The file with something changed in it, whatever the standard says about that."""
    with pydicom.config.disable_value_validation():
        data = pydicom.dcmread(path, force=True)
        change(data)
        data.save_as(path)
    return path
