"""Shape of a region, and how its values lie in it (IBSI section 3.1), under their IBSI codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.spatial import ConvexHull

from terasu.errors import InputError
from terasu.radiomics.mesh import farthest_apart, outermost_points, surface

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Features = dict[str, float]
Spacing = tuple[float, float, float]
_LEGENDRE = 20


def morphology_features(
    region: Mask, spacing_zyx_mm: Spacing, values: Array, inside: Mask | None = None
) -> Features:
    """Twenty-five features, ``morph_…``: lengths in mm, areas in mm², volumes in mm³.

    Args:
        region: (z, y, x) the region as drawn.
        spacing_zyx_mm: voxel size.
        values: (z, y, x) image.
        inside: the region after voxels were taken out by their value; ``region`` if None.
    Raises:
        InputError: no voxel in the region.
    Source: IBSI reference manual, arXiv 1612.07003, section 3.1
    """
    inside = region if inside is None else inside
    if region.ndim != 3 or not region.any() or not inside.any():
        raise InputError(
            "There is no shape without voxels.",
            got=f"shape {region.shape}, {np.count_nonzero(region)} voxels",
            expected="a region of at least one voxel in a volume (z, y, x)",
            todo="Check the contour, and the range of values that the region was limited to.",
        )
    spacing = np.asarray(spacing_zyx_mm, np.float64)
    volume, area = surface(region, spacing)
    vertices = outermost_points(region) * spacing / 2
    found = _roundness(volume, area) | {"vol_approx": float(np.count_nonzero(region) * spacing.prod())}
    places = np.argwhere(region) * spacing
    found |= _axes(places, volume, area) | _hulls(vertices, volume, area)
    weighted, seen = np.argwhere(inside) * spacing, values[inside].astype(np.float64)
    middle = (weighted * seen[:, None]).sum(axis=0) / seen.sum() if seen.sum() else np.full(3, np.nan)
    found["com"] = float(np.linalg.norm(places.mean(axis=0) - middle))
    found["integ_int"] = float(seen.mean()) * volume
    found["moran_i"], found["geary_c"] = _autocorrelation(values, inside, spacing)
    return {f"morph_{name}": value for name, value in found.items()}


def _roundness(volume: float, area: float) -> Features:
    ball = (36 * np.pi * volume**2) ** (1 / 3)  # area of the ball of this volume
    return {
        "volume": volume,
        "area_mesh": area,
        "av": area / volume,
        "comp_1": volume / (np.sqrt(np.pi) * area**1.5),
        "comp_2": 36 * np.pi * volume**2 / area**3,
        "sph_dispr": area / ball,
        "sphericity": ball / area,
        "asphericity": area / ball - 1,
    }


def _axes(places: Array, volume: float, area: float) -> Features:
    """Principal axes of the voxel centres, and the ellipsoid that has them."""
    spread = np.linalg.eigvalsh(np.cov(places, rowvar=False)) if len(places) > 1 else np.zeros(3)
    least, minor, major = (float(one) for one in np.sqrt(np.maximum(spread, 0)))
    found = {"pca_maj_axis": 4 * major, "pca_min_axis": 4 * minor, "pca_least_axis": 4 * least}
    found["pca_elongation"] = minor / major if major else float("nan")
    found["pca_flatness"] = least / major if major else float("nan")
    ellipsoid = 4 / 3 * np.pi * 8 * major * minor * least
    found["vol_dens_aee"] = volume / ellipsoid if ellipsoid else float("nan")
    found["area_dens_aee"] = (
        area / _ellipsoid_area(2 * major, 2 * minor, 2 * least) if least else float("nan")
    )
    return found


def _ellipsoid_area(a: float, b: float, c: float) -> float:
    """Area of an ellipsoid with half axes a ≥ b ≥ c > 0, by Legendre polynomials."""
    alpha, beta = np.sqrt(1 - (b / a) ** 2), np.sqrt(1 - (c / a) ** 2)
    if alpha * beta == 0:
        x, total = 1.0, 1.0
    else:
        x = (alpha**2 + beta**2) / (2 * alpha * beta)
        n = np.arange(_LEGENDRE + 1)
        terms = (alpha * beta) ** n / (1 - 4.0 * n**2)
        total = float(sum(np.polynomial.Legendre.basis(int(k))(x) * terms[k] for k in n))
    return float(4 * np.pi * a * b * total)


def _hulls(vertices: Array, volume: float, area: float) -> Features:
    hull = ConvexHull(vertices)
    outer = vertices[hull.vertices]
    x, y, z = (float(size) for size in np.ptp(vertices, axis=0))
    return {
        "diam": farthest_apart(outer),
        "vol_dens_aabb": volume / (x * y * z),
        "area_dens_aabb": area / (2 * (x * y + y * z + z * x)),
        "vol_dens_conv_hull": volume / float(hull.volume),
        "area_dens_conv_hull": area / float(hull.area),
    }


def _autocorrelation(values: Array, inside: Mask, spacing: Array) -> tuple[float, float]:
    """Moran's I and Geary's C with weights 1 / distance.

    The sum over all pairs is a convolution with the weights, which makes millions of pairs affordable.
    """
    n = int(np.count_nonzero(inside))
    seen = values[inside].astype(np.float64)
    deviation = float(np.square(seen - seen.mean()).sum())
    if n < 2 or deviation == 0:
        return float("nan"), float("nan")
    box = tuple(slice(int(ends.min()), int(ends.max()) + 1) for ends in np.nonzero(inside))
    mask = inside[box].astype(np.float64)
    shifted = np.where(inside[box], values[box] - seen.mean(), 0.0)
    reach = [np.arange(1 - size, size) * step for size, step in zip(mask.shape, spacing, strict=True)]
    away = np.sqrt(sum(np.square(one) for one in np.meshgrid(*reach, indexing="ij")))
    weights = np.divide(1.0, away, out=np.zeros_like(away), where=away > 0)
    cut = tuple(slice(size - 1, 2 * size - 1) for size in mask.shape)
    near, paired = (signal.fftconvolve(one, weights)[cut] for one in (mask, shifted))
    total = float((near * mask).sum())
    product = float((paired * shifted).sum())
    squares = float((near * np.square(shifted)).sum())
    moran = n / total * product / deviation
    geary = (n - 1) / (2 * total) * (2 * squares - 2 * product) / deviation
    return float(moran), float(geary)
