"""Fit a machine model to a clinic's own beam: quality, depth doses, output factors, profile, Gy per MU.

The model is fitted in closed form (``kernel.axis_dose``), in this order: kernel quality by the fall of
the reference field's depth dose; a smooth correction of the kernel by what is left; head scatter as the
output that the kernel's own phantom scatter does not explain; off-axis ratio from the profile.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from terasu.dose.beam_data import BeamData, DepthDose
from terasu.dose.kernel import axis_dose
from terasu.dose.machine import Machine, Provenance, Reference, Table, machine_of
from terasu.errors import InputError

Array = NDArray[np.float64]
_QUALITIES = (0.60, 0.82)
_FALL_MM = (30.0, 300.0)
_LARGEST_CORRECTION = 0.10
_PENUMBRA_PER_MM = 0.015
_NODES_MM = (0.0, 2.0, 5.0, 8.0, 12.0, 16.0, 20.0, 30.0, 50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0)


def commission(
    data: BeamData, start: Machine, *, name: str, reference: Reference, made_on: str, source: str
) -> Machine:
    """A machine fitted to measurements.

    Args:
        data: from ``beam_data.read_beam_data``.
        start: what is not fitted (leaf transmission and gap, source size, energy) is taken from here.
        name: of the new machine; made_on: date; source: who measured, for provenance.
        reference: where Gy per MU is known; its field needs a depth dose.
    Returns:
        A machine marked as commissioned, residuals of the fit in its provenance.
    Raises:
        InputError: the reference field has no depth dose, or the data cannot be of a photon beam.
        PolicyError: a reference that no machine can have.
    """
    curve = _reference_curve(data, reference)
    bare = start.model_copy(
        update={"depth_correction": Table(at=(0.0,), value=(1.0,)), "reference": reference}
    )
    fitted = bare.model_copy(update={"tpr_20_10": _fit_quality(curve, bare)})
    fitted = fitted.model_copy(update={"depth_correction": _fit_depth_correction(curve, fitted)})
    fitted = fitted.model_copy(update={"head_scatter": _fit_head_scatter(data, fitted)})
    if len(data.off_axis_mm):
        fitted = fitted.model_copy(update={"off_axis": _fit_off_axis(data)})
    provenance = Provenance(
        source=source,
        made_on=made_on,
        made_by="terasu commission",
        files=data.files,
        residuals_percent=residuals_percent(data, fitted),
    )
    update = {"name": name, "commissioned": True, "provenance": provenance}
    return machine_of(fitted.model_copy(update=update).model_dump(), name)


def _reference_curve(data: BeamData, reference: Reference) -> DepthDose:
    for curve in data.depth_doses:
        reaches = curve.depth_mm[0] <= 100 and curve.depth_mm[-1] >= 200
        if abs(curve.field_mm - reference.field_mm) < 0.5 and reaches:
            return curve
    raise InputError(
        "The reference field has no depth dose that can be fitted.",
        got=", ".join(f"{c.field_mm:g} mm to {c.depth_mm[-1]:g} mm" for c in data.depth_doses),
        expected=f"a depth dose of the {reference.field_mm:g} mm field from 100 mm or less to 200 mm or more",
        todo="Measure it, or check that sides and depths are in mm.",
    )


def modelled_percent(curve: DepthDose, machine: Machine) -> Array:
    """The machine's depth dose at the curve's depths, scaled to the curve's value at 100 mm.

    A field's side is stated at the surface for SSD 1000 mm and at the isocentre in general; both are
    the same there, and the isocentre's is meant otherwise.
    """
    dose = axis_dose(machine, np.append(curve.depth_mm, 100.0), field_mm=curve.field_mm, ssd_mm=curve.ssd_mm)
    return np.asarray(dose[:-1] / dose[-1] * np.interp(100.0, curve.depth_mm, curve.dose_percent))


def _fit_quality(curve: DepthDose, machine: Machine) -> float:
    """Kernel quality whose fall beyond the build-up is nearest to the measured one."""
    use = (curve.depth_mm >= _FALL_MM[0]) & (curve.depth_mm <= _FALL_MM[1])

    def misfit(quality: float) -> float:
        tried = machine.model_copy(update={"tpr_20_10": quality})
        ratio = modelled_percent(curve, tried)[use] / curve.dose_percent[use]
        return float(np.sum((ratio - 1) ** 2))

    best = minimize_scalar(misfit, bounds=_QUALITIES, method="bounded", options={"xatol": 1e-4})
    quality = float(best.x)
    if min(quality - _QUALITIES[0], _QUALITIES[1] - quality) < 1e-3:
        raise InputError(
            "No photon kernel has the fall of this depth dose.",
            got=f"quality {quality:.3f} at the end of the range",
            expected=f"TPR20,10 between {_QUALITIES[0]} and {_QUALITIES[1]}",
            todo="Check field size, SSD and depths (mm, not cm).",
        )
    return round(quality, 4)


def _fit_depth_correction(curve: DepthDose, machine: Machine) -> Table:
    """What is left of the reference field's depth dose, at a few depths within the measured ones."""
    ratio = curve.dose_percent / modelled_percent(curve, machine)
    nodes = [d for d in _NODES_MM if curve.depth_mm[0] <= d <= curve.depth_mm[-1]]
    at = np.interp(nodes, curve.depth_mm, ratio)
    beyond = at[np.asarray(nodes) >= _FALL_MM[0]]
    if np.abs(beyond - 1).max() > _LARGEST_CORRECTION:
        raise InputError(
            "No photon kernel has the shape of this depth dose.",
            got=f"{100 * np.abs(beyond - 1).max():.0f} % from the nearest kernel's",
            expected=f"at most {100 * _LARGEST_CORRECTION:.0f} % from {_FALL_MM[0]:g} mm on",
            todo="Check field size, SSD and depths (mm, not cm), and that the curve is dose, not ionisation.",
        )
    return Table(at=tuple(nodes), value=tuple(round(float(v), 4) for v in at))


