"""How much a beam is attenuated: tables of water and bone, and HU turned into either.

Source: NIST Standard Reference Database 126 (Hubbell and Seltzer), mass attenuation coefficients of liquid
water, cortical bone (ICRU-44), aluminium and titanium; physics.nist.gov/PhysRefData/XrayMassCoef.
Between the energies of the tables: straight lines in log–log.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
Material = Literal["water", "bone", "aluminium", "titanium"]

_ENERGIES_KEV = (20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
_MU_RHO_CM2_G: dict[Material, tuple[float, ...]] = {
    "water": (0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505),
    "bone": (4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480),
    "aluminium": (3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378),
    "titanium": (15.85, 4.972, 2.214, 1.213, 0.7661, 0.4052, 0.2721, 0.1649),
}
WATER_1_MEV_PER_MM = 0.007072
"""Linear attenuation of water at 1 MeV, 0.07072 cm²/g of the same tables. Cortical bone (ICRU-44): 0.06566
cm²/g, so 1.92 g/cm³ of it read 1.92 × 0.06566 / 0.07072 = 1.783 of water: 783 HU."""

# Relative electron density by HU at 120 kV: ICRU 44/46 compositions, stoichiometric HU (Schneider 1996, doi
# 10.1088/0031-9155/41/1/009, parametrised as in Schneider 2000, doi 10.1088/0031-9155/45/2/314). The same
# points as the dose part's generic table; tests/simulate/test_mvct.py holds the two together.
_HU = (-1000.0, -741.3, -502.5, -76.6, 0.0, 42.6, 102.1, 287.2, 553.6, 998.5, 1524.2, 3071.0)
_ELECTRONS = (0.001, 0.258, 0.496, 0.951, 1.0, 1.040, 1.083, 1.150, 1.278, 1.517, 1.781, 2.558)

CT_KEV = 70.0
"""Effective energy of the CT whose HU are the truth; ours, for 120 kV."""
_SOFT_HU, _BONE_G_CM3 = 100.0, 1.92


def mu_rho_cm2_g(material: Material, energy_kev: Any) -> F64:
    """Mass attenuation coefficient [cm²/g] at 20 to 150 keV."""
    log_mu = np.interp(np.log(energy_kev), np.log(_ENERGIES_KEV), np.log(_MU_RHO_CM2_G[material]))
    return np.asarray(np.exp(log_mu), np.float64)


def electron_density_of(hu: NDArray[Any]) -> F32:
    """Electron density relative to water of kV HU; beyond the table its first and last value."""
    return np.asarray(np.interp(hu, _HU, _ELECTRONS), np.float32)


def mvct_hu_of(hu: NDArray[Any]) -> F32:
    """HU that a noise-free 1 MeV beam reads where a CT of 120 kV reads ``hu``; water stays 0, air −999.

    At 1 MeV nearly all attenuation is Compton scatter, so it follows electron density: per electron, bone and
    water differ by 0.1 % in the tables above.
    """
    return np.asarray(1000 * (electron_density_of(hu) - np.float32(1.0)), np.float32)


def water_and_bone(hu: NDArray[Any]) -> tuple[F32, F32]:
    """Densities [g/cm³] of water and cortical bone that together attenuate as ``hu`` at ``CT_KEV``.

    Water alone up to 100 HU; from there bone takes over linearly, and alone above that bone's own HU.
    """
    ratio = float(mu_rho_cm2_g("bone", CT_KEV) / mu_rho_cm2_g("water", CT_KEV))
    attenuation = np.maximum(0, 1 + np.asarray(hu, np.float32) / 1000)
    soft, hard = 1 + _SOFT_HU / 1000, _BONE_G_CM3 * ratio
    share = np.clip((attenuation - soft) / (hard - soft), 0, 1)
    bone = share * np.maximum(attenuation, hard) / ratio
    return np.asarray(attenuation - bone * ratio, np.float32), np.asarray(bone, np.float32)
