"""The X-ray tube's spectrum as a small table, and what water does to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.simulate.attenuation import CT_KEV, mu_rho_cm2_g

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
_ALUMINIUM_G_CM3, _TITANIUM_G_CM3 = 2.699, 4.54


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Energies and how much of the detector's signal each carries (sum 1)."""

    energy_kev: F64
    weight: F64

    @property
    def mean_kev(self) -> float:
        """Of the signal without an object."""
        return float(self.energy_kev @ self.weight)


def tube_spectrum(kv: float, *, aluminium_mm: float, titanium_mm: float) -> Spectrum:
    """Bremsstrahlung of a thick target behind filters, seen by a detector that sums energy; steps of 10 keV.

    Source: Kramers, Phil Mag 1923;46:836, doi 10.1080/14786442308565244: the number of photons falls as
    (E0 − E) / E. Characteristic lines, the heel and the detector's own absorption are left out.
    """
    energy = np.arange(25.0, kv, 10.0)
    filtered = mu_rho_cm2_g("aluminium", energy) * _ALUMINIUM_G_CM3 * aluminium_mm / 10
    filtered += mu_rho_cm2_g("titanium", energy) * _TITANIUM_G_CM3 * titanium_mm / 10
    # (E0 − E) / E photons, each of which signals E
    signal = (kv - energy) * np.exp(-filtered)
    return Spectrum(energy, signal / signal.sum())


def one_energy() -> Spectrum:
    """All photons at the energy that the truth's HU are about: no beam hardening."""
    return Spectrum(np.array([CT_KEV]), np.array([1.0]))


def transmitted(water_g_cm2: F32, bone_g_cm2: F32, spectrum: Spectrum) -> F32:
    """Share of the signal that is left behind so much water and cortical bone."""
    left = np.zeros(water_g_cm2.shape, np.float32)
    water = mu_rho_cm2_g("water", spectrum.energy_kev)
    bone = mu_rho_cm2_g("bone", spectrum.energy_kev)
    for weight, one_water, one_bone in zip(spectrum.weight, water, bone, strict=True):
        depth = np.float32(one_water) * water_g_cm2 + np.float32(one_bone) * bone_g_cm2
        left += np.float32(weight) * np.exp(-depth)
    return left


def water_path_mm(signal: F32, spectrum: Spectrum) -> F32:
    """Thickness of water that leaves this much signal: what a water calibration makes linear [mm].

    Signals above 1 give negative thickness, of noise in air.
    """
    thickness_mm = np.linspace(0, 1500, 3001)
    water = transmitted((thickness_mm / 10).astype(np.float32), np.zeros(3001, np.float32), spectrum)
    log_signal = -np.log(np.maximum(water.astype(np.float64), 1e-30))
    wanted = -np.log(signal)
    per_mm = log_signal[1] / thickness_mm[1]
    inside = np.interp(wanted, log_signal, thickness_mm)
    return np.asarray(np.where(wanted < 0, wanted / per_mm, inside), np.float32)