def phantom_scatter(machine: Machine, field_mm: Array) -> Array:
    """Output that the kernel alone gives a field, 1 at the reference field, at the reference point."""
    reference = machine.reference
    sides = [reference.field_mm, *np.atleast_1d(field_mm)]
    depth = np.array([reference.depth_mm])
    dose = [axis_dose(machine, depth, field_mm=float(s), ssd_mm=reference.ssd_mm)[0] for s in sides]
    return np.asarray(np.asarray(dose[1:]) / dose[0], float)


def _fit_head_scatter(data: BeamData, machine: Machine) -> Table:
    sides, side = data.output_field_mm, machine.reference.field_mm
    if not sides[0] <= side <= sides[-1]:
        raise InputError(
            "The output factors do not hold the reference field.",
            got=f"fields from {sides[0]:g} to {sides[-1]:g} mm",
            expected=f"the {side:g} mm field among them",
            todo="Give sides in mm, the reference field included.",
        )
    factor = data.output_factor / np.interp(
        machine.reference.field_mm, data.output_field_mm, data.output_factor
    )
    ratio = factor / phantom_scatter(machine, data.output_field_mm)
    if (ratio < 0.5).any() or (ratio > 1.5).any():
        raise InputError(
            "The output factors cannot be those of open fields at the reference point.",
            got=f"head scatter {ratio.round(2).tolist()}",
            expected="between 0.5 and 1.5",
            todo="Give total output at the reference depth, relative to the reference field.",
        )
    return Table(
        at=tuple(float(v) for v in data.output_field_mm), value=tuple(round(float(v), 4) for v in ratio)
    )


def _fit_off_axis(data: BeamData) -> Table:
    """The profile within the field as it stands: scatter is flat there to about one per cent.

    The field ends where the profile falls faster than any unflattened beam does (0.7 % a mm at most).
    """
    at, value = data.off_axis_mm, np.maximum(data.off_axis_ratio, 1e-3)
    falls = -np.diff(np.log(value)) / np.diff(at) > _PENUMBRA_PER_MM
    inside = slice(0, int(np.argmax(falls)) + 1 if falls.any() else len(at))
    return Table(
        at=tuple(float(v) for v in at[inside]),
        value=tuple(round(float(v), 4) for v in value[inside] / value[0]),
    )


def residuals_percent(data: BeamData, machine: Machine) -> dict[str, float]:
    """Largest difference of model and measurement from 20 mm on, in per cent of the dose at 100 mm."""
    out = {}
    for curve in data.depth_doses:
        use = curve.depth_mm >= 20
        if use.any():
            apart = np.abs(modelled_percent(curve, machine) - curve.dose_percent)[use].max()
            here = float(np.interp(100.0, curve.depth_mm, curve.dose_percent))
            out[f"{curve.field_mm:g} mm field"] = round(100 * float(apart) / here, 2)
    return out
