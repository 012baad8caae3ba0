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
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.dose.fluence import fluence_map
from terasu.dose.machine import Machine
from terasu.dose.referenced import ReferencedEngine, Scene
from terasu.errors import MissingPartError
from terasu.patient.cores import cores
from terasu.patient.grid import Grid

_KERNEL_MM = 300.0


def pydosert_engine(*, within_deg: float = 0.5) -> ReferencedEngine:
    """pydosert's ``PencilDepthEngine`` as a ``DoseEngine``.

    Args:
        within_deg: gantry angles this close are calculated as one.
    Raises:
        MissingPartError: torch or pydosert is not installed.
    """
    _torch()
    name = f"pydosert {version('pydosert')} PencilDepthEngine"
    return ReferencedEngine(name, pydosert_beams, within_deg=within_deg)


def pydosert_beams(scene: Scene, tell: Callable[[], None]) -> NDArray[np.float32]:
    """See ``referenced.SumOfBeams``."""
    square, part, density = _with_room_to_turn(scene.lattice, scene.density, scene.isocentre_lps_mm)
    run = _Pydosert(square, scene.isocentre_lps_mm, scene.machine)
    total = np.zeros(square.shape_zyx, np.float32)
    for group in scene.groups:
        total += run.dose(density, fluence_map(group.segments, scene.machine), group.gantry_deg)
        tell()
    return np.ascontiguousarray(total[part])


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
) -> tuple[Grid, tuple[slice, ...], NDArray[np.float32]]:
    """The lattice grown to a square around the isocentre that holds its corners at every angle.

    Returns:
        The square, the lattice's own voxels in it, and the values with vacuum around them.
    """
    away = lattice.corners_lps_mm() - isocentre_lps_mm
    reach = int(np.ceil(np.hypot(away[:, 0], away[:, 1]).max() / lattice.spacing_zyx_mm[2])) + 1
    middle = np.rint(lattice.to_index_kji(isocentre_lps_mm)).astype(int)
    start = np.array([0, middle[1] - reach, middle[2] - reach])
    stop = np.array([lattice.shape_zyx[0], middle[1] + reach + 1, middle[2] + reach + 1])
    before, after = -start, stop - np.asarray(lattice.shape_zyx)
    padded = np.pad(values, list(zip(np.maximum(before, 0), np.maximum(after, 0), strict=True)))
    part = tuple(slice(b, b + n) for b, n in zip(before.tolist(), lattice.shape_zyx, strict=True))
    return lattice.crop(start.tolist(), stop.tolist()), part, padded


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
