"""Loops over rays and voxels of one beam's eye view, compiled.

They release the interpreter's lock, so that beams run side by side.

All lengths in mm from the isocentre; t along the beam, w across it in the transverse plane, h along
+z. IEC 61217 for a supine patient, head first: at gantry angle θ the beam runs along (−sin θ, cos θ)
in LPS (x, y) and w along (cos θ, sin θ).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@njit(nogil=True, cache=True)
def fan_depth(
    density: NDArray[Any],
    iso_kji: tuple[float, float, float],
    step_mm: tuple[float, float],
    turn: tuple[float, float],
    sad_mm: float,
    t_mm: NDArray[Any],
    fan_h_mm: NDArray[Any],
    fan_w_mm: NDArray[Any],
) -> NDArray[Any]:
    """Water-equivalent depth along rays from the source, (h, w, t) [mm].

    Args:
        density: (z, y, x) relative electron density; iso_kji: the isocentre's fractional voxel.
        step_mm: voxel size along z and in the transverse plane; turn: cosine and sine of the gantry.
        t_mm: planes; fan_h_mm, fan_w_mm: where the rays cross the isocentre plane.
    """
    slices, rows, columns = density.shape
    cosine, sine = turn
    out = np.zeros((len(fan_h_mm), len(fan_w_mm), len(t_mm)), np.float32)
    step_t = t_mm[1] - t_mm[0]
    for a in range(len(fan_h_mm)):
        for b in range(len(fan_w_mm)):
            slant = np.sqrt(1.0 + (fan_h_mm[a] ** 2 + fan_w_mm[b] ** 2) / sad_mm**2) * step_t
            total = 0.0
            for c in range(len(t_mm)):
                scale = (sad_mm + t_mm[c]) / sad_mm
                w = fan_w_mm[b] * scale
                z = fan_h_mm[a] * scale / step_mm[0] + iso_kji[0]
                y = (w * sine + t_mm[c] * cosine) / step_mm[1] + iso_kji[1]
                x = (w * cosine - t_mm[c] * sine) / step_mm[1] + iso_kji[2]
                k, j, i = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
                if k < 0 or j < 0 or i < 0 or k >= slices - 1 or j >= rows - 1 or i >= columns - 1:
                    out[a, b, c] = total
                    continue
                fz, fy, fx = z - k, y - j, x - i
                below = (density[k, j, i] * (1 - fx) + density[k, j, i + 1] * fx) * (1 - fy) + (
                    density[k, j + 1, i] * (1 - fx) + density[k, j + 1, i + 1] * fx
                ) * fy
                above = (density[k + 1, j, i] * (1 - fx) + density[k + 1, j, i + 1] * fx) * (1 - fy) + (
                    density[k + 1, j + 1, i] * (1 - fx) + density[k + 1, j + 1, i + 1] * fx
                ) * fy
                here = (below * (1 - fz) + above * fz) * slant
                out[a, b, c] = total + here / 2
                total += here
    return out


@njit(nogil=True, cache=True)
def sources(
    depth: NDArray[Any],
    fan_h: tuple[float, float],
    fan_w: tuple[float, float],
    fluence: NDArray[Any],
    sad_mm: float,
    t_mm: NDArray[Any],
    h_mm: NDArray[Any],
    w_mm: NDArray[Any],
    first: tuple[int, int],
    far_shape: tuple[int, int, int],
    coarser: int,
    depth_step_mm: float,
    coefficients: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """What every pencil puts into each term of the kernel, at every plane.

    Args:
        depth: from ``fan_depth``; fan_h, fan_w: first ray and distance of rays.
        fluence: 1 mm map, mean over a voxel's size; h_mm, w_mm: voxel centres of the beam's box.
        first: index of the box's first voxel along h and w; far_shape: (t, h, w) of the coarse view.
        coarser: edge of a coarse voxel in voxels; coefficients: (terms, depths).
    Returns:
        near (terms, t, h, w) on the box and far (terms, t, h, w), its mean over coarse voxels.
    """
    terms, last = coefficients.shape[0], coefficients.shape[1] - 1
    near = np.zeros((terms, len(t_mm), len(h_mm), len(w_mm)), np.float32)
    far = np.zeros((terms, far_shape[0], far_shape[1], far_shape[2]), np.float32)
    rays_h, rays_w = depth.shape[0], depth.shape[1]
    pixels = fluence.shape[0]
    share = 1.0 / coarser**3
    for block in range(far_shape[0]):
        for c in range(block * coarser, min((block + 1) * coarser, len(t_mm))):
            scale = (sad_mm + t_mm[c]) / sad_mm
            for a in range(len(h_mm)):
                h = h_mm[a] / scale
                row = h + pixels / 2 - 0.5
                q = min(max((h - fan_h[0]) / fan_h[1], 0.0), rays_h - 1.001)
                for b in range(len(w_mm)):
                    w = w_mm[b] / scale
                    column = w + pixels / 2 - 0.5
                    i, j = int(np.floor(row)), int(np.floor(column))
                    if i < 0 or j < 0 or i >= pixels - 1 or j >= pixels - 1:
                        continue
                    fi, fj = row - i, column - j
                    value = (fluence[i, j] * (1 - fj) + fluence[i, j + 1] * fj) * (1 - fi) + (
                        fluence[i + 1, j] * (1 - fj) + fluence[i + 1, j + 1] * fj
                    ) * fi
                    p = min(max((w - fan_w[0]) / fan_w[1], 0.0), rays_w - 1.001)
                    m, n = int(q), int(p)
                    fm, fn = q - m, p - n
                    d = (depth[m, n, c] * (1 - fn) + depth[m, n + 1, c] * fn) * (1 - fm) + (
                        depth[m + 1, n, c] * (1 - fn) + depth[m + 1, n + 1, c] * fn
                    ) * fm
                    if value <= 0 or d <= 0:
                        continue
                    value /= scale * scale
                    at = min(d / depth_step_mm, last - 0.001)
                    low = int(at)
                    fd = at - low
                    u, v = (first[0] + a) // coarser, (first[1] + b) // coarser
                    for term in range(terms):
                        part = value * (coefficients[term, low] * (1 - fd) + coefficients[term, low + 1] * fd)
                        near[term, c, a, b] = part
                        far[term, block, u, v] += part * share
    return near, far


@njit(nogil=True, cache=True)
def add_turned(
    total: NDArray[Any],
    in_beam: NDArray[Any],
    first_slice: int,
    y_mm: NDArray[Any],
    x_mm: NDArray[Any],
    turn: tuple[float, float],
    along: tuple[float, float],
    across: tuple[float, float],
) -> None:
    """Add a beam's dose (t, w, h) to the patient's (y, x, z) by linear interpolation.

    Args:
        first_slice: slice of ``total`` that ``in_beam`` begins with.
        y_mm, x_mm: the patient's voxel centres from the isocentre; along, across: first and step [mm].
    """
    planes, columns, slices = in_beam.shape
    cosine, sine = turn
    for j in range(len(y_mm)):
        for i in range(len(x_mm)):
            t = (y_mm[j] * cosine - x_mm[i] * sine - along[0]) / along[1]
            w = (x_mm[i] * cosine + y_mm[j] * sine - across[0]) / across[1]
            if t <= -1 or w <= -1 or t >= planes or w >= columns:
                continue
            m, n = int(np.floor(t)), int(np.floor(w))
            ft, fw = t - m, w - n
            for dm in range(2):
                for dn in range(2):
                    if 0 <= m + dm < planes and 0 <= n + dn < columns:
                        weight = (ft if dm else 1 - ft) * (fw if dn else 1 - fw)
                        for k in range(slices):
                            total[j, i, first_slice + k] += weight * in_beam[m + dm, n + dn, k]
