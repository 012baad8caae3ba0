"""One gantry angle in torch: pydosert's pencil beam, with a ray of its own for every pencil.

Imports torch and pydosert at its top, so nothing but ``pydosert_engine`` imports it, and only when a
dose is calculated. pydosert 1.5.0 gives the kernel's parametrisation and the divergent projection of
the fluence. Its engines are not used as they stand:

* depth is taken along the divergent ray from the source to each voxel. pydosert has one depth a plane
  (``DoseEngine``) or rays parallel to the axis (``PencilDepthEngine``), which lie 10 mm off at 100 mm
  from the axis and 100 mm above the isocentre;
* kernels are integrated over voxels (``kernel.py``). pydosert samples them at voxel centres, with rows
  and columns exchanged where the two pitches differ, so its depth dose depends on the voxel size;
* every pencil has the kernel of its own depth, by separation instead of depth bins;
* only what the beam and the patient occupy is calculated, not a square that the patient can turn in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydosert.data import MachineConfig
from pydosert.layers.FluenceVolumeLayer import FluenceVolumeLayer
from pydosert.physics.kernels.pencil_beam_model import PencilBeamModel
from torch.nn import functional

from terasu.dose.kernel import DEPTH_STEP_MM, KernelTerms, SeparableKernel

Tensor = torch.Tensor
_NEGLIGIBLE = 3e-4  # fluence, relative to the map's maximum, that is left out
_PLANES_AT_ONCE = 16  # so that a chunk stays in the processor's cache


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


@dataclass(frozen=True)
class Axis:
    """Voxel centres along one axis of the beam's eye view, from the isocentre [mm]."""

    first_mm: float
    step_mm: float
    n: int

    def centres_mm(self) -> Tensor:
        return self.first_mm + torch.arange(self.n, dtype=torch.float32) * self.step_mm

    def part(self, low_mm: float, high_mm: float) -> tuple[int, int]:
        """First voxel and the one after the last between two places, at least two voxels."""
        first = math.floor((low_mm - self.first_mm) / self.step_mm)
        after = math.ceil((high_mm - self.first_mm) / self.step_mm) + 1
        first = min(max(first, 0), max(self.n - 2, 0))
        return first, max(min(after, self.n), min(first + 2, self.n))

    def cut(self, part: tuple[int, int]) -> Axis:
        return Axis(self.first_mm + part[0] * self.step_mm, self.step_mm, part[1] - part[0])


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
        self._density = torch.from_numpy(np.ascontiguousarray(density))
        self._coefficients = torch.from_numpy(kernel.coefficients)
        self._planes = torch.from_numpy(kernel.planes)
        rows, columns = np.nonzero(density.max(axis=0) > 0)
        self._solid_y = rows * frame.spacing_mm[1] - frame.isocentre_mm[1]
        self._solid_x = columns * frame.spacing_mm[2] - frame.isocentre_mm[2]

    def dose(self, fluence: NDArray[np.float32], gantry_deg: float) -> Tensor:
        """Dose (H, D, W) of a fluence map (400, 400), in arbitrary but constant units."""
        if not len(self._solid_x) or fluence.max() <= 0:
            return torch.zeros(self._frame.shape)
        along, across = self._view(gantry_deg)
        head_foot = Axis(-self._frame.isocentre_mm[0], self._frame.spacing_mm[0], self._frame.shape[0])
        rows, columns = self._beam_box(fluence, along, head_foot, across)
        h, w = head_foot.cut(rows), across.cut(columns)
        depth = self._ray_depth(gantry_deg, along, h, w)
        pencils = self._pencils(fluence, along, h, w) * (depth > 0)
        in_beam = self._convolve(pencils, depth, (rows, columns), (head_foot.n, across.n))
        return self._to_patient(in_beam, gantry_deg, along, across)

    def _view(self, gantry_deg: float) -> tuple[Axis, Axis]:
        """Axes along the beam and across it that hold everything solid; the isocentre is a voxel centre."""
        cosine, sine = _cos_sin(gantry_deg)
        step = self._frame.spacing_mm[1]
        axes = []
        for place in (
            self._solid_y * cosine - self._solid_x * sine,
            self._solid_x * cosine + self._solid_y * sine,
        ):
            first, last = math.floor(place.min() / step) - 1, math.ceil(place.max() / step) + 1
            axes.append(Axis(first * step, step, last - first + 1))
        return axes[0], axes[1]

    def _beam_box(
        self, fluence: NDArray[np.float32], along: Axis, head_foot: Axis, across: Axis
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and columns of the view that the map reaches at any depth."""
        carries = fluence > _NEGLIGIBLE * fluence.max()
        ends = along.centres_mm()[[0, -1]] / self._frame.sad_mm + 1
        parts = []
        for axis, used in ((head_foot, carries.any(axis=1)), (across, carries.any(axis=0))):
            at = np.flatnonzero(used)
            low = (float(at[0]) - len(fluence) / 2 - axis.step_mm) * ends
            high = (float(at[-1]) + 1 - len(fluence) / 2 + axis.step_mm) * ends
            parts.append(axis.part(float(low.min()), float(high.max())))
        return parts[0], parts[1]

    def _pencils(self, fluence: NDArray[np.float32], along: Axis, h: Axis, w: Axis) -> Tensor:
        """Mean fluence of every voxel, (D, h, w), inverse square included.

        The map is averaged over a voxel's size first; sampled at voxel centres it would alias.
        """
        projection = FluenceVolumeLayer(
            MachineConfig(preset=None, tpr_20_10=0.68, number_of_leaf_pairs=1),
            (h.step_mm, along.step_mm, w.step_mm),
            (h.n, along.n, w.n),
            sid=self._frame.sad_mm,
            iso_center=(-h.first_mm, -along.first_mm, -w.first_mm),
            device="cpu",
        )
        averaged = _box_mean(torch.from_numpy(fluence), h.step_mm, w.step_mm)
        projected: Tensor = projection(averaged[None])
        return projected[0, ..., 0]

    def _ray_depth(self, gantry_deg: float, along: Axis, h: Axis, w: Axis) -> Tensor:
        """Water-equivalent depth [mm] of every voxel along its own ray, (D, h, w).

        Density is summed on a fan of rays through the source and read back at the voxels.
        """
        scale = along.centres_mm() / self._frame.sad_mm + 1
        h_mm, w_mm = h.centres_mm(), w.centres_mm()
        fan_h, fan_w = _fan(h_mm, scale, h.step_mm), _fan(w_mm, scale, w.step_mm)
        density = self._density_in_fan(gantry_deg, along.centres_mm(), scale, fan_h, fan_w)
        slant = torch.sqrt(1 + (fan_h[:, None] ** 2 + fan_w[None, :] ** 2) / self._frame.sad_mm**2)
        depth = (torch.cumsum(density, 0) - density / 2) * along.step_mm * slant
        at_h = _unit(h_mm[None, :] / scale[:, None], fan_h)
        at_w = _unit(w_mm[None, :] / scale[:, None], fan_w)
        shape = (along.n, h.n, w.n)
        where = torch.stack([at_w[:, None, :].expand(shape), at_h[:, :, None].expand(shape)], dim=-1)
        return functional.grid_sample(depth[:, None], where, padding_mode="border", align_corners=True)[:, 0]

    def _density_in_fan(
        self, gantry_deg: float, t_mm: Tensor, scale: Tensor, fan_h: Tensor, fan_w: Tensor
    ) -> Tensor:
        """Density (D, h, w) on rays through the source; IEC 61217: Xg = (cos θ, sin θ) in LPS (x, y)."""
        frame = self._frame
        cosine, sine = _cos_sin(gantry_deg)
        lateral = scale[:, None] * fan_w[None, :]
        x = lateral * cosine - t_mm[:, None] * sine
        y = lateral * sine + t_mm[:, None] * cosine
        z = scale[:, None] * fan_h[None, :]
        unit = [
            2 * (place + iso) / ((n - 1) * step) - 1
            for place, iso, n, step in zip(
                (z, y, x), frame.isocentre_mm, frame.shape, frame.spacing_mm, strict=True
            )
        ]
        shape = (len(t_mm), len(fan_h), len(fan_w))
        where = torch.stack(
            [
                unit[2][:, None, :].expand(shape),
                unit[1][:, None, :].expand(shape),
                unit[0][:, :, None].expand(shape),
            ],
            dim=-1,
        )
        return functional.grid_sample(self._density[None, None], where[None], align_corners=True)[0, 0]

    def _convolve(
        self,
        pencils: Tensor,
        depth: Tensor,
        box: tuple[tuple[int, int], tuple[int, int]],
        size: tuple[int, int],
    ) -> Tensor:
        """Σ over terms of (pencils · c_n(depth)) ∗ φ_n, plane by plane, (D, H, W)."""
        lengths = [
            _fft_length(part, n, k) for part, n, k in zip(box, size, self._planes.shape[1:], strict=True)
        ]
        spectra = torch.fft.rfft2(_on_origin(self._planes, lengths))
        take = [
            (torch.arange(n) - part[0]) % length for part, n, length in zip(box, size, lengths, strict=True)
        ]
        out = torch.empty((len(pencils), *size))
        for start in range(0, len(pencils), _PLANES_AT_ONCE):
            chunk = slice(start, start + _PLANES_AT_ONCE)
            total = torch.zeros((), dtype=torch.complex64)
            weights = self._weights(depth[chunk])
            for weight, spectrum in zip(weights, spectra, strict=True):
                rows = torch.fft.rfft(pencils[chunk] * weight, n=lengths[1])
                total = total + torch.fft.fft(rows, n=lengths[0], dim=-2) * spectrum
            whole = torch.fft.irfft2(total, s=lengths)
            out[chunk] = whole.index_select(1, take[0]).index_select(2, take[1])
        return out

    def _weights(self, depth: Tensor) -> Tensor:
        """c_n at every depth, (terms, …), straight lines between the table's points."""
        at = (depth / DEPTH_STEP_MM).clamp(0, self._coefficients.shape[1] - 1.001)
        low = at.long()
        below = self._coefficients[:, low]
        return torch.lerp(below, self._coefficients[:, low + 1], (at - low).expand_as(below))

    def _to_patient(self, in_beam: Tensor, gantry_deg: float, along: Axis, across: Axis) -> Tensor:
        """Turn the beam's (D, H, W) into the patient's (H, D, W)."""
        _, rows, columns = self._frame.shape
        cosine, sine = _cos_sin(gantry_deg)
        y = (torch.arange(rows) * self._frame.spacing_mm[1] - self._frame.isocentre_mm[1])[:, None]
        x = (torch.arange(columns) * self._frame.spacing_mm[2] - self._frame.isocentre_mm[2])[None, :]
        at_t = 2 * ((y * cosine - x * sine) - along.first_mm) / ((along.n - 1) * along.step_mm) - 1
        at_w = 2 * ((x * cosine + y * sine) - across.first_mm) / ((across.n - 1) * across.step_mm) - 1
        where = torch.stack([at_w, at_t], dim=-1)[None].to(in_beam.dtype)
        return functional.grid_sample(in_beam.permute(1, 0, 2)[None], where, align_corners=True)[0]


def _cos_sin(angle_deg: float) -> tuple[float, float]:
    return math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))


