"""Simulated low-quality images: how fast, how true without errors, how like real scans.

    python benchmarks/simulate.py [--quick] [--json]

Real scans are the two Catphans and the pancreas patient of the shared data (``../shared/data`` or below
TERASU_SHARED); their rows are left out where they or RTK are missing, and with ``--quick``. The peer of a
simulated scan is the real one.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import _tests_path  # noqa: F401
from _table import Row, flags, show
from conftest import shared_folder, unpack
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.simulate.cone_settings import ConeBeamSettings
from terasu.simulate.fast import fast_slices
from terasu.simulate.mvct import MvctSettings, mvct_slices
from terasu.simulate.noise_power import radial_noise_power
from terasu.simulate.presets import settings_of

F64 = NDArray[np.float64]
CATPHANS = {
    "catphan_pelvis": "OBI_catphan504_pelvis_125kV.zip",
    "catphan_thorax": "OBI_catphan504_lowdose_thorax_110kV.zip",
}
HANN = (0.0, 0.85, 1.0)
BAND_PER_MM = (0.05, 0.55)


def main() -> int:
    """Measure and print."""
    quick, as_json = flags()
    rows = [*speed(), *truth()]
    if not quick and importlib.util.find_spec("itk") and shared_folder():
        rows += [*catphans(), *pancreas()]
    return show(rows, as_json=as_json)


def water(pixels: int, pixel_mm: float, count: int) -> NDArray[np.float32]:
    """Slices of a water cylinder of 20 cm."""
    place = (np.arange(pixels) - (pixels - 1) / 2) * pixel_mm
    disc = np.where(np.hypot(place[:, None], place[None]) <= 100, 0.0, -1000.0)
    return np.repeat(disc[None], count, axis=0).astype(np.float32)


def speed() -> list[Row]:
    """Slices a second of both slice engines."""
    rows = []
    for pixels, pixel_mm, count in ((128, 3.906, 32), (512, 0.76, 4)):
        slices = water(pixels, pixel_mm, count)
        for name, made in (("mvct_slices", mvct_slices), ("fast_slices", fast_slices)):
            made(slices[:1], pixel_mm)
            start = time.perf_counter()
            made(slices, pixel_mm)
            rate = count / (time.perf_counter() - start)
            rows.append(Row(f"{name}, {pixels} x {pixels}", rate, "slices/s"))
    return rows


def truth() -> list[Row]:
    """What is left without errors, and the noise of the default MVCT."""
    slices = water(512, 0.76, 2)
    middle = (slice(None), slice(226, 286), slice(226, 286))
    clean = mvct_slices(slices, 0.76, MvctSettings(photons_per_mm2=np.inf))[middle]
    noisy = mvct_slices(slices, 0.76, seed=1)[middle]
    bias, noise = float(np.abs(clean.mean())), float(noisy.std())
    return [
        Row("MVCT of water without noise, error", bias, "HU", bar="<= 1", holds=bias <= 1),
        Row(
            "MVCT noise, 20 cm of water", noise, "HU", 24.0, "De Marco 2019", "within 3", abs(noise - 24) <= 3
        ),
    ]


def catphans() -> list[Row]:
    """Noise power of both Catphan scans: the fit of the presets done again, and what the preset leaves."""
    rows = []
    for name, archive in CATPHANS.items():
        settings = settings_of("cbct", name)
        assert isinstance(settings, ConeBeamSettings)
        frequency, real = real_power(archive)
        best = min((fit_photons_to(frequency, real, settings, hann) for hann in HANN), key=lambda one: one[2])
        hann, photons, left = best
        rows.append(Row(f"{name}: Hann cut-off", hann, "", settings.hann_cutoff, "preset"))
        rows.append(Row(f"{name}: photons per mm2", photons, "", settings.photons_per_mm2, "preset"))
        rows.append(
            Row(f"{name}: noise power left over", 100 * left, "% rms", bar="<= 20", holds=left <= 0.2)
        )
    return rows


def real_power(archive: str) -> tuple[F64, F64]:
    """Noise power of the middle 10 cm of the slices without inserts."""
    folder = shared_folder()
    assert folder is not None
    with tempfile.TemporaryDirectory() as aside, zipfile.ZipFile(folder / "cbct_phantom" / archive) as packed:
        packed.extractall(aside)
        scan = read_image(index_folder(Path(aside)).of_modality("CT")[0]).volume.crop(
            (3, 0, 0), (24, 512, 512)
        )
    within = np.zeros(scan.values.shape, bool)
    within[:, 196:316, 196:316] = True
    return radial_noise_power(scan, within)


def fit_photons_to(
    frequency: F64, real: F64, settings: ConeBeamSettings, hann: float
) -> tuple[float, float, float]:
    """Hann cut-off, photons by least squares, and the share of the power that is left (rms)."""
    from terasu.simulate.cone_beam import primary_of, reading_of
    from terasu.simulate.cone_object import calibration_phantom

    photons = 3e4
    # Only the rows about the middle: noise power does not change along the axis.
    trial = replace(
        settings, hann_cutoff=hann, photons_per_mm2=photons, detector_high_mm=60.0, scatter_to_primary=0.0
    )
    grid = Grid.from_axes((8, 110, 110), spacing_zyx_mm=(2.5, 0.878906, 0.878906))
    primary = primary_of(calibration_phantom(200.0, replace(trial, calibration_mm=200.0)), trial)
    image = Volume(1000 * (reading_of(primary, grid, trial, seed=1) - 1), grid)
    within = np.zeros(image.values.shape, bool)
    within[:, :, :78] = True  # the air insert is on the other side
    found = np.interp(frequency, *radial_noise_power(image, within))
    band = (frequency > BAND_PER_MM[0]) & (frequency < BAND_PER_MM[1])
    scale = float((found * real)[band].sum() / (found**2)[band].sum())
    left = float(np.sqrt(np.mean((scale * found - real)[band] ** 2) / np.mean(real[band] ** 2)))
    return hann, photons / scale, left


def pancreas() -> list[Row]:
    """The real abdominal scan beside the one simulated with its preset."""
    from terasu.workflow.simulate_compare import compare_with_real

    patient = unpack("pancreas")
    with tempfile.TemporaryDirectory() as aside:
        done = compare_with_real(
            patient / "CBCT_fraction_A_CB02",
            patient / "planCT",
            Path(aside) / "out",
            preset="pancreas_full_fan",
        )
    units = {name: name[name.index("[") + 1 : -1] for name in done.numbers}
    return [
        Row(f"pancreas: {name[: name.index('[') - 1]}", made, units[name], real, "real scan")
        for name, (real, made) in done.numbers.items()
    ]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    raise SystemExit(main())
