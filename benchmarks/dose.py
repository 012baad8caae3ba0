"""The dose engine: a clinical plan, an arc, the depth dose in water, what an HU error costs; and its peers.

    python benchmarks/dose.py [--quick] [--json]

The clinical plan is that of the OnkoDICOM thorax in ../shared/data/rt_sets (or below TERASU_SHARED), with its
planning system's DVH. Peers: pydosert, the other engine of the house, and for the depth dose pyRadMC in an
environment of its own (about three minutes):

    python -m venv peer && peer/bin/pip install "pyRadMC[warp]"
    TERASU_MONTE_CARLO_PYTHON=peer/bin/python python benchmarks/dose.py

The kernel's one quality is set so that the engine has the Monte Carlo's TPR20,10 (IAEA TRS-398: 1.2661
PDD20,10 − 0.0595); nothing else is fitted, and what is left is the kernel's. ``--quick`` leaves the Monte
Carlo and pydosert out.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from _table import Row, flags, show
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.dicom.rtplan import read_plan
from terasu.dicom.rtstruct import read_structures
from terasu.dose.dvh import dvh_of
from terasu.dose.engine import DoseEngine, default_engine
from terasu.dose.machine import ONE, Machine, default_machine
from terasu.dose.pencil_engine import pencil_beams
from terasu.dose.plan_making import MILLENNIUM_120_MM, PlanRequest, conform, make_plan, project
from terasu.dose.referenced import water_depth_dose
from terasu.enhance.body import find_body
from terasu.patient.agreement import bounding_box
from terasu.patient.contours import to_structures
from terasu.patient.delivery import Beam, Delivery
from terasu.patient.grid import Grid
from terasu.patient.structures import ContourSet, Mask
from terasu.patient.volume import Source, Volume

Array = NDArray[np.float64]
ARCHIVE = "rt_sets/onkodicom-thorax*.tar.xz"
SEVEN = ("LUNGS", "HEART", "SPINALCORD", "GTVp", "CTVp", "PTV4140", "LIVER")
TARGET = "PTV4140"
HISTORIES = 4e7


@dataclass(frozen=True, eq=False)
class Clinical:
    """A clinical case and its planning system's DVH: ROI → dose [Gy], volume [%]."""

    image: Volume
    plan: Delivery
    contours: ContourSet
    body: Mask
    theirs: dict[str, tuple[Array, Array]]

    def grid(self, spacing_mm: float) -> Grid:
        box = bounding_box(self.body)
        part = self.image.grid.crop([one.start for one in box], [one.stop for one in box])
        return part.with_spacing((spacing_mm,) * 3)


def main() -> int:
    """Measure and print."""
    quick, as_json = flags()
    rows = list(_muscle_rows())
    with _clinical() as case:
        if case is not None:
            rows += [*_plan_rows(case, quick), *_arc_rows(case)]
    if not quick:
        rows += _water_rows()
    return show(rows, as_json=as_json)


@contextmanager
def _clinical() -> Iterator[Clinical | None]:
    base = Path(os.environ.get("TERASU_SHARED", Path(__file__).parents[2] / "shared" / "data"))
    found = sorted(base.glob(ARCHIVE))
    if not found:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(found[0]) as archive:
            archive.extractall(folder, filter="data")
        index = index_folder(Path(folder))
        image = read_image(index.of_modality("CT")[0]).volume
        yield Clinical(
            image,
            read_plan(index.headers("RTPLAN")[0].path),
            read_structures(index.headers("RTSTRUCT")[0].path),
            find_body(image),
            _planning_system(next(Path(folder).rglob("TPS_DVH*.csv"))),
        )


def _planning_system(table: Path) -> dict[str, tuple[Array, Array]]:
    with table.open(encoding="utf-8") as file:
        head, *rows = list(csv.reader(file))
    dose = np.array([float(name.removesuffix("cGy")) / 100 for name in head[3:]])
    return {row[1]: (dose, np.array([float(v or 0) for v in row[3:]])) for row in rows}


def _timed(engine: DoseEngine, image: Volume, plan: Delivery, grid: Grid) -> tuple[Volume, float]:
    began = time.perf_counter()
    return engine.calculate(image, plan, grid), time.perf_counter() - began


