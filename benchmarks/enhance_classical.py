"""Registration and classical improvement of a real CBCT: what each arm reaches, and how long it takes.

    python benchmarks/enhance_classical.py [--quick] [--json] [FOLDER]

FOLDER holds a planning CT and a CBCT of one patient, with a structure set on each (the public pancreas case;
without it, the archive in ``../shared/data`` or below TERASU_SHARED is unpacked). Peers: doing nothing (raw
CBCT, rigid contours).
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from _table import Row, flags, show
from terasu.dicom.find import Index, index_folder
from terasu.dicom.image import read_image
from terasu.dicom.rtstruct import read_structures
from terasu.enhance.arms import ARMS
from terasu.enhance.context import make_context
from terasu.enhance.field_of_view import find_field_of_view
from terasu.enhance.measure import hu_error_by_tissue
from terasu.patient.agreement import dice
from terasu.patient.contours import to_structures
from terasu.patient.grid import Grid
from terasu.patient.structures import ContourSet, Mask, StructureSet
from terasu.patient.transform import Rigid
from terasu.patient.volume import Volume
from terasu.register.deformable import DeformableSettings, Tool, register_deformable
from terasu.register.gate import gate
from terasu.register.greedy import has_greedy
from terasu.register.propagate import propagate
from terasu.register.rigid import register_rigid

ARCHIVE = "rt_sets/pancreas-cb-001_planct_cbctA_rtstruct.tar.xz"


@dataclass(frozen=True, eq=False)
class Case:
    """Both images, the field of view, and the drawn structures on each image's grid."""

    planning: Volume
    day: Volume
    view: Mask
    planned: StructureSet
    drawn: StructureSet


def main() -> int:
    """Measure and print."""
    quick, as_json = flags()
    named = [Path(word) for word in sys.argv[1:] if not word.startswith("--")]
    with tempfile.TemporaryDirectory() as aside:
        folder = named[0] if named else unpacked(Path(aside))
        if folder is None:
            print("The public pancreas case is not here; name its folder.", file=sys.stderr)
            return show([], as_json=as_json)
        case = read_case(folder)
    rigid, rows = rigid_rows(case)
    tools: list[Tool] = ["greedy"] if has_greedy() else ["demons"]
    if not quick and has_greedy():
        tools.append("demons")
    for tool in tools:
        rows += deformable_rows(case, rigid, tool)
    rows += arm_rows(case, rigid)
    return show(rows, as_json=as_json)


def unpacked(aside: Path) -> Path | None:
    """The shared archive's folder, unpacked below ``aside``."""
    named = os.environ.get("TERASU_SHARED")
    archive = (Path(named) if named else Path(__file__).parents[2] / "shared" / "data") / ARCHIVE
    if not archive.is_file():
        return None
    with tarfile.open(archive) as tar:
        tar.extractall(aside, filter="data")
    return aside


def read_case(folder: Path) -> Case:
    """Planning CT (the longer series), CBCT, and for each the structure set that was drawn on it."""
    index = index_folder(folder)
    series = sorted(index.of_modality("CT"), key=lambda one: one.n_images)
    day, planning = (read_image(one).volume for one in (series[0], series[-1]))
    sets = {uid: to_structures(contours, grid) for uid, contours, grid in _drawn(index, day, planning)}
    view = find_field_of_view(day).mask
    return Case(
        planning,
        day,
        view,
        sets[planning.source.series_instance_uid],
        sets[day.source.series_instance_uid],
    )


def _drawn(index: Index, day: Volume, planning: Volume) -> Iterator[tuple[str, ContourSet, Grid]]:
    for header in index.headers("RTSTRUCT"):
        contours = read_structures(header.path)
        for image in (day, planning):
            if contours.referenced_series_uid == image.source.series_instance_uid:
                yield contours.referenced_series_uid, contours, image.grid


def rigid_rows(case: Case) -> tuple[Rigid, list[Row]]:
    """Rigid match."""
    found = register_rigid(case.planning, case.day, fixed_mask=case.view)
    again = register_rigid(case.planning, case.day, fixed_mask=case.view)
    same = float(np.abs(found.transform.matrix - again.transform.matrix).max())
    return found.transform, [
        Row("rigid: time", again.seconds, "s", bar="≤ 3", holds=again.seconds <= 3),
        Row("rigid: two runs differ by", same, "mm", bar="0", holds=same == 0),
        Row("rigid: residual shift", found.shift_mm, "mm"),
        Row("rigid: residual rotation", found.rotation_deg, "degree"),
        Row("rigid: mutual information", found.similarity_after, "nat", found.similarity_before, "before"),
    ]


