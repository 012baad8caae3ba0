"""The dose engine of the house: a pencil beam with a ray and a kernel of its own for every pencil.

For each gantry angle: depth in water along divergent rays (``rays.py``), the fluence's share in each
term of the kernel (``kernel.py``), convolution plane by plane, the near part on the dose's own voxels
and the smooth far part on coarser ones, and the turn back into the patient.

Limits that a report has to state: kernels are those of water whatever the voxel holds, so dose in and
behind lung reads some per cent high (``lung_path.py`` measures how much lung the beams pass); the
kernel does not tilt with the ray; no couch but the one in the image.

Sources: Ahnesjö et al. 1992 doi 10.1118/1.596856; Storchi and Woudstra 1996 doi
10.1088/0031-9155/41/4/005; Nyholm et al. 2006 doi 10.1016/j.radonc.2006.02.002.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from terasu.dose.kernel import DEPTH_STEP_MM, SeparableKernel
from terasu.dose.rays import add_turned, fan_depth, sources
from terasu.patient.grid import Grid

Array = NDArray[np.float64]
F32 = NDArray[np.float32]
_NEGLIGIBLE = 3e-4  # fluence, relative to the map's maximum, that is left out


@dataclass(frozen=True)
class Axis:
    """Equally spaced voxel centres from the isocentre [mm]."""

    first_mm: float
    step_mm: float
    n: int

    def centres_mm(self) -> Array:
        return np.asarray(self.first_mm + np.arange(self.n) * self.step_mm, np.float64)

    def part(self, low_mm: float, high_mm: float) -> tuple[int, int]:
        """First voxel and the one after the last that lie around two places, at least one."""
        first = math.floor((low_mm - self.first_mm) / self.step_mm)
        after = math.ceil((high_mm - self.first_mm) / self.step_mm) + 1
        first = min(max(first, 0), self.n - 1)
        return first, min(max(after, first + 1), self.n)

    def cut(self, part: tuple[int, int]) -> Axis:
        return Axis(self.first_mm + part[0] * self.step_mm, self.step_mm, part[1] - part[0])

    def coarse(self, times: int) -> Axis:
        first = self.first_mm + (times - 1) / 2 * self.step_mm
        return Axis(first, self.step_mm * times, -(-self.n // times))


class PencilBeam:
    """Collects the dose of one fluence map after another on one density.

    Args:
        lattice: along LPS, rows and columns of one pitch.
        density: (z, y, x) relative electron density, vacuum 0.
        isocentre_lps_mm: of every map; sad_mm: source–axis distance.
        kernel: for the lattice's voxels.
        wanted: True in the rows and columns (y, x) of the lattice that dose is asked for; all if None.
    """

    def __init__(
        self,
        lattice: Grid,
        density: F32,
        isocentre_lps_mm: Array,
        sad_mm: float,
        kernel: SeparableKernel,
        wanted: NDArray[np.bool_] | None = None,
    ) -> None:
        self._density, self._kernel, self._sad_mm = density, kernel, sad_mm
        self._iso_kji = lattice.to_index_kji(isocentre_lps_mm)
        step_h, step, _ = lattice.spacing_zyx_mm
        n_z, n_y, n_x = lattice.shape_zyx
        self._h, self._y, self._x = (
            Axis(-float(at) * s, s, n)
            for at, s, n in zip(self._iso_kji, (step_h, step, step), (n_z, n_y, n_x), strict=True)
        )
        solid = density.max(axis=0) > 0
        self._solid = self._places(solid)
        self._wanted = self._solid if wanted is None else self._places(solid & wanted)
        times = kernel.coarser
        self._near = np.zeros((n_y, n_x, n_z), np.float32)
        self._far = np.zeros([axis.coarse(times).n for axis in (self._y, self._x, self._h)], np.float32)

    def add(self, fluence: F32, gantry_deg: float) -> None:
        """Add the dose of a fluence map (400, 400), see ``fluence.fluence_map``."""
        if not self._wanted.size or fluence.max() <= 0:
            return
        turn = (math.cos(math.radians(gantry_deg)), math.sin(math.radians(gantry_deg)))
        along, across, planes = self._view(turn)
        used = along.cut(planes)
        rows, columns = self._box(fluence, used, across)
        box = (self._h.cut(rows), across.cut(columns))
        near, far = self._sources(fluence, turn, along, planes[0], across, (rows, columns), box)
        self._add_near(near, turn, used, across, (rows, columns))
        self._add_far(far, turn, used, across)

    def total(self) -> F32:
        """Dose (z, y, x) of everything added, in arbitrary but constant units."""
        far = self._far
        for axis, fine in enumerate((self._y, self._x, self._h)):
            far = np.moveaxis(np.tensordot(_up(fine, self._kernel.coarser), far, axes=(1, axis)), 0, axis)
        return np.ascontiguousarray(np.moveaxis(self._near + far, 2, 0))

    def _places(self, plane: NDArray[np.bool_]) -> Array:
        """(2, n) y and x of the True ones, from the isocentre [mm]."""
        rows, columns = np.nonzero(plane)
        return np.stack([self._y.centres_mm()[rows], self._x.centres_mm()[columns]])

    def _view(self, turn: tuple[float, float]) -> tuple[Axis, Axis, tuple[int, int]]:
        """Axes along the beam and across it, and the planes in which dose is wanted.

        Along: from where the beam meets something solid to the last plane wanted. The isocentre is a voxel
        centre.
        """
        step = self._y.step_mm

        def reach(place: Array) -> tuple[int, int]:
            return math.floor(place.min() / step) - 1, math.ceil(place.max() / step) + 1

        (solid_t, solid_w), (wanted_t, _) = (_turned(places, turn) for places in (self._solid, self._wanted))
        first, _ = reach(solid_t)
        begins, last = reach(wanted_t)
        left, right = reach(solid_w)
        along = Axis(first * step, step, last - first + 1)
        return along, Axis(left * step, step, right - left + 1), (begins - first, along.n)

    def _box(self, fluence: F32, along: Axis, across: Axis) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and columns of the view that the map reaches at any depth."""
        carries = fluence > _NEGLIGIBLE * fluence.max()
        ends = along.centres_mm()[[0, -1]] / self._sad_mm + 1
        parts = []
        for axis, used in ((self._h, carries.any(axis=1)), (across, carries.any(axis=0))):
            at = np.flatnonzero(used)
            low = (float(at[0]) - len(fluence) / 2 - axis.step_mm) * ends
            high = (float(at[-1]) + 1 - len(fluence) / 2 + axis.step_mm) * ends
            parts.append(axis.part(float(low.min()), float(high.max())))
        return parts[0], parts[1]

    def _sources(
        self,
        fluence: F32,
        turn: tuple[float, float],
        along: Axis,
        first_plane: int,
        across: Axis,
        part: tuple[tuple[int, int], tuple[int, int]],
        box: tuple[Axis, Axis],
    ) -> tuple[F32, F32]:
        t_mm, used = along.centres_mm(), along.cut((first_plane, along.n))
        fans = [_fan(axis, used, self._sad_mm) for axis in box]
        k, j, i = (float(v) for v in self._iso_kji)
        steps = (self._h.step_mm, self._y.step_mm)
        depth = fan_depth(
            self._density,
            (k, j, i),
            steps,
            turn,
            self._sad_mm,
            t_mm,
            fans[0].centres_mm(),
            fans[1].centres_mm(),
        )
        times = self._kernel.coarser
        near, far = sources(
            depth[:, :, first_plane:],
            (fans[0].first_mm, fans[0].step_mm),
            (fans[1].first_mm, fans[1].step_mm),
            _box_mean(fluence, steps),
            self._sad_mm,
            t_mm[first_plane:],
            box[0].centres_mm(),
            box[1].centres_mm(),
            (part[0][0], part[1][0]),
            (used.coarse(times).n, self._h.coarse(times).n, across.coarse(times).n),
            times,
            DEPTH_STEP_MM,
            self._kernel.coefficients,
        )
        return near, far

    def _add_near(
        self,
        near: F32,
        turn: tuple[float, float],
        along: Axis,
        across: Axis,
        part: tuple[tuple[int, int], tuple[int, int]],
    ) -> None:
        dose = _convolve(near, self._kernel.near)  # grown by the kernel's half size on every side
        grown = [(n - 1) // 2 for n in self._kernel.near.shape[1:]]
        first = part[0][0] - grown[0]
        low, high = max(first, 0), min(first + dose.shape[1], self._h.n)
        in_beam = np.ascontiguousarray(dose[:, low - first : high - first].transpose(0, 2, 1))
        edge = across.first_mm + (part[1][0] - grown[1]) * across.step_mm
        self._turn_onto(self._near, in_beam, low, turn, along, Axis(edge, across.step_mm, dose.shape[2]), 1)

    def _add_far(self, far: F32, turn: tuple[float, float], along: Axis, across: Axis) -> None:
        times = self._kernel.coarser
        dose = _convolve(far, self._kernel.far, grow=False)
        in_beam = np.ascontiguousarray(dose.transpose(0, 2, 1))
        self._turn_onto(self._far, in_beam, 0, turn, along.coarse(times), across.coarse(times), times)

    def _turn_onto(
        self,
        total: F32,
        in_beam: F32,
        first_slice: int,
        turn: tuple[float, float],
        along: Axis,
        across: Axis,
        times: int,
    ) -> None:
        y_mm, x_mm = self._y.coarse(times).centres_mm(), self._x.coarse(times).centres_mm()
        ends = (along.first_mm, along.step_mm), (across.first_mm, across.step_mm)
        add_turned(total, in_beam, first_slice, y_mm, x_mm, turn, *ends)


def _turned(places_yx: Array, turn: tuple[float, float]) -> tuple[Array, Array]:
    """Places (2, n) along the beam and across it [mm]."""
    (y, x), (cosine, sine) = places_yx, turn
    return y * cosine - x * sine, x * cosine + y * sine


def _convolve(parts: F32, kernel: F32, *, grow: bool = True) -> F32:
    """Σ over terms of parts[n] ∗ kernel[n], plane by plane.

    Args:
        parts: (terms, planes, rows, columns); kernel: (terms, odd, odd), centred.
        grow: whether the result is larger by half a kernel on every side, or the size of ``parts``.
    """
    half = [(n - 1) // 2 for n in kernel.shape[1:]]
    size = parts.shape[2:]
    if not grow:  # what lies farther than the plane's size is never used
        half = [min(h, n - 1) for h, n in zip(half, size, strict=True)]
        kernel = kernel[
            :,
            *(
                slice((n - 1) // 2 - h, (n - 1) // 2 + h + 1)
                for n, h in zip(kernel.shape[1:], half, strict=True)
            ),
        ]
    lengths = [
        fft.next_fast_len(n + (2 if grow else 1) * h, real=True) for n, h in zip(size, half, strict=True)
    ]
    if not grow:
        lengths = [
            fft.next_fast_len(max(length, 2 * h + 1), real=True)
            for length, h in zip(lengths, half, strict=True)
        ]
    spectra = fft.rfft2(kernel, s=lengths)
    spectrum: Any = 0
    for part, other in zip(parts, spectra, strict=True):
        rows = fft.rfft(part, n=lengths[1], axis=2)
        spectrum = spectrum + fft.fft(rows, n=lengths[0], axis=1, overwrite_x=True) * other
    whole = fft.irfft2(spectrum, s=lengths, overwrite_x=True)
    if grow:
        return np.asarray(whole[:, : size[0] + 2 * half[0], : size[1] + 2 * half[1]])
    return np.asarray(whole[:, half[0] : half[0] + size[0], half[1] : half[1] + size[1]])


def _fan(axis: Axis, along: Axis, sad_mm: float) -> Axis:
    """Rays at the isocentre plane, one voxel apart, around every voxel of the axis at every plane."""
    scale = along.centres_mm()[[0, -1]] / sad_mm + 1
    ends = axis.centres_mm()[[0, -1], None] / scale
    low, high = float(ends.min()), float(ends.max())
    n = max(2, math.ceil((high - low) / axis.step_mm) + 1)
    return Axis(low, max((high - low) / (n - 1), axis.step_mm * 1e-3), n)


def _box_mean(fluence: F32, size_mm: tuple[float, float]) -> F32:
    """Mean of a 1 mm map over a voxel's rows and columns, fractions of pixels included."""
    out = fluence
    for axis, size in enumerate(size_mm):
        reach = max(math.ceil((size - 1) / 2), 0)
        if reach == 0:
            continue
        weights = np.ones(2 * reach + 1)
        weights[[0, -1]] = (size - (2 * reach - 1)) / 2
        out = _correlate(out, weights / size, axis)
    return out


def _correlate(values: F32, weights: Array, axis: int) -> F32:
    from scipy.ndimage import correlate1d

    return np.asarray(correlate1d(values, weights, axis=axis, mode="constant"), np.float32)


def _up(fine: Axis, times: int) -> F32:
    """Matrix that interpolates from coarse voxels to fine ones, (fine, coarse)."""
    coarse = fine.coarse(times)
    at = np.clip((fine.centres_mm() - coarse.first_mm) / coarse.step_mm, 0, coarse.n - 1)
    low = np.minimum(at.astype(int), max(coarse.n - 2, 0))
    matrix = np.zeros((fine.n, coarse.n), np.float32)
    matrix[np.arange(fine.n), low] = 1 - (at - low)
    if coarse.n > 1:
        matrix[np.arange(fine.n), low + 1] = at - low
    return matrix
