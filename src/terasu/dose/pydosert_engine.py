"""pydosert 1.5.0 as it stands, behind the same contract: the second opinion beside ``pencil_engine``.

It is given our density, our fluence maps (its RTPLAN reader fails on clinical plans) and an open field
on water for Gy per MU. It is not the engine of the house because it needs torch, a square that the
patient can turn in, and ten times the processor time; its kernels are sampled at voxel centres (the
depth dose is 0.5 % low at 50 mm) and its depths follow rays parallel to the axis. Side by side in
benchmarks/dose.py.

torch and pydosert are imported when a dose is calculated, not before.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.dose.density import DensityTable, default_density_table
from terasu.dose.engine import Progress, require_calculable
from terasu.dose.fluence import fluence_map
from terasu.dose.lattice import around_the_patient, density_lattice, on_grid, raster_like
from terasu.dose.machine import Machine, default_machine
from terasu.dose.segments import group_by_gantry, open_field, to_segments
from terasu.errors import DoseError, MissingPartError
from terasu.patient.cores import cores
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

_KERNEL_MM = 300.0
_SLACK_MM = 60.0


class PydosertEngine:
    """Implements ``DoseEngine`` by pydosert's ``PencilDepthEngine``; beams must share an isocentre.

    Args:
        within_deg: gantry angles this close are calculated as one.
    """

    def __init__(self, *, within_deg: float = 0.5) -> None:
        self.within_deg = within_deg

    @property
    def name(self) -> str:
        """Engine and version."""
        return f"pydosert {version('pydosert')} PencilDepthEngine"

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
        isocentre = groups[0].isocentre_lps_mm
        if any(np.abs(group.isocentre_lps_mm - isocentre).max() > 0.01 for group in groups):
            raise DoseError("pydosert is used for one isocentre only.", got="several", expected="one")
        lattice, values = density_lattice(raster_like(onto, isocentre), image_hu, table, _SLACK_MM)
        square, values = _with_room_to_turn(lattice, values, isocentre)
        total = np.zeros(square.shape_zyx, np.float32)
        run = _Pydosert(square, isocentre, machine)
        for done, group in enumerate(groups, start=1):
            total += run.dose(values, fluence_map(group.segments, machine), group.gantry_deg)
            if progress is not None:
                progress(done, len(groups))
        total[around_the_patient(values)] = 0
        spacing = tuple(round(step, 4) for step in square.spacing_zyx_mm)
        total *= np.float32(_gy_per_unit(machine, spacing) * delivery.fractions)
        source = Source(modality="RTDOSE", made_by=f"{self.name}, {machine.name}")
        return Volume(on_grid(Volume(total, square, "Gy"), onto), onto, "Gy", source)


class _Pydosert:
    """One pydosert engine on one lattice; (H, D, W) = (+z, +y, +x), lengths from voxel (0, 0, 0)."""

    def __init__(self, lattice: Grid, isocentre_lps_mm: NDArray[np.float64], machine: Machine) -> None:
        torch = _torch()
        from pydosert.data import MachineConfig
        from pydosert.engine.pencil_depth_engine import PencilDepthEngine

        torch.set_num_threads(cores())
        x, y, z = (float(v) for v in isocentre_lps_mm - np.asarray(lattice.origin_lps_mm))
        self._isocentre_mm = (z, y, x)
        config = MachineConfig(
            preset=None, tpr_20_10=machine.tpr_20_10, number_of_leaf_pairs=1, mean_photon_energy_MeV=1.0
        )
        spacing = lattice.spacing_zyx_mm
        self._engine = PencilDepthEngine(
            config,
            2 * round(_KERNEL_MM / 2 / spacing[2]) + 1,
            spacing,
            lattice.shape_zyx,
            device="cpu",
            dtype=torch.float32,
        )

    def dose(
        self, density: NDArray[np.float32], fluence: NDArray[np.float32], gantry_deg: float
    ) -> NDArray[np.float32]:
        """Dose (z, y, x) of one map, in pydosert's unit."""
        torch = _torch()
        from pydosert.data import Beam

        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore", UserWarning)  # autocast on a processor, air beyond the circle
            beam = Beam.create(
                gantry_deg,
                1,
                iso_center=self._isocentre_mm,
                device="cpu",
                dtype=torch.float32,
                requires_grad=False,
            )
            dose = self._engine.compute_dose(
                beam, torch.from_numpy(density)[None], fluence_maps=torch.from_numpy(fluence)[None]
            )
        return np.asarray(dose[0].numpy())


def _with_room_to_turn(
    lattice: Grid, values: NDArray[np.float32], isocentre_lps_mm: NDArray[np.float64]
) -> tuple[Grid, NDArray[np.float32]]:
    """The lattice grown to a square around the isocentre that holds its corners at every angle."""
    away = lattice.corners_lps_mm() - isocentre_lps_mm
    reach = int(np.ceil(np.hypot(away[:, 0], away[:, 1]).max() / lattice.spacing_zyx_mm[2])) + 1
    middle = np.rint(lattice.to_index_kji(isocentre_lps_mm)).astype(int)
    start = np.array([0, middle[1] - reach, middle[2] - reach])
    stop = np.array([lattice.shape_zyx[0], middle[1] + reach + 1, middle[2] + reach + 1])
    before, after = -start, stop - np.asarray(lattice.shape_zyx)
    padded = np.pad(values, list(zip(np.maximum(before, 0), np.maximum(after, 0), strict=True)))
    return lattice.crop(start.tolist(), stop.tolist()), padded


@lru_cache(maxsize=8)
def _gy_per_unit(machine: Machine, spacing_zyx_mm: tuple[float, float, float]) -> float:
    depth_mm, dose = water_depth_dose(
        machine,
        field_mm=machine.reference.field_mm,
        ssd_mm=machine.reference.ssd_mm,
        spacing_zyx_mm=spacing_zyx_mm,
        deepest_mm=machine.reference.depth_mm + 30,
    )
    return machine.reference.gy_per_mu / float(
        np.exp(np.interp(machine.reference.depth_mm, depth_mm, np.log(dose)))
    )


def water_depth_dose(
    machine: Machine,
    *,
    field_mm: float,
    ssd_mm: float,
    spacing_zyx_mm: tuple[float, float, float],
    deepest_mm: float = 300.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depths [mm] and dose on the axis of an open field on water, in pydosert's unit."""
    z, y, x = spacing_zyx_mm
    half = (round(0.8 * field_mm / z) + 2, round(0.8 * field_mm / x) + 2)
    shape = (2 * half[0] + 1, int(np.ceil(deepest_mm / y)), 2 * half[1] + 1)
    lattice = Grid.from_axes(
        shape,
        spacing_zyx_mm=spacing_zyx_mm,
        origin_lps_mm=(-half[1] * x, ssd_mm - machine.sad_mm + y / 2, -half[0] * z),
    )
    run = _Pydosert(lattice, np.zeros(3), machine)
    dose = run.dose(np.ones(shape, np.float32), fluence_map([open_field(field_mm)], machine), 0.0)
    return np.asarray((np.arange(shape[1]) + 0.5) * y, np.float64), dose[half[0], :, half[1]].astype(float)


def _torch() -> Any:
    try:
        import pydosert  # noqa: F401
        import torch
    except ImportError as problem:
        raise MissingPartError(
            "This dose engine needs torch and pydosert.",
            got=str(problem),
            expected="torch 2.13 and pydosert 1.5",
            todo="pip install torch==2.13.0, then pip install --no-deps pydosert==1.5.0",
        ) from problem
    return torch
