"""A cohort of small made patients as DICOM, for tests of radiomics over cohorts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom

from terasu.dicom.rtstruct import write_structures
from terasu.dicom.write_image import write_ct_series
from terasu.patient.contours import to_contours
from terasu.patient.grid import Grid
from terasu.patient.structures import StructureSet
from terasu.patient.volume import Source, Volume

SHAPE = (14, 30, 32)
SPACING = (3.0, 2.0, 2.0)


def made_volume(number: int, *, fraction: int = 1) -> Volume:
    """A tumour in noise that is blurred a little; every patient and every fraction another one."""
    rng = np.random.default_rng([number, fraction])
    frame = f"1.2.826.0.1.3680043.10.2.{number}"
    grid = Grid.from_axes(
        SHAPE, spacing_zyx_mm=SPACING, origin_lps_mm=(-30, -25, 10), frame_of_reference_uid=frame
    )
    noise = rng.normal(0, 60, SHAPE)
    noise += np.roll(noise, 1, 1) + np.roll(noise, 1, 2)
    values = np.where(made_mask(number), 40 + 8 * number - 4 * fraction, -60) + noise
    return Volume(np.rint(values).astype(np.float32), grid, "HU")


def made_mask(number: int) -> np.ndarray:
    """A ball of a radius of its own."""
    k, j, i = (np.arange(n) - (n - 1) / 2 for n in SHAPE)
    away = np.sqrt((3 * k[:, None, None]) ** 2 + (2 * j[:, None]) ** 2 + (2 * i) ** 2)
    return away < 11 + number


def header(number: int, day: int = 0) -> Source:
    """Patient and study."""
    date = f"202601{day + 1:02d}"
    said = {
        "PatientName": f"Made^{number}",
        "PatientID": f"MADE-{number}",
        "PatientBirthDate": "19500101",
        "StudyInstanceUID": f"1.2.826.0.1.3680043.10.3.{number}",
        "StudyDate": date,
    }
    return Source("CT", header=said)


def write_patient(
    folder: Path,
    number: int,
    *,
    fractions: int = 1,
    names: tuple[str, ...] = ("GTV-1",),
    mask: np.ndarray | None = None,
) -> None:
    """Images and an RTSTRUCT on each; from the second fraction on, of a treatment machine."""
    for fraction in range(1, fractions + 1):
        volume = made_volume(number, fraction=fraction)
        here = folder / f"fraction{fraction}"
        like = header(number, fraction - 1)
        source = write_ct_series(
            volume,
            here / "image",
            like=like,
            series_description=f"image {fraction}",
            made_by=None,
            seed=f"{number} {fraction}",
        )
        for path in (here / "image").iterdir():
            data = pydicom.dcmread(path)
            data.AcquisitionDate = like.header["StudyDate"]
            data.save_as(path)
        image = replace(volume, source=source)
        masks = {name: made_mask(number) if mask is None else mask for name in names}
        drawn = to_contours(StructureSet(volume.grid, masks))
        write_structures(drawn, image, here / "rtstruct.dcm", label="GTV", seed=f"{number} {fraction}")


def write_cohort(folder: Path, patients: int = 3, **how: object) -> Path:
    """``folder/case1`` … with one patient each."""
    for number in range(1, patients + 1):
        write_patient(folder / f"case{number}", number, **how)  # type: ignore[arg-type]
    return folder
