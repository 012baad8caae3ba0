"""The dose engine of the house: kernel and geometry of pydosert 1.5.0 behind our own contract.

Delivery → segments → fluence by gantry angle (``fluence.py``) → pencil beam on the image's electron
density (``pydosert_pencil.py``) → Gy by an open field on water through the same path.

Known limits, which a report has to state: kernels are those of water, so dose within and behind lung
reads some per cent high (``lung_path.py`` measures how much lung the beams pass); no couch; absolute
dose is that of the machine file.

Sources: pencil kernels from TPR20,10, Nyholm et al. 2006 doi 10.1016/j.radonc.2006.02.002; pencil beam
with radiological depth, Storchi and Woudstra 1996 doi 10.1088/0031-9155/41/4/005 and Ahnesjö 1992
doi 10.1118/1.596856.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.dose.density import DensityTable, default_density_table
from terasu.dose.engine import Progress, require_calculable
from terasu.dose.fluence import fluence_map
from terasu.dose.kernel import KernelTerms, SeparableKernel, separate, voxel_kernels
from terasu.dose.lattice import around_the_patient, density_lattice, raster_like
from terasu.dose.machine import Machine, default_machine
from terasu.dose.segments import GantryGroup, Segment, group_by_gantry, to_segments
from terasu.errors import DoseError, MissingPartError
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.volume import Source, Volume

if TYPE_CHECKING:
    from terasu.dose.pydosert_pencil import Frame

KERNEL_RADIUS_MM = 150.0
_SLACK_MM = 60.0
_DEPTHS_MM = np.concatenate([np.arange(0, 40, 1.0), np.arange(40, 120, 4.0), np.arange(120, 601, 20.0)])


class PydosertEngine:
    """Implements ``DoseEngine``; holds no state but its choices.

    Attributes:
        within_deg: gantry angles closer than this are calculated as one.
    """

    def __init__(self, *, within_deg: float = 0.5) -> None:
        self.within_deg = within_deg

    @property
    def name(self) -> str:
        """Engine and version."""
        from importlib.metadata import version

        return f"terasu pencil beam on pydosert {version('pydosert')}"

    def calculate(
        self,
        image_hu: Volume,
        delivery: Delivery,
        onto: Grid,
        *,
        machine: Machine | None = None,
        density: DensityTable | None = None,
        must_cover_lps_mm: ArrayLike | None = None,
        progress: Progress | None = None,
    ) -> Volume:
        """See ``DoseEngine.calculate``."""
        machine = machine or default_machine()
        require_calculable(image_hu, delivery, onto, machine, must_cover_lps_mm)
        groups = group_by_gantry(to_segments(delivery), within_deg=self.within_deg)
        if not groups:
            raise DoseError(
                "The delivery carries no MU.", got="0 MU", expected="at least one segment with MU"
            )
        table = density or default_density_table()
        total = np.zeros(onto.shape_zyx, np.float32)
        done = 0
        for at_isocentre in _by_isocentre(groups):
            with _torch():
                total += _dose_of(
                    image_hu, at_isocentre, onto, machine, table, _shifted(progress, done, groups)
                )
            done += len(at_isocentre)
        source = Source(modality="RTDOSE", made_by=f"{self.name}, {machine.name}")
        return Volume(total * np.float32(delivery.fractions), onto, "Gy", source)


def _shifted(progress: Progress | None, done: int, groups: tuple[GantryGroup, ...]) -> Progress:
    def tell(here: int, _: int) -> None:
        if progress is not None:
            progress(done + here, len(groups))

    return tell


def _by_isocentre(groups: tuple[GantryGroup, ...]) -> list[list[GantryGroup]]:
    places: dict[tuple[float, ...], list[GantryGroup]] = {}
    for group in groups:
        places.setdefault(tuple(np.round(group.isocentre_lps_mm, 2)), []).append(group)
    return list(places.values())


def _dose_of(
    image_hu: Volume,
    groups: list[GantryGroup],
    onto: Grid,
    machine: Machine,
    table: DensityTable,
    progress: Progress,
) -> NDArray[np.float32]:
    """Dose of one fraction [Gy] on ``onto`` of beams that share an isocentre."""
    from terasu.dose.pydosert_pencil import PencilBeam

    isocentre = groups[0].isocentre_lps_mm
    lattice, values = density_lattice(raster_like(onto, isocentre), image_hu, table, _SLACK_MM)
    beam = PencilBeam(_frame(lattice, isocentre, machine), values, _kernel_on(lattice, machine))
    dose = np.zeros(lattice.shape_zyx, np.float32)
    for done, group in enumerate(groups, start=1):
        dose += beam.dose(fluence_map(group.segments, machine), group.gantry_deg).numpy()
        progress(done, len(groups))
    np.maximum(dose, 0, out=dose)
    dose[around_the_patient(values)] = 0
    dose *= np.float32(_gy_per_unit(machine.model_dump_json(), lattice.spacing_zyx_mm))
    return _onto(Volume(dose, lattice, "Gy"), onto)


def _onto(dose: Volume, onto: Grid) -> NDArray[np.float32]:
    """The dose on the grid asked for: copied where the voxels are the same, else interpolated."""
    start = np.rint(dose.grid.to_index_kji(onto.origin_lps_mm)).astype(int)
    stop = start + np.asarray(onto.shape_zyx)
    if not dose.grid.crop(start.tolist(), stop.tolist()).agrees_with(onto, tolerance_mm=1e-3):
        return np.asarray(resample(dose, onto, outside=0.0).values, np.float32)
    out = np.zeros(onto.shape_zyx, np.float32)
    low, high = np.maximum(start, 0), np.minimum(stop, dose.grid.shape_zyx)
    if (high > low).all():
        out[_box(low - start, high - start)] = dose.values[_box(low, high)]
    return out


def _box(low: NDArray[np.int_], high: NDArray[np.int_]) -> tuple[slice, ...]:
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))


def _frame(lattice: Grid, isocentre_lps_mm: NDArray[np.float64], machine: Machine) -> Frame:
    from terasu.dose.pydosert_pencil import Frame

    x, y, z = (float(v) for v in isocentre_lps_mm - np.asarray(lattice.origin_lps_mm))
    return Frame(lattice.shape_zyx, lattice.spacing_zyx_mm, (z, y, x), machine.sad_mm)


def kernel_terms(machine: Machine, depths_mm: NDArray[np.float64] = _DEPTHS_MM) -> KernelTerms:
    """The machine's kernel at depths [mm of water]: Nyholm's, times the machine's depth correction."""
    from dataclasses import replace

    with _torch():
        from terasu.dose.pydosert_pencil import nyholm_terms

        terms = nyholm_terms(machine.tpr_20_10, depths_mm)
    factor = machine.depth_correction(depths_mm)
    return replace(terms, a_share=terms.a_share * factor, b_share=terms.b_share * factor)


