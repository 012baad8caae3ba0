"""Pencil kernels: from beam quality, integrated over voxels, split into few terms and two scales.

The kernel is K(r, d) = (A(d) e^(−a(d) r) + B(d) e^(−b(d) r)) / r (Ahnesjö et al. 1992,
doi 10.1118/1.596856), parametrised by TPR20,10 (Nyholm et al. 2006, doi 10.1016/j.radonc.2006.02.002).

At 3 or 4 mm its values at voxel centres are far from its mean over the voxel, so it is integrated.
Over depth it changes smoothly, K(r, d) ≈ Σ c_n(d) φ_n(r) with five or six terms, which turns a kernel
that differs from pencil to pencil into as many convolutions. Beyond a few centimetres it is smooth in
r as well, so its tail is convolved on coarser voxels.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from terasu.dose.machine import Machine

Array = NDArray[np.float64]
DEPTH_STEP_MM = 0.5
NEAR_MM = (20.0, 40.0)
"""Where the near part of the kernel begins to fade, and where it has ended."""
FAR_MM = 300.0
"""Where the kernel is cut off."""
_DEPTHS_MM = np.concatenate([np.arange(0, 40, 1.0), np.arange(40, 120, 4.0), np.arange(120, 601, 20.0)])


@dataclass(frozen=True, eq=False)
class KernelTerms:
    """A(d)/a(d), a(d), B(d)/b(d), b(d) at depths; lengths in cm as the parametrisation has them.

    Attributes:
        depths_mm: (n,) rising.
        a_share, a_per_cm, b_share, b_per_cm: (n,).
    """

    depths_mm: Array
    a_share: Array
    a_per_cm: Array
    b_share: Array
    b_per_cm: Array


@dataclass(frozen=True, eq=False)
class SeparableKernel:
    """K(r, d) = Σ coefficients[n, d] · (near[n] on voxels + far[n] on voxels ``coarser`` times as large).

    Attributes:
        near, far: (terms, rows, columns), odd sizes, centred, integrated over their voxels.
        coefficients: (terms, depths) at every DEPTH_STEP_MM from 0.
        coarser: edge of a far voxel in voxels.
    """

    near: NDArray[np.float32]
    far: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    coarser: int


@lru_cache
def _nyholm() -> dict[str, list[float]]:
    text = files("terasu.dose").joinpath("kernels/nyholm_2006.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def kernel_terms(machine: Machine, depths_mm: Array = _DEPTHS_MM) -> KernelTerms:
    """The machine's kernel at depths [mm of water]: Nyholm's, times the machine's depth correction."""
    p = {name: float(np.polynomial.Polynomial(c)(machine.tpr_20_10)) for name, c in _nyholm().items()}
    d = np.asarray(depths_mm, float) / 10
    a_share = p["A1"] * (1 - np.exp(p["A2"] * np.hypot(d, p["A5"]))) * np.exp(p["A3"] * d + p["A4"] * d**2)
    b_share = p["B1"] * (1 - np.exp(p["B2"] * np.hypot(d, p["B5"]))) * np.exp(p["B3"] * d + p["B4"] * d**2)
    a = p["a2"] + p["a1"] * d  # a1 and a2 as the corrigendum has them
    b = p["b1"] * (1 - np.exp(p["b2"] * np.hypot(d, p["b5"]))) * np.exp(p["b3"] * d + p["b4"] * d**2)
    factor = machine.depth_correction(depths_mm)
    return KernelTerms(np.asarray(depths_mm, float), a_share * factor, a, b_share * factor, b)


def axis_dose(machine: Machine, depths_mm: Array, *, field_mm: float, ssd_mm: float) -> Array:
    """Dose on the axis of an open square field on water, in closed form.

    For fits and tests; off-axis ratio, blur and slant of the rays are left out.

    Args:
        depths_mm: (n,) in water; field_mm: side at the isocentre plane; ssd_mm: source–surface distance.
    Returns:
        (n,) in the unit of the kernel, for unit fluence at the isocentre plane.
    """
    terms = kernel_terms(machine, np.asarray(depths_mm, float))
    scale = (ssd_mm + terms.depths_mm) / machine.sad_mm
    angles = (np.arange(360) + 0.5) * np.pi / 1440
    reach_mm = field_mm / 2 * scale[:, None] / np.cos(angles)
    return np.asarray(_within(terms, reach_mm).mean(axis=1) / scale**2)


def _within(terms: KernelTerms, reach_mm: Array) -> Array:
    """∫ K over a disc of each radius, (depths, radii): the closed form."""
    reach_cm = reach_mm / 10
    a_part = terms.a_share[:, None] * (1 - np.exp(-terms.a_per_cm[:, None] * reach_cm))
    b_part = terms.b_share[:, None] * (1 - np.exp(-terms.b_per_cm[:, None] * reach_cm))
    return np.asarray(2 * np.pi * (a_part + b_part))


