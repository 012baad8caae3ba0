"""Contours ↔ masks: time, volumes, round trip and unusual grids, beside rt-utils and dcmrtstruct2nii.

    python benchmarks/contours.py [--quick] [--json]

Real patients come from ``../shared/data`` (or TERASU_SHARED); their rows are left out where it is missing.
The peers need an environment of their own, named by TERASU_PEERS_PYTHON; without it their columns stay empty:

    python -m venv peers && peers/bin/pip install rt-utils dcmrtstruct2nii "pydicom<3"
    TERASU_PEERS_PYTHON=peers/bin/python python benchmarks/contours.py

Every side draws the same ROIs of the same file in one run, each from contours and series already in memory.
"Volume error" is measured against the polygons' own volume, "planning system" against the DVH file that came
with the thorax; Dice against an ellipsoid that is known by its formula. ``--quick`` leaves one pelvis out.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from _table import Row, flags, median_seconds, show
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.dicom.rtstruct import read_structures, write_structures
from terasu.dicom.write_image import write_ct_series
from terasu.patient.agreement import dice
from terasu.patient.contours import polygons_volume_cc, to_contours, to_structures
from terasu.patient.grid import Grid
from terasu.patient.structures import ContourSet, Roi, StructureSet
from terasu.patient.volume import Volume

ARCHIVES = {
    "thorax": "onkodicom-thorax_ct_rtstruct_rtplan_dvh.tar.xz",
    "pelvis 003": "pelvic-ref-003_ct61_rtstruct.tar.xz",
    "pelvis 005": "pelvic-ref-005_ct63_rtstruct.tar.xz",
}
PEERS = ("rt-utils", "dcmrtstruct2nii")
HALF_AXES_MM = np.array([24.0, 17.0, 30.0])
SAGITTAL = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
OBLIQUE = np.array([[0.8, -0.36, 0.48], [0.6, 0.48, -0.64], [0.0, 0.8, 0.6]])
UNUSUAL = {
    "axial, 1 × 2 mm pixels": (np.eye(3), (2.0, 2.0, 1.0)),
    "sagittal, 1 mm pixels": (SAGITTAL, (2.0, 1.0, 1.0)),
    "sagittal, 2 × 1 mm pixels": (SAGITTAL, (2.0, 1.0, 2.0)),
    "oblique, 1 × 2 mm pixels": (OBLIQUE, (2.0, 2.0, 1.0)),
}


@dataclass(frozen=True, eq=False)
class Case:
    """One structure set with the series that it was drawn on; ``truth`` is known by formula or None."""

    name: str
    folder: Path
    rtstruct: Path
    image: Volume
    drawn: ContourSet
    truth: NDArray[np.bool_] | None = None

    @property
    def rois(self) -> tuple[str, ...]:
        """What lies within the series: the outline of the cropped pelves reaches beyond."""
        return tuple(roi.name for roi in self.drawn if roi.name != "External" and roi.contours_lps_mm)


def main() -> int:
    """Measure and print."""
    quick, as_json = flags()
    with tempfile.TemporaryDirectory() as work:
        real = list(_real_cases(Path(work), quick=quick))
        made = [_made_case(name, Path(work) / "made" / str(n)) for n, name in enumerate(UNUSUAL)]
        written = {case.name: _write_masks(case, Path(work) / "masks") for case in real}
        peers = _ask_peers([*real, *made], written, Path(work))
        rows = [row for case in real for row in _rows_of_real(case, peers)]
        rows += [_row_of_made(case, peers) for case in made]
    if not as_json:
        print(_what_is_missing(real, peers))
    return show(rows, as_json=as_json)


def _rows_of_real(case: Case, peers: Mapping[str, Any]) -> Iterable[Row]:
    grid, names = case.image.grid, list(case.rois)
    structures = to_structures(case.drawn, grid, names)
    truth = {name: polygons_volume_cc(case.drawn[name].contours_lps_mm) for name in names}
    seconds = median_seconds(lambda: to_structures(case.drawn, grid, names), runs=7, warm=2)
    for peer in PEERS if peers else ("",):
        theirs = _of(peers, peer, case.name, "seconds")
        holds = None if theirs is None else theirs / seconds >= 10
        yield Row(
            f"{case.name}: {len(names)} ROIs to masks", seconds, "s", theirs, peer, "≥ 10 × faster", holds
        )
    ours = _worst({name: structures.volume_cc(name) for name in names if not _is_thin(name)}, truth)
    is_pelvis = case.name.startswith("pelvis")
    for peer in PEERS if peers else ("",):
        volumes = _of(peers, peer, case.name, "volumes_cc")
        theirs = _worst({n: v for n, v in volumes.items() if not _is_thin(n)}, truth) if volumes else None
        bar, holds = ("≤ 0.3 %", ours <= 0.3) if is_pelvis else ("", None)
        yield Row(f"{case.name}: volume error of masks, worst ROI", ours, "%", theirs, peer, bar, holds)
    if not is_pelvis:
        yield from _rows_of_planning_system(case, structures)
    yield from _rows_of_writing(case, structures, peers)


def _rows_of_planning_system(case: Case, structures: StructureSet) -> Iterable[Row]:
    with next(case.folder.parent.rglob("*.csv")).open() as file:
        system = {row["ROI"]: float(row["Volume (mL)"]) for row in csv.DictReader(file)}
    own = {name: polygons_volume_cc(case.drawn[name].contours_lps_mm) for name in system}
    masks = {name: structures.volume_cc(name) for name in system}
    for what, volumes, has_bar in (("polygons", own, True), ("masks", masks, False)):
        thick = _worst({n: v for n, v in volumes.items() if not _is_thin(n)}, system)
        thin = _worst({n: v for n, v in volumes.items() if _is_thin(n)}, system)
        figure = f"{case.name}: {what} against planning system"
        holds = (thick <= 0.5, thin <= 2.0) if has_bar else (None, None)
        yield Row(f"{figure}, worst but cord", thick, "%", bar="≤ 0.5 %" if has_bar else "", holds=holds[0])
        yield Row(f"{figure}, cord", thin, "%", bar="≤ 2 %" if has_bar else "", holds=holds[1])


def _rows_of_writing(case: Case, structures: StructureSet, peers: Mapping[str, Any]) -> Iterable[Row]:
    """Masks written as RTSTRUCT: what their polygons hold, and whether they come back."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "ours.dcm"
        write_structures(to_contours(structures), case.image, path, label="BENCH")
        back = read_structures(path)
    again = to_structures(back, case.image.grid)
    different = sum(not np.array_equal(again[name], structures[name]) for name in structures.names)
    yield Row(f"{case.name}: ROIs that a round trip changes", different, "", bar="0", holds=different == 0)
    masks = {name: structures.volume_cc(name) for name in structures.names}
    ours = _worst({roi.name: polygons_volume_cc(roi.contours_lps_mm) for roi in back}, masks)
    path_of_peer = _of(peers, "rt-utils", case.name, "written")
    theirs = None
    if path_of_peer:
        drawn = read_structures(Path(path_of_peer))
        theirs = _worst({roi.name: polygons_volume_cc(roi.contours_lps_mm) for roi in drawn}, masks)
    figure = f"{case.name}: volume error of written contours, worst ROI"
    yield Row(figure, ours, "%", theirs, "rt-utils", "≤ 0.01 %", ours <= 0.01)


