"""Generic beams for plans of other energies than 6 MV: for ratios only, never for absolute dose.

Typical values: TPR20,10 and depth dose at 100 mm of common linacs, as in BJR Supplement 25 (flattened) and
Fogliata et al. 2012, doi 10.1118/1.4754799 (unflattened), rounded; not measured on any machine. The kernel's
parametrisation is taken at the quality with which the engine itself has that TPR20,10, from its depth dose
in water by IAEA TRS-398: 1.2661 PDD20,10 − 0.0595.
"""

from __future__ import annotations

from dataclasses import dataclass

from terasu.dose.machine import Machine, Table, default_machine


@dataclass(frozen=True)
class _Typical:
    kernel_quality: float  # the beam's TPR20,10 stands beside it
    percent_at_100_mm: float
    off_axis_at_200_mm: float


_TYPICAL = {
    (6.0, True): _Typical(0.653, 63.5, 0.62),  # 0.635
    (10.0, False): _Typical(0.739, 73.5, 1.05),  # 0.738
    (10.0, True): _Typical(0.709, 71.0, 0.45),  # 0.705
    (15.0, False): _Typical(0.761, 76.8, 1.05),  # 0.760
    (18.0, False): _Typical(0.779, 78.5, 1.05),  # 0.780
}


def generic_machine(energy_mv: float, *, fff: bool) -> Machine:
    """The built-in beam of an energy; where none is known that of 6 MV, which then refuses the plan."""
    typical = _TYPICAL.get((energy_mv, fff))
    base = default_machine()
    if typical is None:
        return base
    off_axis = base.off_axis
    if fff:
        edge = 1 - typical.off_axis_at_200_mm
        places = (0.0, 20.0, 50.0, 100.0, 150.0, 200.0)
        off_axis = Table(at=places, value=tuple(1 - edge * (place / 200) ** 1.2 for place in places))
    reference = base.reference.model_copy(update={"gy_per_mu": typical.percent_at_100_mm / 1e4})
    return base.model_copy(
        update={
            "name": f"generic {energy_mv:g} MV{' FFF' if fff else ''}",
            "energy_mv": energy_mv,
            "fff": fff,
            "tpr_20_10": typical.kernel_quality,
            "off_axis": off_axis,
            "reference": reference,
        }
    )
