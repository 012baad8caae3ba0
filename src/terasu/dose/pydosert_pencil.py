"""One gantry angle in torch: pydosert's pencil beam, with a ray of its own for every pencil.

Imports torch and pydosert at its top, so nothing but ``pydosert_engine`` imports it, and only when a
dose is calculated. pydosert 1.5.0 gives the axes, the divergent projection of the fluence, the
rotation of the dose and the kernel's parametrisation. Replaced are

* depth: taken along the divergent ray from the source to each voxel. pydosert has one depth a plane
  (``DoseEngine``) or rays parallel to the axis (``PencilDepthEngine``), which lie 10 mm off at 100 mm
  from the axis and 100 mm above the isocentre;
* the kernel's raster: integrated over voxels (``kernel.py``). pydosert samples it at voxel centres,
  with rows and columns exchanged where the two pitches differ;
* the choice of kernel: every pencil has that of its own depth, by separation instead of depth bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydosert.data import MachineConfig
from pydosert.layers.BeamRotationLayer import BeamRotationLayer
from pydosert.layers.FluenceVolumeLayer import FluenceVolumeLayer
from pydosert.physics.kernels.pencil_beam_model import PencilBeamModel
from torch.nn import functional

from terasu.dose.kernel import DEPTH_STEP_MM, KernelTerms, SeparableKernel

Tensor = torch.Tensor
_NEGLIGIBLE = 1e-5
"""Fluence, relative to the map's maximum, that is left out."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Lattice as pydosert has it: (H, D, W) = (+z, +y, +x) of LPS, lengths from voxel (0, 0, 0).

    Attributes:
        shape: (H, D, W).
        spacing_mm: (H, D, W); D and W equal.
        isocentre_mm: (h, d, w) from the centre of the first voxel.
        sad_mm: source–axis distance.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    isocentre_mm: tuple[float, float, float]
    sad_mm: float


def nyholm_terms(tpr_20_10: float, depths_mm: NDArray[np.float64]) -> KernelTerms:
    """The kernel's parameters at depths, by pydosert's coefficients.

    Source: Nyholm et al. 2006, doi 10.1016/j.radonc.2006.02.002, with its corrigendum of 2011.
    """
    model = PencilBeamModel((1.0, 1.0, 1.0), tpr_20_10, 3)
    depth_cm = torch.as_tensor(depths_mm / 10, dtype=torch.float64)
    parts = (model.depth_A_per_a, model.depth_a, model.depth_B_per_b, model.depth_b)
    return KernelTerms(depths_mm, *(part(depth_cm).numpy() for part in parts))


