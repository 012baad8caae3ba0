"""From a delivery to Gy, around whatever sums the beams of one isocentre in a unit of its own.

Every engine does the same before and after its beams: refuse, segments, gantry angles, density on a
lattice; then Gy, fractions, the grid asked for. Gy per MU come from an open field on water through the
engine's own beams, so whatever they do to a field they do to the reference as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.dose.density import DensityTable, default_density_table
from terasu.dose.engine import Progress, require_calculable
from terasu.dose.lattice import around_the_patient, covered_by, density_lattice, on_grid, raster_like
from terasu.dose.machine import Machine, default_machine
from terasu.dose.segments import GantryGroup, group_by_gantry, open_field, to_segments
from terasu.errors import DoseError
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

Array = NDArray[np.float64]
F32 = NDArray[np.float32]
_SLACK_MM = 60.0


@dataclass(frozen=True, eq=False)
class Scene:
    """The beams of one isocentre, and what they meet.

    Attributes:
        lattice: along LPS, rows and columns of one pitch.
        density: (z, y, x) relative electron density, vacuum 0.
        wanted: True in the rows and columns (y, x) of the lattice that dose is asked for.
        groups: at least one, all of one isocentre.
    """

    lattice: Grid
    density: F32
    wanted: NDArray[np.bool_]
    groups: tuple[GantryGroup, ...]
    machine: Machine

    @property
    def isocentre_lps_mm(self) -> Array:
        """(3,)."""
        return self.groups[0].isocentre_lps_mm


SumOfBeams = Callable[[Scene, Callable[[], None]], F32]
"""Dose (z, y, x) of one fraction on the scene's lattice in a constant unit; tells after every group."""


class ReferencedEngine:
    """Implements ``DoseEngine`` around a sum of beams; holds no state but its choice.

    Args:
        name: engine and version.
        beams: what calculates.
        within_deg: gantry angles this close are calculated as one.
    """

    def __init__(self, name: str, beams: SumOfBeams, *, within_deg: float = 0.5) -> None:
        self._name, self._beams, self._within_deg = name, beams, within_deg

    @property
    def name(self) -> str:
        """Engine and version."""
        return self._name

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
        groups = group_by_gantry(to_segments(delivery), within_deg=self._within_deg)
        if not groups:
            raise DoseError(
                "The delivery carries no MU.", got="0 MU", expected="at least one segment with MU"
            )
        tell = _counting(progress, len(groups))
        total = np.zeros(onto.shape_zyx, np.float32)
        for here in _by_isocentre(groups):
            lattice, values = density_lattice(
                raster_like(onto, here[0].isocentre_lps_mm), image_hu, table, _SLACK_MM
            )
            scene = Scene(lattice, values, covered_by(onto, lattice), here, machine)
            total += on_grid(Volume(self._gray(scene, tell), lattice, "Gy"), onto)
        source = Source(modality="RTDOSE", made_by=f"{self.name}, {machine.name}")
        return Volume(total * np.float32(delivery.fractions), onto, "Gy", source)

    def _gray(self, scene: Scene, tell: Callable[[], None]) -> F32:
        dose = self._beams(scene, tell)
        dose[around_the_patient(scene.density)] = 0
        z, _, x = (round(step, 4) for step in scene.lattice.spacing_zyx_mm)
        return dose * np.float32(gy_per_unit(self._beams, scene.machine, (z, x)))


def _counting(progress: Progress | None, total: int) -> Callable[[], None]:
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return tell


def _by_isocentre(groups: tuple[GantryGroup, ...]) -> list[tuple[GantryGroup, ...]]:
    places: dict[tuple[float, ...], list[GantryGroup]] = {}
    for group in groups:
        places.setdefault(tuple(np.round(group.isocentre_lps_mm, 2)), []).append(group)
    return [tuple(here) for here in places.values()]


@lru_cache(maxsize=32)
def gy_per_unit(beams: SumOfBeams, machine: Machine, spacing_mm: tuple[float, float]) -> float:
    """Gy per unit of ``beams``, from the machine's reference field on voxels of this size."""
    reference = machine.reference
    depth_mm, dose = water_depth_dose(
        beams,
        machine,
        field_mm=reference.field_mm,
        ssd_mm=reference.ssd_mm,
        spacing_mm=spacing_mm,
        deepest_mm=reference.depth_mm + 30,
    )
    return reference.gy_per_mu / float(np.exp(np.interp(reference.depth_mm, depth_mm, np.log(dose))))


def water_depth_dose(
    beams: SumOfBeams,
    machine: Machine,
    *,
    field_mm: float,
    ssd_mm: float,
    spacing_mm: tuple[float, float] = (4.0, 4.0),
    deepest_mm: float = 300.0,
) -> tuple[Array, Array]:
    """Depth dose of an open square field on a water tank, by an engine's own beams.

    Args:
        beams: of the engine.
        field_mm: side at the isocentre plane; ssd_mm: source–surface distance.
        spacing_mm: of the voxels, along z and in the transverse plane.
        deepest_mm: how far to calculate.
    Returns:
        Depths of voxel centres [mm] and dose on the axis for one MU, in the unit of ``beams``.
    """
    z, x = spacing_mm
    half = [round(0.8 * field_mm / z) + 2, round(0.8 * field_mm / x) + 2]
    air = 2  # planes of vacuum in front, so that the surface is a step and not the lattice's end
    shape = (2 * half[0] + 1, int(np.ceil(deepest_mm / x)) + air + 2, 2 * half[1] + 1)
    water = np.ones(shape, np.float32)
    water[:, :air] = 0
    lattice = Grid.from_axes(
        shape,
        spacing_zyx_mm=(z, x, x),
        origin_lps_mm=(-half[1] * x, ssd_mm - machine.sad_mm - (air - 0.5) * x, -half[0] * z),
    )
    groups = group_by_gantry([open_field(field_mm)])
    scene = Scene(lattice, water, np.ones(shape[1:], bool), groups, machine)
    on_axis = beams(scene, lambda: None)[half[0], air:-2, half[1]].astype(float)
    return np.asarray((np.arange(len(on_axis)) + 0.5) * x, np.float64), on_axis