def _row_of_made(case: Case, peers: Mapping[str, Any]) -> Row:
    truth = case.truth if case.truth is not None else np.zeros(case.image.grid.shape_zyx, bool)
    ours = float(dice(to_structures(case.drawn, case.image.grid)["Ellipsoid"], truth))
    overlaps = {peer: _peer_dice(_of(peers, peer, case.name, "mask"), truth) for peer in PEERS}
    known = {peer: value for peer, value in overlaps.items() if value is not None}
    best = max(known, key=lambda peer: known[peer]) if known else ""
    told = ", ".join(f"{peer} {value:.2f}" for peer, value in known.items())
    return Row(f"Dice, {case.name}", ours, "", known.get(best), told, "≥ 0.97", ours >= 0.97)


def _peer_dice(path: str | None, truth: NDArray[np.bool_]) -> float | None:
    if path is None:
        return None
    mask = np.load(path)
    return float(dice(mask, truth)) if mask.shape == truth.shape else 0.0


def _is_thin(name: str) -> bool:
    """The cord is a few voxels wide: one on its rim is more than a percent."""
    return "CORD" in name.upper()


def _worst(volumes: Mapping[str, float], truth: Mapping[str, float]) -> float:
    return float(max(100 * abs(volume / truth[name] - 1) for name, volume in volumes.items()))


