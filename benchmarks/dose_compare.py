"""Gamma and DVH: time and agreement, beside PyMedPhys and dicompyler-core.

    python benchmarks/dose_compare.py [--quick] [--json]

The peers need an environment of their own, named by TERASU_DOSE_PEERS_PYTHON; without it their columns stay
empty:

    python -m venv peers && peers/bin/pip install "pymedphys[user]" dicompyler-core "pydicom<3"
    TERASU_DOSE_PEERS_PYTHON=peers/bin/python python benchmarks/dose_compare.py

"Judged otherwise" is the share of voxels that pass here and fail there, or the other way round. PyMedPhys
searches in steps of a tenth of the distance and reads a little higher for it; ours is the minimum between
steps as well, which its finer steps approach. Planes and the clinical dose come from ``../shared/data`` (or
TERASU_SHARED) and are left out where it is missing. ``--quick`` leaves the
peer's long searches out; with them it takes five minutes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from _table import Row, flags, median_seconds, show
from terasu.dicom.rtdose import read_dose
from terasu.dicom.rtstruct import read_structures
from terasu.dose.dvh import dvh_of
from terasu.dose.gamma import gamma
from terasu.patient.grid import Grid
from terasu.patient.structures import Roi
from terasu.patient.volume import Volume

PERCENTS = (98, 95, 50, 5, 2)
PLANES = ("H&N_VMAT", "ProstateIMRT")
BREAST = "dicompyler_breast_rtdose_rtplan_rtss.zip"
GY_PER_MM = 1.0


@dataclass(frozen=True, eq=False)
class Pair:
    """Two doses on one grid and a criterion; ``steps`` of the peer's search within the distance."""

    name: str
    reference: NDArray[np.float32]
    evaluated: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    percent: float = 2.0
    mm: float = 2.0
    steps: int = 10
    with_peer: bool = True


@dataclass(frozen=True, eq=False)
class Shape:
    """Contours in a linear dose, and the truth."""

    name: str
    roi: Roi
    dose: Volume
    truth_gy: NDArray[np.float64]


def main() -> int:
    quick, as_json = flags()
    shared = _shared()
    pairs, shapes = list(_pairs(shared, quick)), list(_shapes())
    with tempfile.TemporaryDirectory() as scratch:
        peers = _ask_peers(Path(scratch), pairs, shapes)
        rows = [*_gamma_rows(pairs, peers), *_dvh_rows(shapes, peers), *_organ_rows(shared, Path(scratch))]
    return show(rows, as_json=as_json)


def _shared() -> Path | None:
    named = os.environ.get("TERASU_SHARED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder / "dose" if (folder / "dose").is_dir() else None


def _hill(shift: tuple[float, float, float], reach_mm: float) -> NDArray[np.float64]:
    """A made dose, 100 × 128 × 128: a target of about 60 Gy with a spared cylinder in it."""
    z, y, x = np.ogrid[:100, :128, :128]
    z, y, x = (
        (axis - middle - move) for axis, middle, move in zip((z, y, x), (50, 64, 64), shift, strict=True)
    )
    away = np.sqrt((3 * z) ** 2 + (2.5 * y) ** 2 + (2.5 * x) ** 2) / reach_mm
    spared = np.exp(-((2.5 * (y - 16)) ** 2 + (2.5 * x) ** 2) / 15**2)
    return (60 / (1 + np.exp((away - 1) * 14)) + 8 * np.exp(-((away / 1.5) ** 2))) * (1 - 0.6 * spared)


def _pairs(shared: Path | None, quick: bool) -> Iterator[Pair]:
    rng = np.random.default_rng(1)
    smooth = ndimage.gaussian_filter(rng.standard_normal((100, 128, 128)), 4)
    smooth *= 0.01 / smooth.std()
    moved = (0.3, 0.4, -0.3)
    for name, reach, with_peer in (
        ("made, 7 % of the voxels judged", 65.0, not quick),
        ("made, 76 % judged", 150.0, False),
    ):
        reference, evaluated = _hill((0, 0, 0), reach), _hill(moved, reach) * (1 + smooth)
        yield Pair(
            name,
            reference.astype(np.float32),
            evaluated.astype(np.float32),
            (3.0, 2.5, 2.5),
            with_peer=with_peer,
        )
    if shared is None:
        return
    for name in PLANES:
        both = [read_dose(shared / f"{name}_{one}_1mmPx.dcm").values[0] for one in ("Reference", "Evaluated")]
        for percent, mm in ((3.0, 3.0), (3.0, 2.0), (2.0, 2.0)):
            yield Pair(name, both[0], both[1], (1.0, 1.0, 1.0), percent, mm)
    if not quick:
        yield from _spiky(shared.parent / "openkbp")


def _spiky(patients: Path) -> Iterator[Pair]:
    """A clinical head-and-neck dose at 4 mm, moved and with 1.5 % of slow change: the hard case."""
    for path in sorted(patients.glob("*.npz"))[:1]:
        with np.load(path) as data:
            reference, spacing = data["dose_cGy"].astype(np.float32)[60:72] / 100, data["voxel_mm"]
        slow = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal(reference.shape), 3)
        moved = ndimage.shift(reference, (0.3, 0.3, -0.3), order=1) * (1 + 0.015 * slow / slow.std())
        z, y, x = (float(mm) for mm in spacing)
        for steps in (10, 30):
            yield Pair("head and neck", reference, moved.astype(np.float32), (z, y, x), steps=steps)