def deformable_rows(case: Case, rigid: Rigid, tool: Tool) -> list[Row]:
    """Deformable match, gate, Dice with the contours drawn on the day."""
    found = register_deformable(
        case.planning, case.day, rigid=rigid, view=case.view, settings=DeformableSettings(tool=tool)
    )
    began = time.perf_counter()
    placed, bent = (propagate(case.planned, how, case.day.grid) for how in (rigid, found.deformation))
    said = gate(
        found,
        planning=case.planning,
        day=case.day,
        rigid_structures=placed,
        deformed_structures=bent,
        view=case.view,
    )
    judged = time.perf_counter() - began
    measures = said.measures
    rows = [
        Row(f"{tool}: both ways", found.seconds, "s", bar="≤ 20", holds=found.seconds <= 20),
        Row(f"{tool}: propagate and gate", judged, "s"),
        Row(f"{tool}: folded", measures.folding_percent, "%", bar="0", holds=measures.folding_percent == 0),
        Row(f"{tool}: smallest Jacobian", measures.jacobian_min, "1"),
        Row(f"{tool}: there and back, median", measures.inconsistency_median_mm, "mm"),
        Row(f"{tool}: there and back, 95 %", measures.inconsistency_95_mm, "mm"),
        Row(
            f"{tool}: local correlation", measures.similarity_after, "1", measures.similarity_before, "rigid"
        ),
        Row(f"{tool}: displacement, 95 %", measures.displacement_95_mm, "mm"),
        Row(f"{tool}: accepted by the gate", float(said.accepted), "1"),
    ]
    return rows + dice_rows(case, placed, bent, tool)


def dice_rows(case: Case, placed: StructureSet, bent: StructureSet, tool: str) -> list[Row]:
    """Dice in the field of view; the structure sets name organs with the image as an ending."""
    treated = propagate(case.planned, Rigid.identity(), case.day.grid)
    partner = {plain(name): name for name in case.drawn.names}
    rows = []
    for name in case.planned.names:
        if plain(name) not in partner:
            continue
        drawn = case.drawn[partner[plain(name)]] & case.view
        values = [dice(one[name] & case.view, drawn) for one in (treated, placed, bent)]
        rows.append(Row(f"{tool}: Dice {plain(name)}", values[2], "1", values[1], "rigid match"))
        if tool == "greedy" or not has_greedy():
            rows.append(Row(f"rigid match: Dice {plain(name)}", values[1], "1", values[0], "as treated"))
    return rows


def plain(name: str) -> str:
    """``Bowel_sm_planCT`` → ``Bowel_sm``."""
    return name.removesuffix("_planCT").removesuffix("_CBCT")


def arm_rows(case: Case, rigid: Rigid) -> list[Row]:
    """Mean and mean absolute error of every arm against the rigidly registered planning CT."""
    began = time.perf_counter()
    context = make_context(case.day, case.planning, rigid=rigid, view=case.view)
    rows = [Row("context: time", time.perf_counter() - began, "s")]
    where = context.view & context.body & context.reach
    raw = hu_error_by_tissue(case.day, context.planning, where)
    total = 0.0
    for name, arm in ARMS.items():
        began = time.perf_counter()
        image = arm.apply(case.day, context).volume
        seconds = time.perf_counter() - began
        total += seconds
        found = hu_error_by_tissue(image, context.planning, where)
        rows.append(Row(f"{name}: time", seconds, "s"))
        for tissue in ("soft", "fat", "bone"):
            ours, peer = found[tissue], raw[tissue]
            rows.append(Row(f"{name}: ME {tissue}", ours.mean_hu, "HU", peer.mean_hu, "raw"))
            rows.append(
                Row(f"{name}: MAE {tissue}", ours.mean_absolute_hu, "HU", peer.mean_absolute_hu, "raw")
            )
    return [*rows, Row("all arms: time", total, "s", bar="≤ 6", holds=total <= 6)]


if __name__ == "__main__":
    sys.exit(main())