def _real_cases(work: Path, *, quick: bool) -> Iterable[Case]:
    shared = Path(os.environ.get("TERASU_SHARED", Path(__file__).parents[2] / "shared" / "data"))
    for name, archive in ARCHIVES.items():
        path = shared / "rt_sets" / archive
        if not path.is_file() or (quick and name == "pelvis 005"):
            continue
        folder = work / name
        with tarfile.open(path) as tar:
            tar.extractall(folder, filter="data")
        series = index_folder(folder).series
        image = next(one for one in series if one.modality == "CT")
        rtstruct = next(one for one in series if one.modality == "RTSTRUCT").files[0].path
        alone = folder / "CT alone"  # the peers take a folder and every file in it
        alone.mkdir()
        for file in image.files:
            (alone / file.path.name).symlink_to(file.path)
        yield Case(name, alone, rtstruct, read_image(image).volume, read_structures(rtstruct))


def _made_case(name: str, folder: Path) -> Case:
    """An ellipsoid drawn by its formula in the slices of a series that is not axial, or not square."""
    axes, spacing = UNUSUAL[name]
    shape = np.array([40, 96, 96])  # as many rows as columns: rt-utils mixes the two up
    corner = -axes @ ((shape[::-1] - 1) / 2 * np.array(spacing[::-1]))
    grid = Grid.from_axes(
        shape.tolist(),
        spacing_zyx_mm=spacing,
        origin_lps_mm=(corner + 0.25).tolist(),
        direction_lps=axes,
        frame_of_reference_uid="1.2.826.0.1.3680043.10.1.77",
    )
    at = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1)) @ axes
    truth = np.asarray(np.sum((at / HALF_AXES_MM) ** 2, axis=-1) < 1)
    contours = []
    for along in (grid.to_lps_mm(np.column_stack([np.arange(shape[0]), *np.zeros((2, shape[0]))])) @ axes)[
        :, 2
    ]:
        rest = 1 - (along / HALF_AXES_MM[2]) ** 2
        if rest > 0:
            angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
            flat = np.sqrt(rest) * HALF_AXES_MM[:2] * np.column_stack([np.cos(angle), np.sin(angle)])
            contours.append(np.column_stack([flat, np.full(len(angle), along)]) @ axes.T)
    write_ct_series(
        Volume(np.where(truth, 40, -1000).astype(np.int16), grid),
        folder / "CT",
        like=None,
        series_description="made",
        made_by=None,
        seed=name,
    )
    image = read_image(index_folder(folder / "CT").series[0]).volume
    drawn = ContourSet((Roi("Ellipsoid", 1, tuple(contours), "ORGAN"),), grid.frame_of_reference_uid)
    write_structures(drawn, image, folder / "rtss.dcm", label="MADE")
    return Case(name, folder / "CT", folder / "rtss.dcm", image, read_structures(folder / "rtss.dcm"), truth)


def _write_masks(case: Case, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{case.name}.npz"
    np.savez(path, **dict(to_structures(case.drawn, case.image.grid, case.rois).masks))
    return path


def _ask_peers(cases: Iterable[Case], masks: Mapping[str, Path], work: Path) -> dict[str, Any]:
    """What the peers make of the same files, in their own environment; empty where there is none."""
    python = os.environ.get("TERASU_PEERS_PYTHON")
    if not python:
        return {}
    jobs = [
        {
            "name": case.name,
            "images": str(case.folder),
            "rtstruct": str(case.rtstruct),
            "rois": case.rois,
            "voxel_cc": case.image.grid.voxel_volume_mm3 / 1000,
            "masks": str(masks[case.name]) if case.name in masks else None,
        }
        for case in cases
    ]
    (work / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("_contour_peers.py")
    done = subprocess.run([python, script, work], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the peers' environment does not work (exit {done.returncode}):\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads((work / "peers.json").read_text())
    return found


def _of(peers: Mapping[str, Any], peer: str, case: str, key: str) -> Any:
    return peers.get(peer, {}).get(case, {}).get(key)


def _what_is_missing(real: list[Case], peers: Mapping[str, Any]) -> str:
    notes = [] if real else ["The shared data is not here: no real patients."]
    if not peers:
        notes.append("TERASU_PEERS_PYTHON is not set: no peers (see the docstring).")
    for peer in PEERS:
        failed = {case: found["failed"] for case, found in peers.get(peer, {}).items() if "failed" in found}
        notes += [f"{peer} failed on {case}: {why}" for case, why in failed.items()]
    return "\n".join(notes)


if __name__ == "__main__":
    sys.exit(main())