def voxel_kernels(
    terms: KernelTerms, spacing_mm: tuple[float, float], *, near: bool, reach_mm: float
) -> Array:
    """∫ of the near or the far part of K over every voxel of a plane, (depths, rows, columns), odd sizes."""
    half = [int(np.ceil(reach_mm / step)) for step in spacing_mm]
    quadrant = _quadrant(terms, spacing_mm, (half[0], half[1]), near)
    if near:
        quadrant[:, 0, 0] = _centre_voxel(terms, spacing_mm)
    rows = np.concatenate([quadrant[:, :0:-1], quadrant], axis=1)
    return np.concatenate([rows[:, :, :0:-1], rows], axis=2)


def _quadrant(
    terms: KernelTerms, spacing_mm: tuple[float, float], half: tuple[int, int], near: bool
) -> Array:
    """Midpoint rule with 5 × 5 points a voxel; its error is below 0.1 % outside of the centre voxel."""
    parts = (np.arange(5) - 2) / 5
    y, x = (
        ((np.arange(n + 1)[:, None] + parts[None, :]) * s).ravel()
        for n, s in zip(half, spacing_mm, strict=True)
    )
    r_mm = np.maximum(np.hypot(y[:, None], x[None, :]), 1e-3)
    window = _near_window(r_mm) if near else 1 - _near_window(r_mm)
    weight = window / (r_mm / 10) * spacing_mm[0] * spacing_mm[1] / 100
    kernels = np.empty((len(terms.depths_mm), half[0] + 1, half[1] + 1))
    for n in range(len(terms.depths_mm)):
        a, b = terms.a_per_cm[n], terms.b_per_cm[n]
        values = terms.a_share[n] * a * np.exp(-a / 10 * r_mm) + terms.b_share[n] * b * np.exp(-b / 10 * r_mm)
        kernels[n] = (values * weight).reshape(half[0] + 1, 5, half[1] + 1, 5).mean(axis=(1, 3))
    return kernels


def _near_window(r_mm: Array) -> Array:
    start, end = NEAR_MM
    along = np.clip((r_mm - start) / (end - start), 0, 1)
    return np.asarray(np.cos(along * np.pi / 2) ** 2)


def _centre_voxel(terms: KernelTerms, spacing_mm: tuple[float, float]) -> Array:
    """The voxel that holds the pole of 1/r, by sectors."""
    angles = (np.arange(720) + 0.5) * np.pi / 1440
    reach = np.minimum(spacing_mm[0] / 2 / np.sin(angles), spacing_mm[1] / 2 / np.cos(angles))
    return np.asarray(_within(terms, reach[None, :]).mean(axis=1))


@lru_cache(maxsize=8)
def kernel_on(machine: Machine, rows_mm: float, columns_mm: float) -> SeparableKernel:
    """The machine's kernel for voxels of this size across the beam."""
    terms = kernel_terms(machine)
    coarser = max(2, round(10 / columns_mm))
    near = voxel_kernels(terms, (rows_mm, columns_mm), near=True, reach_mm=NEAR_MM[1])
    far = voxel_kernels(terms, (rows_mm * coarser, columns_mm * coarser), near=False, reach_mm=FAR_MM)
    weights = _depth_terms(near, far)
    inverse = np.linalg.pinv(weights)
    fine_mm = np.arange(0.0, _DEPTHS_MM[-1] + DEPTH_STEP_MM / 2, DEPTH_STEP_MM)
    coefficients = np.stack([np.interp(fine_mm, _DEPTHS_MM, column) for column in weights.T])
    planes = [np.tensordot(inverse, part, axes=1).astype(np.float32) for part in (near, far)]
    return SeparableKernel(planes[0], planes[1], coefficients.astype(np.float32), coarser)


def _depth_terms(near: Array, far: Array, *, tolerance: float = 5e-4) -> Array:
    """The fewest functions of depth that give every kernel to ``tolerance`` of the largest integral.

    Principal components over depth, (depths, terms).
    """
    flat = np.concatenate([near.reshape(len(near), -1), far.reshape(len(far), -1)], axis=1)
    strength, vectors = np.linalg.eigh(flat @ flat.T)
    vectors = vectors[:, np.argsort(strength)[::-1]]
    largest = flat.sum(axis=1).max()
    for terms in range(1, len(vectors)):
        left = vectors[:, :terms]
        wrong = np.abs(flat - left @ (left.T @ flat)).sum(axis=1)
        if (wrong <= tolerance * largest).all():
            return left
    return vectors