def _shapes() -> Iterator[Shape]:
    """Cylinders and cones of 5 mm radius, 12 mm high, as Nelms 2015 (doi 10.1118/1.4923175) makes them."""
    grid = Grid.from_axes((40, 40, 40), spacing_zyx_mm=(2.5,) * 3, origin_lps_mm=(-48.0, -49.0, -47.0))
    places = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    circle = np.c_[np.cos(angle), np.sin(angle), np.zeros(180)]
    for axis, direction in ((0, "across"), (2, "along")):
        dose = Volume((50 + GY_PER_MM * places[..., axis]).astype(np.float32), grid, "Gy")
        for slab in (1.0, 2.0, 3.0):
            for kind in ("cylinder", "cone"):
                planes = np.arange(-6 + slab / 2, 6, slab)
                radii = 5 * (np.ones_like(planes) if kind == "cylinder" else 0.5 - planes / 12)
                contours = tuple(circle * r + [0, 0, z] for r, z in zip(radii, planes, strict=True))
                name = f"{kind}, {direction}, {slab:g} mm slices"
                yield Shape(name, Roi(kind, 1, contours), dose, _truth(kind, axis))


def _truth(kind: str, axis: int) -> NDArray[np.float64]:
    """Doses at equal volumes of the exact shape."""
    parts = (np.arange(400_000) + 0.5) / 400_000
    height = parts if kind == "cylinder" else 1 - np.cbrt(parts)
    if axis == 2:
        dose = 50 + GY_PER_MM * 12 * (height - 0.5)
    else:
        rng = np.random.default_rng(5)
        radius = 5 * (np.ones_like(height) if kind == "cylinder" else 1 - height)
        turn, out = rng.random(len(parts)) * 2 * np.pi, np.sqrt(rng.random(len(parts)))
        dose = 50 + GY_PER_MM * radius * out * np.cos(turn)
    return np.quantile(dose, 1 - np.array(PERCENTS) / 100)


