"""``DoseEngine`` of the house: delivery → segments → fluence by gantry angle → pencil beam → Gy.

Gy per MU come from an open field on water through the same path, so whatever the path does to a field
it does to the reference as well.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from queue import Empty, SimpleQueue
from threading import Event

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu import __version__
from terasu.dose.density import DensityTable, default_density_table
from terasu.dose.engine import Progress, require_calculable
from terasu.dose.fluence import fluence_map
from terasu.dose.kernel import kernel_on
from terasu.dose.lattice import around_the_patient, covered_by, density_lattice, on_grid, raster_like
from terasu.dose.machine import Machine, default_machine
from terasu.dose.pencil_beam import PencilBeam
from terasu.dose.segments import GantryGroup, group_by_gantry, open_field, to_segments
from terasu.errors import DoseError
from terasu.patient.cores import cores
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

_SLACK_MM = 60.0
_LANES = 4


class PencilBeamEngine:
    """Implements ``DoseEngine``; holds no state but its choice.

    Args:
        within_deg: gantry angles this close are calculated as one.
    """

    def __init__(self, *, within_deg: float = 0.5) -> None:
        self.within_deg = within_deg

    @property
    def name(self) -> str:
        """Engine and version."""
        return f"terasu pencil beam {__version__}"

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
        machine, table = machine or default_machine(), density or default_density_table()
        require_calculable(image_hu, delivery, onto, machine, must_cover_lps_mm)
        groups = group_by_gantry(to_segments(delivery), within_deg=self.within_deg)
        if not groups:
            raise DoseError(
                "The delivery carries no MU.", got="0 MU", expected="at least one segment with MU"
            )
        total = np.zeros(onto.shape_zyx, np.float32)
        done = 0
        for here in _by_isocentre(groups):
            tell = _later(progress, done, len(groups))
            total += _dose_of(image_hu, here, onto, machine, table, tell)
            done += len(here)
        source = Source(modality="RTDOSE", made_by=f"{self.name}, {machine.name}")
        return Volume(total * np.float32(delivery.fractions), onto, "Gy", source)


def _later(progress: Progress | None, before: int, total: int) -> Progress:
    def tell(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, total)

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
    isocentre = groups[0].isocentre_lps_mm
    lattice, density = density_lattice(raster_like(onto, isocentre), image_hu, table, _SLACK_MM)
    rows_mm, _, columns_mm = lattice.spacing_zyx_mm
    kernel = kernel_on(machine, round(rows_mm, 4), round(columns_mm, 4))
    wanted = covered_by(onto, lattice)
    lanes = [
        PencilBeam(lattice, density, isocentre, machine.sad_mm, kernel, wanted)
        for _ in range(min(_LANES, len(groups)))
    ]
    _fill(lanes, groups, machine, progress)
    dose = np.maximum(sum(lane.total() for lane in lanes), 0)
    dose[around_the_patient(density)] = 0
    dose *= np.float32(gy_per_unit(machine, rows_mm, columns_mm))
    return on_grid(Volume(dose, lattice, "Gy"), onto)


def _fill(lanes: list[PencilBeam], groups: list[GantryGroup], machine: Machine, progress: Progress) -> None:
    """Calculate the groups, each lane its own in order, lanes side by side.

    The number of lanes does not depend on the processor, so the sums' last bits do not either.
    """
    finished = SimpleQueue[int]()

    def run(n: int) -> None:
        for group in groups[n :: len(lanes)]:
            if stopped.is_set():
                return
            lanes[n].add(fluence_map(group.segments, machine), group.gantry_deg)
            finished.put(n)

    stopped = Event()
    with ThreadPoolExecutor(max_workers=min(cores(), len(lanes))) as pool:
        running = [pool.submit(run, n) for n in range(len(lanes))]
        try:
            _report(running, finished, len(groups), progress)
        finally:
            stopped.set()


def _report(running: list[Future[None]], finished: SimpleQueue[int], total: int, progress: Progress) -> None:
    """Tell of every group as it ends, and raise what a lane raised."""
    for done in range(1, total + 1):
        while True:
            try:
                finished.get(timeout=0.2)
                break
            except Empty:
                for lane in running:
                    if lane.done():
                        lane.result()
        progress(done, total)


@lru_cache(maxsize=16)
def gy_per_unit(machine: Machine, rows_mm: float, columns_mm: float) -> float:
    """Gy per unit of ``PencilBeam``, from the machine's reference field on voxels of this size."""
    reference = machine.reference
    depth_mm, dose = water_depth_dose(
        machine,
        field_mm=reference.field_mm,
        ssd_mm=reference.ssd_mm,
        spacing_mm=(rows_mm, columns_mm),
        deepest_mm=reference.depth_mm + 30,
    )
    return reference.gy_per_mu / float(np.exp(np.interp(reference.depth_mm, depth_mm, np.log(dose))))


def water_depth_dose(
    machine: Machine,
    *,
    field_mm: float,
    ssd_mm: float,
    spacing_mm: tuple[float, float] = (4.0, 4.0),
    deepest_mm: float = 300.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depth dose of an open square field on a water tank, by the engine itself.

    Args:
        field_mm: side at the isocentre plane; ssd_mm: source–surface distance.
        spacing_mm: of the voxels, along z and in the transverse plane.
        deepest_mm: how far to calculate.
    Returns:
        Depths of voxel centres [mm] and dose on the axis for one MU, in the unit of ``PencilBeam``.
    """
    z, x = spacing_mm
    half = [round(0.8 * field_mm / z) + 2, round(0.8 * field_mm / x) + 2]
    air = 2  # planes of vacuum in front, so that the surface is a step and not the lattice's end
    shape = (2 * half[0] + 1, int(np.ceil(deepest_mm / x)) + air + 2, 2 * half[1] + 1)
    water = np.ones(shape, np.float32)
    water[:, :air] = 0
    surface_y_mm = ssd_mm - machine.sad_mm
    lattice = Grid.from_axes(
        shape,
        spacing_zyx_mm=(z, x, x),
        origin_lps_mm=(-half[1] * x, surface_y_mm - (air - 0.5) * x, -half[0] * z),
    )
    kernel = kernel_on(machine, round(z, 4), round(x, 4))
    beam = PencilBeam(lattice, water, np.zeros(3), machine.sad_mm, kernel)
    beam.add(fluence_map([open_field(field_mm)], machine), 0.0)
    on_axis = beam.total()[half[0], air:-2, half[1]].astype(float)
    return np.asarray((np.arange(len(on_axis)) + 0.5) * x, np.float64), on_axis
