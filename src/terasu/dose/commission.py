"""Fit a machine model to a clinic's own beam: quality, depth doses, output factors, profile, Gy per MU.

The clinic gives CSV files of an open beam on water:

* depth doses: ``field_mm, ssd_mm, depth_mm, dose_percent`` (any normalisation, one for each field);
* output factors: ``field_mm, factor`` at the reference depth and SSD, 1 at the reference field;
* profile, optional: ``off_axis_mm, ratio`` across the largest field at ``depth_mm``, 1 on the axis.

The model is fitted in closed form (``kernel.axis_dose``), in this order: kernel quality by the fall of
the reference field's depth dose; a smooth correction of the kernel by what is left; head scatter as the
output that the kernel's own phantom scatter does not explain; off-axis ratio from the profile.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from terasu.dose.kernel import axis_dose
from terasu.dose.machine import Machine, Provenance, Reference, Table
from terasu.errors import InputError

Array = NDArray[np.float64]
_QUALITIES = (0.60, 0.82)
_FALL_MM = (30.0, 300.0)
_NODES_MM = (0.0, 2.0, 5.0, 8.0, 12.0, 16.0, 20.0, 30.0, 50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0)


@dataclass(frozen=True, eq=False)
class DepthDose:
    """A measured depth dose: depth [mm] → per cent of some value of its own."""

    field_mm: float
    ssd_mm: float
    depth_mm: Array
    dose_percent: Array


@dataclass(frozen=True, eq=False)
class BeamData:
    """What a clinic measured.

    Attributes:
        depth_doses: at least that of the reference field.
        output_field_mm, output_factor: rising sides; total output, 1 at the reference field.
        off_axis_mm, off_axis_ratio: empty if no profile was given.
        files: name → SHA-256 of what was read.
    """

    depth_doses: tuple[DepthDose, ...]
    output_field_mm: Array
    output_factor: Array
    off_axis_mm: Array
    off_axis_ratio: Array
    files: dict[str, str]


def read_beam_data(
    depth_doses: Path | str, output_factors: Path | str, profile: Path | str | None = None
) -> BeamData:
    """The clinic's CSV files; the columns are those of this module's docstring.

    Raises:
        InputError: a file or a column is missing, or a value is not a number.
    """
    rows = _read(depth_doses, ("field_mm", "ssd_mm", "depth_mm", "dose_percent"))
    curves = tuple(
        _curve(rows[(rows[:, 0] == field) & (rows[:, 1] == ssd)])
        for field, ssd in dict.fromkeys((float(row[0]), float(row[1])) for row in rows)
    )
    outputs = _rising(_read(output_factors, ("field_mm", "factor")))
    across = _rising(_read(profile, ("off_axis_mm", "ratio"))) if profile else np.empty((0, 2))
    paths = [Path(p) for p in (depth_doses, output_factors, profile) if p]
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    return BeamData(curves, outputs[:, 0], outputs[:, 1], across[:, 0], across[:, 1], files)


def _read(path: Path | str, columns: tuple[str, ...]) -> Array:
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(line for line in file if line.strip() and not line.startswith("#")))
        values = np.array([[float(row[name]) for name in columns] for row in rows])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(
            "The beam data cannot be read.",
            got=f"{path.name}: {type(problem).__name__} {problem}",
            expected=f"CSV with the columns {', '.join(columns)}, numbers with a decimal point",
        ) from problem
    if not len(values) or not np.isfinite(values).all():
        raise InputError(
            "The beam data hold no numbers.",
            got=f"{path.name}: {len(values)} rows",
            expected=", ".join(columns),
        )
    return values


def _rising(rows: Array) -> Array:
    return np.asarray(rows[np.unique(rows[:, 0], return_index=True)[1]])


def _curve(rows: Array) -> DepthDose:
    sorted_rows = rows[np.unique(rows[:, 2], return_index=True)[1]]
    return DepthDose(float(rows[0, 0]), float(rows[0, 1]), sorted_rows[:, 2], sorted_rows[:, 3])


def commission(
    data: BeamData, start: Machine, *, name: str, reference: Reference, made_on: str, source: str
) -> Machine:
    """A machine fitted to measurements.

    Args:
        data: from ``read_beam_data``.
        start: what is not fitted (leaf transmission and gap, source size, energy) is taken from here.
        name: of the new machine; made_on: date; source: who measured, for provenance.
        reference: where Gy per MU is known; its field needs a depth dose.
    Returns:
        A machine marked as commissioned, residuals of the fit in its provenance.
    Raises:
        InputError: the reference field has no depth dose, or the data cannot be of a photon beam.
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
    return Machine.model_validate(fitted.model_copy(update=update).model_dump())


def _reference_curve(data: BeamData, reference: Reference) -> DepthDose:
    for curve in data.depth_doses:
        reaches = curve.depth_mm[0] <= 100 and curve.depth_mm[-1] >= 200
        if abs(curve.field_mm - reference.field_mm) < 0.5 and reaches:
            return curve
    raise InputError(
        "The reference field has no depth dose that can be fitted.",
        got=", ".join(f"{c.field_mm:g} mm to {c.depth_mm[-1]:g} mm" for c in data.depth_doses),
        expected=f"a depth dose of the {reference.field_mm:g} mm field from 100 mm or less to 200 mm or more",
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
    return Table(at=tuple(nodes), value=tuple(round(float(v), 4) for v in at))


def phantom_scatter(machine: Machine, field_mm: Array) -> Array:
    """Output that the kernel alone gives a field, 1 at the reference field, at the reference point."""
    reference = machine.reference
    sides = [reference.field_mm, *np.atleast_1d(field_mm)]
    depth = np.array([reference.depth_mm])
    dose = [axis_dose(machine, depth, field_mm=float(s), ssd_mm=reference.ssd_mm)[0] for s in sides]
    return np.asarray(np.asarray(dose[1:]) / dose[0], float)


def _fit_head_scatter(data: BeamData, machine: Machine) -> Table:
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
    """The profile within the field as it stands: scatter is flat there to about one per cent."""
    inside = (data.off_axis_mm >= 0) & (data.off_axis_ratio > 0.9)
    at, value = data.off_axis_mm[inside], data.off_axis_ratio[inside]
    return Table(at=tuple(float(v) for v in at), value=tuple(round(float(v), 4) for v in value / value[0]))


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