class PencilBeam:
    """Dose of one fluence map after another on one density."""

    def __init__(self, frame: Frame, density: NDArray[np.float32], kernel: SeparableKernel) -> None:
        self._frame = frame
        self._config = MachineConfig(preset=None, tpr_20_10=0.68, number_of_leaf_pairs=1)
        self._density = torch.from_numpy(np.ascontiguousarray(density))
        self._coefficients = torch.from_numpy(kernel.coefficients)
        self._projection = FluenceVolumeLayer(
            self._config,
            frame.spacing_mm,
            frame.shape,
            sid=frame.sad_mm,
            iso_center=frame.isocentre_mm,
            device="cpu",
        )
        self._fft_shape = self._choose_fft_shape(kernel)
        self._spectra = self._kernel_spectra(kernel)

    def dose(self, fluence: NDArray[np.float32], gantry_deg: float) -> Tensor:
        """Dose (H, D, W) of a fluence map (400, 400), arbitrary but constant units."""
        box = self._box(fluence)
        depth = self._ray_depth(gantry_deg, box)
        pencils = self._pencils(fluence, box)
        in_beam = self._convolve(pencils * (depth > 0), depth, box)
        return self._to_patient(in_beam, gantry_deg)

    def _box(self, fluence: NDArray[np.float32]) -> tuple[int, int, int, int]:
        """First and last (h, w) voxel that the map reaches at any depth, limits included."""
        frame = self._frame
        carries = fluence > _NEGLIGIBLE * fluence.max()
        farthest = (frame.shape[1] - 1) * frame.spacing_mm[1] - frame.isocentre_mm[1]
        widest = 1 + max(farthest, 0.0) / frame.sad_mm
        limits: list[int] = []
        for axis, n, step, iso in (
            (1, frame.shape[0], frame.spacing_mm[0], frame.isocentre_mm[0]),
            (0, frame.shape[2], frame.spacing_mm[2], frame.isocentre_mm[2]),
        ):
            used = np.flatnonzero(carries.any(axis=axis))
            low, high = used[0] - len(fluence) / 2 - 1, used[-1] + 1 - len(fluence) / 2 + 1
            first = math.floor((min(low * widest, low / 2) + iso) / step)
            last = math.ceil((max(high * widest, high / 2) + iso) / step)
            limits += [min(max(first, 0), n - 1), max(min(last, n - 1), 0)]
        return limits[0], limits[1], limits[2], limits[3]

    def _pencils(self, fluence: NDArray[np.float32], box: tuple[int, int, int, int]) -> Tensor:
        """Mean fluence of every voxel of the box, (D, h, w), inverse square included.

        The map is averaged over a voxel's size first; sampled at voxel centres it would alias.
        """
        _, rows_mm, columns_mm = (
            self._frame.spacing_mm[1],
            self._frame.spacing_mm[0],
            self._frame.spacing_mm[2],
        )
        averaged = _box_mean(torch.from_numpy(fluence), rows_mm, columns_mm)
        projected: Tensor = self._projection(averaged[None], bbox=box)
        return projected[0, ..., 0]

    def _beam_axes(self, gantry_deg: float) -> tuple[float, float]:
        return math.cos(math.radians(gantry_deg)), math.sin(math.radians(gantry_deg))

    def _ray_depth(self, gantry_deg: float, box: tuple[int, int, int, int]) -> Tensor:
        """Water-equivalent depth [mm] of every voxel of the box along its ray, (D, h, w)."""
        frame = self._frame
        _, n_depth, _ = frame.shape
        step_h, step, step_w = frame.spacing_mm
        along = torch.arange(n_depth) * step - frame.isocentre_mm[1]
        scale = (frame.sad_mm + along) / frame.sad_mm
        h = torch.arange(box[0], box[1] + 1) * step_h - frame.isocentre_mm[0]
        w = torch.arange(box[2], box[3] + 1) * step_w - frame.isocentre_mm[2]
        fan_h, fan_w = _fan(h, scale, step_h), _fan(w, scale, step_w)
        density = self._density_in_fan(gantry_deg, along, scale, fan_h, fan_w)
        slant = torch.sqrt(1 + (fan_h[:, None] ** 2 + fan_w[None, :] ** 2) / frame.sad_mm**2)
        depth = (torch.cumsum(density, 0) - density / 2) * step * slant
        at_h = _unit(h[None, :] / scale[:, None], fan_h)
        at_w = _unit(w[None, :] / scale[:, None], fan_w)
        shape = (n_depth, len(h), len(w))
        where = torch.stack([at_w[:, None, :].expand(shape), at_h[:, :, None].expand(shape)], dim=-1)
        sampled = functional.grid_sample(depth[:, None], where, padding_mode="border", align_corners=True)
        return sampled[:, 0]

    def _density_in_fan(
        self, gantry_deg: float, along: Tensor, scale: Tensor, fan_h: Tensor, fan_w: Tensor
    ) -> Tensor:
        """Density (D, h, w) on rays through the source; IEC 61217: Xg = (cos θ, sin θ) in LPS (x, y)."""
        frame = self._frame
        cosine, sine = self._beam_axes(gantry_deg)
        lateral = scale[:, None] * fan_w[None, :]
        x = lateral * cosine - along[:, None] * sine
        y = lateral * sine + along[:, None] * cosine
        z = scale[:, None] * fan_h[None, :]
        shape = (len(along), len(fan_h), len(fan_w))
        lengths = [(n - 1) * s for n, s in zip(frame.shape, frame.spacing_mm, strict=True)]
        unit = [
            (2 * (values + iso) / length - 1)
            for values, iso, length in zip((z, y, x), frame.isocentre_mm, lengths, strict=True)
        ]
        where = torch.stack(
            [
                unit[2][:, None, :].expand(shape),
                unit[1][:, None, :].expand(shape),
                unit[0][:, :, None].expand(shape),
            ],
            dim=-1,
        )
        sampled = functional.grid_sample(self._density[None, None], where[None], align_corners=True)
        return sampled[0, 0]

    def _choose_fft_shape(self, kernel: SeparableKernel) -> tuple[int, int]:
        """Large enough that nothing wraps around from one edge of a plane to the other."""
        rows, columns = ((n - 1) // 2 for n in kernel.planes.shape[1:])
        h, _, w = self._frame.shape
        return _fast_length(h + min(rows, h - 1)), _fast_length(w + min(columns, w - 1))

    def _kernel_spectra(self, kernel: SeparableKernel) -> Tensor:
        """Spectra of the kernel's planes with their centres on the origin, (terms, fh, fw//2 + 1)."""
        terms, rows, columns = kernel.planes.shape
        on_origin = torch.zeros((terms, *self._fft_shape))
        half = [
            min((n - 1) // 2, length - 1) for n, length in zip((rows, columns), self._room(), strict=True)
        ]
        offsets = [torch.arange(-n, n + 1) for n in half]
        centre = ((rows - 1) // 2, (columns - 1) // 2)
        planes = torch.from_numpy(kernel.planes)
        part = planes[:, centre[0] - half[0] : centre[0] + half[0] + 1][
            :, :, centre[1] - half[1] : centre[1] + half[1] + 1
        ]
        at = [o % n for o, n in zip(offsets, self._fft_shape, strict=True)]
        on_origin[:, at[0][:, None], at[1][None, :]] = part
        return torch.fft.rfft2(on_origin)

    def _room(self) -> tuple[int, int]:
        return self._frame.shape[0], self._frame.shape[2]

    def _convolve(self, pencils: Tensor, depth: Tensor, box: tuple[int, int, int, int]) -> Tensor:
        """Σ over terms of (pencils · c_n(depth)) ∗ φ_n, plane by plane, (D, H, W)."""
        height, _, width = self._frame.shape
        at = (depth / DEPTH_STEP_MM).clamp_(0, self._coefficients.shape[1] - 1.001)
        low = at.long()
        part = at - low
        planes = torch.zeros((len(pencils), height, width))
        inside = planes[:, box[0] : box[1] + 1, box[2] : box[3] + 1]
        total: Tensor | None = None
        for values, spectrum in zip(self._coefficients, self._spectra, strict=True):
            weight = torch.lerp(values[low], values[low + 1], part)
            inside.copy_(pencils * weight)
            term = torch.fft.rfft2(planes, s=self._fft_shape).mul_(spectrum)
            total = term if total is None else total.add_(term)
        return torch.fft.irfft2(total, s=self._fft_shape)[:, :height, :width]

    def _to_patient(self, in_beam: Tensor, gantry_deg: float) -> Tensor:
        """Turn the beam's (D, H, W) into the patient's (H, D, W)."""
        angle = torch.tensor([math.radians(gantry_deg)])
        frame = self._frame
        rotation = BeamRotationLayer(
            self._config,
            ct_array_shape=frame.shape,
            iso_center=frame.isocentre_mm,
            resolution=frame.spacing_mm,
            gantry_angles=angle,
            device="cpu",
        )
        turned = functional.grid_sample(
            in_beam.permute(1, 0, 2)[None], rotation.rot_grid[0, 0], align_corners=False
        )
        return turned[0]


def _box_mean(fluence: Tensor, rows_mm: float, columns_mm: float) -> Tensor:
    """Running mean over ``rows_mm`` × ``columns_mm`` of a 1 mm map, fractions of pixels included."""
    out = fluence[None, None]
    for size, axis in ((rows_mm, 2), (columns_mm, 3)):
        reach = math.ceil((size - 1) / 2)
        edge = (size - (2 * reach - 1)) / 2 if reach else size
        weights = torch.ones(2 * reach + 1)
        weights[0] = weights[-1] = edge
        weights = weights / weights.sum()
        shape = (1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1)
        padding = (reach, 0) if axis == 2 else (0, reach)
        out = functional.conv2d(out, weights.view(shape), padding=padding)
    return out[0, 0]


def _fan(centres: Tensor, scale: Tensor, step: float) -> Tensor:
    """Rays at the isocentre plane, one voxel apart, that hold every voxel of the box at every plane."""
    ends = (
        torch.stack([centres[0] / scale.min(), centres[0] / scale.max()]),
        torch.stack([centres[-1] / scale.min(), centres[-1] / scale.max()]),
    )
    low, high = float(ends[0].min()), float(ends[1].max())
    n = max(2, math.ceil((high - low) / step) + 1)
    return torch.linspace(low, high, n)


def _unit(values: Tensor, along: Tensor) -> Tensor:
    return 2 * (values - along[0]) / (along[-1] - along[0]) - 1


def _fast_length(n: int) -> int:
    """Smallest length from ``n`` up whose only factors are 2, 3 and 5."""
    while True:
        rest = n
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return n
        n += 1
