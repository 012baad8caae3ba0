"""Parallel beams through slices and back: Joseph's line integrals and filtered back-projection, compiled.

Source: Joseph, IEEE Trans Med Imaging 1982;1:192, doi 10.1109/TMI.1982.4307572 (line integrals); Kak and
Slaney, Principles of Computerized Tomographic Imaging, 1988, section 3.3 (ramp filter, eq. 61).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy import fft

F32 = NDArray[np.float32]


def project(slices: F32, pixel_mm: float, angles: NDArray[np.float64], bins: int, bin_mm: float) -> F32:
    """Line integrals (n, view, bin) of slices (n, y, x) about their middle.

    Args:
        slices: any quantity a mm.
        pixel_mm: side of a pixel.
        angles: of the views [rad].
        bins, bin_mm: number and width of the detector's elements.
    """
    found = np.empty((len(slices), len(angles), bins), np.float32)
    turns = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    padded = np.pad(np.asarray(slices, np.float32), ((0, 0), (2, 2), (2, 2)))
    _project(padded, np.float32(pixel_mm), turns, np.float32(bin_mm), found)
    return found


def back_project(
    sinograms: F32,
    bin_mm: float,
    angles: NDArray[np.float64],
    shape_yx: tuple[int, int],
    pixel_mm: float,
    cutoff_per_mm: float,
) -> F32:
    """Filtered back-projection of (n, view, bin) over half a turn to (n, y, x).

    Args:
        sinograms: line integrals; the bins reach beyond every corner of the image.
        cutoff_per_mm: frequency where the Hann window on the ramp reaches 0.
    """
    filtered = _filtered(sinograms, bin_mm, cutoff_per_mm)
    turns = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = np.empty((len(sinograms), *shape_yx), np.float32)
    _back_project(filtered, np.float32(bin_mm), turns, np.float32(pixel_mm), found)
    found *= np.float32(np.pi / len(angles))
    return found


def _filtered(sinograms: F32, bin_mm: float, cutoff_per_mm: float) -> F32:
    bins = sinograms.shape[-1]
    size = int(fft.next_fast_len(2 * bins, real=True))
    place = np.minimum(np.arange(size), size - np.arange(size))
    kernel = np.zeros(size)
    kernel[place == 0] = 1 / (4 * bin_mm**2)
    odd = place % 2 == 1
    kernel[odd] = -1 / (np.pi * place[odd] * bin_mm) ** 2
    frequency = fft.rfftfreq(size, bin_mm)
    window = np.where(frequency < cutoff_per_mm, 0.5 + 0.5 * np.cos(np.pi * frequency / cutoff_per_mm), 0.0)
    response = (fft.rfft(kernel).real * window * bin_mm).astype(np.float32)
    spectrum = fft.rfft(sinograms, size, axis=-1) * response
    return np.ascontiguousarray(fft.irfft(spectrum, size, axis=-1)[..., :bins], np.float32)


@njit(parallel=True, nogil=True, cache=True, fastmath=True)
def _project(padded: Any, pixel_mm: Any, turns: Any, bin_mm: Any, found: Any) -> None:
    """Slices come with a frame of zeros, two pixels wide, so that a ray beyond the edge adds nothing."""
    count, rows, columns = padded.shape[0], padded.shape[1] - 4, padded.shape[2] - 4
    views, bins = found.shape[1], found.shape[2]
    middle_y, middle_x = np.float32((rows - 1) / 2), np.float32((columns - 1) / 2)
    edge_y, edge_x = np.float32(rows + 2), np.float32(columns + 2)
    one = np.float32(1)
    for task in prange(count * views):
        n, view = task // views, task % views
        cosine, sine = turns[view, 0], turns[view, 1]
        for b in range(bins):
            # s = x cos + y sin, in pixels
            s = np.float32((b - (bins - 1) / 2) * bin_mm / pixel_mm)
            total = np.float32(0)
            if abs(cosine) > abs(sine):
                x, step = (s + middle_y * sine) / cosine + middle_x, -sine / cosine
                for j in range(rows):
                    at = min(max(x + np.float32(j) * step + np.float32(2), np.float32(0)), edge_x)
                    i = int(at)
                    part = np.float32(at - i)
                    total += (one - part) * padded[n, j + 2, i] + part * padded[n, j + 2, i + 1]
                total *= pixel_mm / abs(cosine)
            else:
                y, step = (s + middle_x * cosine) / sine + middle_y, -cosine / sine
                for i in range(columns):
                    at = min(max(y + np.float32(i) * step + np.float32(2), np.float32(0)), edge_y)
                    j = int(at)
                    part = np.float32(at - j)
                    total += (one - part) * padded[n, j, i + 2] + part * padded[n, j + 1, i + 2]
                total *= pixel_mm / abs(sine)
            found[n, view, b] = total


@njit(parallel=True, nogil=True, cache=True, fastmath=True)
def _back_project(filtered: Any, bin_mm: Any, turns: Any, pixel_mm: Any, found: Any) -> None:
    count, rows, columns = found.shape
    views, bins = filtered.shape[1], filtered.shape[2]
    middle_x, middle_bin = np.float32((columns - 1) / 2), np.float32((bins - 1) / 2)
    scale, one = np.float32(pixel_mm / bin_mm), np.float32(1)
    for task in prange(count * rows):
        n, j = task // rows, task % rows
        y = np.float32(j - (rows - 1) / 2)
        line = np.zeros(columns, np.float32)
        for view in range(views):
            cosine, sine = turns[view, 0], turns[view, 1]
            step = cosine * scale
            s = (y * sine - middle_x * cosine) * scale + middle_bin
            for i in range(columns):
                place = min(max(s + np.float32(i) * step, np.float32(0)), np.float32(bins - 2))
                b = int(place)
                part = np.float32(place - b)
                line[i] += (one - part) * filtered[n, view, b] + part * filtered[n, view, b + 1]
        found[n, j] = line