def _plan_rows(case: Clinical, quick: bool) -> Iterator[Row]:
    ours = default_engine()
    grid = case.grid(4.0)
    ours.calculate(case.image, case.plan, case.grid(8.0))  # compiles
    dose, seconds = _timed(ours, case.image, case.plan, grid)
    peer, peer_seconds = None, None
    if not quick:
        from terasu.dose.pydosert_engine import pydosert_engine

        peer, peer_seconds = _timed(pydosert_engine(), case.image, case.plan, grid)
    points = sum(beam.n_control_points for beam in case.plan.beams)
    mine, other = _misfit(case, dose), None if peer is None else _misfit(case, peer)
    name = "pydosert"
    yield Row(
        f"thorax, {points} control points at 4 mm", seconds, "s", peer_seconds, name, "≤ 15", seconds <= 15
    )
    yield Row(
        "thorax, rms misfit of seven means", mine[1], "Gy", other and other[1], name, "≤ 0.5", mine[1] <= 0.5
    )
    yield Row(
        "thorax, PTV D95 over the planning system's",
        mine[2],
        "",
        other and other[2],
        name,
        "0.99 … 1.01",
        abs(mine[2] - 1) <= 0.01,
    )
    yield Row("thorax, fitted scale", mine[0], "", other and other[0], name)


def _misfit(case: Clinical, dose: Volume) -> tuple[float, float, float]:
    """(fitted scale, rms of what is left of seven means [Gy], D95 ours over theirs)."""
    curves = {name: dvh_of(dose, case.contours[name]) for name in SEVEN}
    mine = np.array([curves[name].mean_gy for name in SEVEN])
    their = np.array([np.trapezoid(case.theirs[name][1] / 100, case.theirs[name][0]) for name in SEVEN])
    scale = float(mine @ their / (mine @ mine))
    gy, percent = case.theirs[TARGET]
    d95 = float(np.interp(-95, -percent, gy))
    left = float(np.sqrt(np.mean((scale * mine - their) ** 2)))
    return scale, left, scale * curves[TARGET].d_percent(95) / d95


def _arc_rows(case: Clinical) -> Iterator[Row]:
    """A full arc of 180 control points, MLC conformed to the thorax' target at each, jaws to its widest."""
    mask = to_structures(case.contours, case.image.grid, names=[TARGET])[TARGET]
    dose, seconds = _timed(default_engine(), case.image, _arc(case, mask, 180), case.grid(3.0))
    voxels = dose.values.size / 1e6
    yield Row(
        f"arc of 180 control points at 3 mm, {voxels:.1f} M voxels",
        seconds,
        "s",
        bar="≤ 60",
        holds=seconds <= 60,
    )


def _arc(case: Clinical, target: Mask, n: int) -> Delivery:
    points = case.image.grid.to_lps_mm(np.argwhere(target)[::7])
    isocentre = np.round((points.min(axis=0) + points.max(axis=0)) / 2, 1)
    gantry = (181 + np.linspace(0, 358, n)) % 360
    outlines = [project(points, isocentre, float(angle), 30.0, 1000.0) for angle in gantry]
    reach = np.concatenate(outlines)
    low, high = np.floor(reach.min(axis=0)) - 5, np.ceil(reach.max(axis=0)) + 5
    beam = Beam(
        number=1,
        name="ARC",
        machine="generic",
        radiation="PHOTON",
        energy_mv=6.0,
        meterset_mu=400.0,
        meterset_fraction=np.linspace(0, 1, n),
        gantry_deg=gantry,
        collimator_deg=np.full(n, 30.0),
        couch_deg=np.zeros(n),
        isocentre_lps_mm=np.tile(isocentre, (n, 1)),
        jaws_x_mm=np.tile([low[0], high[0]], (n, 1)),
        jaws_y_mm=np.tile([low[1], high[1]], (n, 1)),
        leaves_mm=np.stack([conform(outline, 5.0) for outline in outlines]),
        leaf_boundaries_mm=MILLENNIUM_120_MM,
    )
    return Delivery((beam,), frame_of_reference_uid=case.image.grid.frame_of_reference_uid)