def _kernel_on(lattice: Grid, machine: Machine) -> SeparableKernel:
    rows_mm, _, columns_mm = lattice.spacing_zyx_mm
    return _kernel(machine.model_dump_json(), round(rows_mm, 4), round(columns_mm, 4))


@lru_cache(maxsize=4)
def _kernel(machine_json: str, rows_mm: float, columns_mm: float) -> SeparableKernel:
    terms = kernel_terms(Machine.model_validate_json(machine_json))
    return separate(voxel_kernels(terms, (rows_mm, columns_mm), KERNEL_RADIUS_MM), terms.depths_mm)


@lru_cache(maxsize=16)
def _gy_per_unit(machine_json: str, spacing_zyx_mm: tuple[float, float, float]) -> float:
    """Gy per unit of engine dose: the open reference field on water through the same path."""
    machine = Machine.model_validate_json(machine_json)
    depth_mm, raw = water_depth_dose(
        machine,
        field_mm=machine.reference.field_mm,
        ssd_mm=machine.reference.ssd_mm,
        spacing_zyx_mm=spacing_zyx_mm,
        deepest_mm=machine.reference.depth_mm + 30,
    )
    return machine.reference.gy_per_mu / float(
        np.exp(np.interp(machine.reference.depth_mm, depth_mm, np.log(raw)))
    )


def water_depth_dose(
    machine: Machine,
    *,
    field_mm: float,
    ssd_mm: float,
    spacing_zyx_mm: tuple[float, float, float] = (4.0, 4.0, 4.0),
    deepest_mm: float = 300.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depth dose of an open square field on a water tank, by the engine itself.

    Args:
        field_mm: side at the isocentre plane; ssd_mm: source–surface distance.
        spacing_zyx_mm: of the voxels.
        deepest_mm: how far to calculate.
    Returns:
        Depths of voxel centres [mm] and dose on the axis for each MU in the engine's own unit; multiply by
        ``reference.gy_per_mu`` over its value at the reference for Gy.
    """
    from terasu.dose.pydosert_pencil import Frame, PencilBeam

    z, y, x = spacing_zyx_mm
    half = [round(0.75 * field_mm / z), round(0.75 * field_mm / x)]
    planes = int(np.ceil(deepest_mm / y))
    shape = (2 * half[0] + 1, planes, 2 * half[1] + 1)
    isocentre = (half[0] * z, machine.sad_mm - ssd_mm - y / 2, half[1] * x)
    sides = np.array([-field_mm / 2, field_mm / 2])
    nothing = np.zeros((2, 0))
    segment = Segment(0, 1.0, 0.0, 0.0, np.zeros(3), sides, sides, nothing, np.zeros(1))
    with _torch():
        lattice = Grid.from_axes(shape, spacing_zyx_mm=spacing_zyx_mm)
        frame = Frame(shape, spacing_zyx_mm, isocentre, machine.sad_mm)
        beam = PencilBeam(frame, np.ones(shape, np.float32), _kernel_on(lattice, machine))
        dose = beam.dose(fluence_map([segment], machine), 0.0).numpy()
    return (np.arange(planes) + 0.5) * y, dose[half[0], :, half[1]].astype(float)


@contextmanager
def _torch() -> Iterator[Any]:
    """torch ready: every core, no gradients, its warnings about autocast kept quiet."""
    try:
        import torch
    except ImportError as problem:
        raise MissingPartError(
            "Dose needs torch.",
            got=str(problem),
            expected="torch 2.13 and pydosert 1.5",
            todo="pip install torch==2.13.0, then pip install --no-deps pydosert==1.5.0",
        ) from problem
    threads = torch.get_num_threads()
    torch.set_num_threads(_cores())
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore", UserWarning)
            yield torch
    finally:
        torch.set_num_threads(threads)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