def _ask_peers(scratch: Path, pairs: list[Pair], shapes: list[Shape]) -> dict[str, Any]:
    python = os.environ.get("TERASU_DOSE_PEERS_PYTHON")
    if not python:
        return {}
    for n, pair in enumerate(pairs):
        if pair.with_peer:
            flat = pair.reference.ndim == 2
            np.savez(
                scratch / f"gamma-{n}.npz",
                reference=pair.reference,
                evaluated=pair.evaluated,
                spacing_mm=pair.spacing_mm[1:] if flat else pair.spacing_mm,
                percent=pair.percent,
                mm=pair.mm,
                steps=pair.steps,
            )
    for n, shape in enumerate(shapes):
        contours = shape.roi.contours_lps_mm
        np.savez(
            scratch / f"dvh-{n}.npz",
            points=np.concatenate(contours),
            first_point=np.concatenate([[0], np.cumsum([len(one) for one in contours])]),
            dose=shape.dose.values,
            step_mm=shape.dose.grid.spacing_zyx_mm[0],
            origin_mm=shape.dose.grid.origin_lps_mm,
            percents=PERCENTS,
        )
    subprocess.run([python, str(Path(__file__).parent / "_dose_peers.py"), str(scratch)], check=True)
    return {path.name.removesuffix(".out.npz"): dict(np.load(path)) for path in scratch.glob("*.out.npz")}


def _gamma_rows(pairs: list[Pair], peers: dict[str, Any]) -> Iterator[Row]:
    for n, pair in enumerate(pairs):
        shape = pair.reference.shape if pair.reference.ndim == 3 else (1, *pair.reference.shape)
        grid = Grid.from_axes(shape, spacing_zyx_mm=pair.spacing_mm)
        both = [Volume(values.reshape(shape), grid, "Gy") for values in (pair.reference, pair.evaluated)]

        def work(both: list[Volume] = both, pair: Pair = pair) -> Any:
            return gamma(both[0], both[1], dose_percent=pair.percent, distance_mm=pair.mm)

        found, theirs = work(), peers.get(f"gamma-{n}")
        title = f"gamma {pair.percent:g} %/{pair.mm:g} mm, {pair.name}"
        title += f", peer in steps of 1/{pair.steps}" if pair.steps != 10 else ""
        volume = pair.reference.ndim == 3
        seconds = median_seconds(work, runs=3)
        peer = "PyMedPhys" if theirs else ""
        yield Row(
            f"{title}: time",
            seconds,
            "s",
            float(theirs["seconds"]) if theirs else None,
            peer,
            "<= 1 s" if volume else "",
            seconds <= 1 if volume else None,
        )
        yield Row(f"{title}: voxels judged", float(found.n_judged), "")
        if theirs:
            here, there = found.values.values.reshape(-1), theirs["gamma"].reshape(-1)
            judged = np.isfinite(here)
            otherwise = 100 * float(np.mean((here[judged] <= 1) != (there[judged] <= 1)))
            yield Row(f"{title}: judged otherwise", otherwise, "%", None, peer, "< 0.2 %", otherwise < 0.2)


def _dvh_rows(shapes: list[Shape], peers: dict[str, Any]) -> Iterator[Row]:
    for n, shape in enumerate(shapes):
        found = dvh_of(shape.dose, shape.roi)
        worst = float(np.abs([found.d_percent(p) for p in PERCENTS] - shape.truth_gy).max())
        theirs = peers.get(f"dvh-{n}")
        peer = float(np.abs(theirs["d_gy"] - shape.truth_gy).max()) if theirs else None
        title = f"DVH, r = 5 mm, 1 Gy/mm, {shape.name}: worst of D98 … D2"
        yield Row(title, worst, "Gy", peer, "dicompyler-core" if theirs else "", "<= 0.1 Gy", worst <= 0.1)


def _organ_rows(shared: Path | None, scratch: Path) -> Iterator[Row]:
    if shared is None:
        return
    with zipfile.ZipFile(shared / BREAST) as archive:
        archive.extractall(scratch)
    dose, structures = read_dose(scratch / "rtdose.dcm"), read_structures(scratch / "rtss.dcm")
    for name in ("Heart", "Lt Lung", "Tumor Bed", "BODY"):
        roi = structures[name]
        seconds = median_seconds(lambda roi=roi: dvh_of(dose, roi), runs=3)  # type: ignore[misc]
        organ = name != "BODY"
        yield Row(
            f"DVH of {name}: time",
            seconds,
            "s",
            bar="<= 0.1 s" if organ else "",
            holds=seconds <= 0.1 if organ else None,
        )


if __name__ == "__main__":
    raise SystemExit(main())