def _muscle_rows() -> Iterator[Row]:
    """Seven fields on a cylinder of muscle of 20 cm: 10 cm in front of the target from every side."""
    grid = Grid.from_axes((30, 100, 120), spacing_zyx_mm=(6, 4, 4), origin_lps_mm=(-238, -198, -87))
    onto = Grid.from_axes((15, 60, 80), spacing_zyx_mm=(6, 6, 6), origin_lps_mm=(-237, -177, -42))
    places = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))
    inside = np.hypot(places[..., 0], places[..., 1]) <= 100
    muscle = Volume(np.where(inside, 40, -1000).astype(np.float32), grid, "HU", Source("CT"))
    target = np.linalg.norm(places / (30, 30, 24), axis=-1) <= 1
    plan = make_plan(muscle, target, PlanRequest(control_points=3, dose_spacing_mm=6.0))
    near = np.linalg.norm(onto.to_lps_mm(np.moveaxis(np.indices(onto.shape_zyx), 0, -1)), axis=-1) <= 20

    def change_percent(hu: float) -> float:
        other = muscle.with_values(np.where(inside, muscle.values + np.float32(hu), muscle.values))
        dose = default_engine().calculate(other, plan, onto).values
        return 100 * (float(dose[near].mean()) / planned - 1)

    planned = float(default_engine().calculate(muscle, plan, onto).values[near].mean())
    for hu, bar in ((0.0, 0.0), (20.0, -0.65), (-50.0, 1.7)):
        found, allowed = change_percent(hu), 0.2 if hu else 0.0
        yield Row(
            f"target dose, soft tissue {hu:+g} HU, 10 cm deep",
            found,
            "%",
            bar=f"{bar:g} ± {allowed:g}",
            holds=abs(found - bar) <= allowed,
        )


def _water_rows() -> list[Row]:
    """Depth dose, 10 × 10 cm, SSD 100 cm, against Monte Carlo, both 1 at 10 cm."""
    named = os.environ.get("TERASU_MONTE_CARLO_PYTHON")
    if not named:
        print("no depth dose: TERASU_MONTE_CARLO_PYTHON does not name a Python with pyRadMC", file=sys.stderr)
        return []
    rows = []
    for beam in ("varian-6mv", "elekta-6mv"):
        words = [named, str(Path(__file__).with_name("_monte_carlo.py")), beam, str(HISTORIES)]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        found = json.loads(told.splitlines()[-1])
        depth, dose = np.array(found["depth_mm"]), np.array(found["dose"])
        rows += _depth_rows(beam, depth, dose, np.array(found["sigma"]))
    return rows


def _depth_rows(beam: str, depth_mm: Array, dose: Array, sigma: Array) -> list[Row]:
    judged = (depth_mm >= 20) & (depth_mm <= 200)
    smooth = np.polynomial.Polynomial.fit(depth_mm[judged], np.log(dose[judged]), 5, w=(dose / sigma)[judged])
    tpr = 1.2661 * float(np.exp(smooth(200.0) - smooth(100.0))) - 0.0595
    machine = _of_quality(tpr)
    ours_mm, ours = water_depth_dose(
        pencil_beams, machine, field_mm=100.0, ssd_mm=1000.0, spacing_mm=(2.5, 2.5)
    )
    logs = np.interp(depth_mm[judged], ours_mm, np.log(ours)) - np.interp(100.0, ours_mm, np.log(ours))
    # the Monte Carlo's own noise is larger than the difference: compared with its smooth curve
    off = 100 * np.abs(np.exp(logs - (smooth(depth_mm[judged]) - smooth(100.0))) - 1)
    noise = 100 * float(np.median((sigma / dose)[judged]))
    worst = float(off.max())
    return [
        Row(f"water, 2 to 20 cm, {beam}: worst off Monte Carlo", worst, "%", bar="≤ 1", holds=worst <= 1),
        Row(f"  its TPR20,10 (noise of one depth: {noise:.2f} %)", tpr, ""),
    ]


def _of_quality(tpr_20_10: float) -> Machine:
    """The generic beam without horn and head, at the kernel quality whose own TPR20,10 is this."""
    plain = default_machine().model_copy(update={"off_axis": ONE, "head_scatter": ONE})

    def misfit(quality: float) -> float:
        machine = plain.model_copy(update={"tpr_20_10": quality})
        depths, dose = water_depth_dose(
            pencil_beams, machine, field_mm=100.0, ssd_mm=1000.0, spacing_mm=(2.5, 2.5)
        )
        at_100, at_200 = (float(np.interp(d, depths, np.log(dose))) for d in (100.0, 200.0))
        return 1.2661 * float(np.exp(at_200 - at_100)) - 0.0595 - tpr_20_10

    return plain.model_copy(update={"tpr_20_10": float(brentq(misfit, 0.60, 0.80, xtol=1e-4))})


if __name__ == "__main__":
    sys.exit(main())