def _fft_length(part: tuple[int, int], size: int, kernel: int) -> int:
    """Long enough that nothing wraps from one end of the axis to the other."""
    farthest = max(size - 1 - part[0], part[1] - 1)
    n = farthest + min((kernel - 1) // 2, farthest) + 1
    while not _is_fast(n):
        n += 1
    return n


def _is_fast(n: int) -> bool:
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n == 1


def _on_origin(planes: Tensor, lengths: list[int]) -> Tensor:
    """Kernel planes with their centres on the origin of a larger, periodic plane."""
    centre = [(n - 1) // 2 for n in planes.shape[1:]]
    half = [min(c, (length - 1) // 2) for c, length in zip(centre, lengths, strict=True)]
    place = [torch.arange(-n, n + 1) for n in half]
    out = torch.zeros((len(planes), *lengths))
    rows, columns = (p + c for p, c in zip(place, centre, strict=True))
    into = [p % length for p, length in zip(place, lengths, strict=True)]
    out[:, into[0][:, None], into[1][None, :]] = planes[:, rows[:, None], columns[None, :]]
    return out


def _box_mean(fluence: Tensor, rows_mm: float, columns_mm: float) -> Tensor:
    """Running mean over ``rows_mm`` × ``columns_mm`` of a 1 mm map, fractions of pixels included."""
    out = fluence[None, None]
    for size, axis in ((rows_mm, 2), (columns_mm, 3)):
        reach = max(math.ceil((size - 1) / 2), 0)
        weights = torch.ones(2 * reach + 1)
        if reach:
            weights[0] = weights[-1] = (size - (2 * reach - 1)) / 2
        shape, padding = ((1, 1, -1, 1), (reach, 0)) if axis == 2 else ((1, 1, 1, -1), (0, reach))
        out = functional.conv2d(out, (weights / weights.sum()).view(shape), padding=padding)
    return out[0, 0]


def _fan(centres: Tensor, scale: Tensor, step: float) -> Tensor:
    """Rays at the isocentre plane, one voxel apart, around every voxel at every plane."""
    ends = centres[[0, -1], None] / scale[None, [0, -1]]
    low, high = float(ends.min()), float(ends.max())
    return torch.linspace(low, high, max(2, math.ceil((high - low) / step) + 1))


def _unit(values: Tensor, along: Tensor) -> Tensor:
    return 2 * (values - along[0]) / (along[-1] - along[0]) - 1
