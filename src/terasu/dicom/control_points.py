"""The control points of one beam, each complete: what it does not repeat holds from the one before.

Source: DICOM PS3.3 section C.8.8.14.5: all attributes stand in control point 0, later ones only where
they change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from terasu.dicom import elements
from terasu.dicom.plan_refusals import unsupported
from terasu.errors import DicomError

Array = NDArray[np.float64]

WIDEST_MM = 200.0
"""Half of the widest field of a linear accelerator, 40 cm at the isocentre."""
COARSEST_DEG = 30.0
"""An arc in larger steps than this (a conformal arc of two control points) is divided, and that noted."""
FINEST_DEG = 5.0
"""… into steps of at most this."""


@dataclass(frozen=True, eq=False)
class ControlPoints:
    """Arrays with one row a control point; see ``patient.delivery.Beam`` for shapes and units."""

    meterset_fraction: Array
    gantry_deg: Array
    collimator_deg: Array
    couch_deg: Array
    isocentre_lps_mm: Array
    jaws_x_mm: Array
    jaws_y_mm: Array
    leaves_mm: Array


@dataclass(frozen=True, eq=False)
class LeafBank:
    """The multileaf collimator of a beam; no pairs where it has none."""

    device: str
    axis: Literal["x", "y"]
    boundaries_mm: Array

    @property
    def pairs(self) -> int:
        """Number of leaf pairs."""
        return max(0, len(self.boundaries_mm) - 1)


def read_leaf_bank(beam: Dataset, title: str) -> LeafBank:
    """The multileaf collimator that the beam describes.

    Raises:
        UnsupportedPlanError: several, or of another kind than MLCX or MLCY.
        DicomError: boundaries that do not fit.
    """
    devices = elements.items(beam, "BeamLimitingDeviceSequence")
    leaved = [one for one in devices if _kind(one).startswith("MLC")]
    if not leaved:
        return LeafBank("", "x", np.empty(0))
    kinds = [_kind(one) for one in leaved]
    if kinds not in (["MLCX"], ["MLCY"]):
        raise unsupported(
            f"{title} has a multileaf collimator of a kind that is not supported.",
            got=", ".join(kinds)[:64],
            expected="one MLCX or one MLCY",
        )
    boundaries = elements.numbers(leaved[0], "LeafPositionBoundaries")
    pairs = elements.whole_number(leaved[0], "NumberOfLeafJawPairs")
    if len(boundaries) < 2 or len(boundaries) - 1 != pairs or not (np.diff(boundaries) > 0).all():
        raise _damaged(
            f"{title}: the leaf position boundaries do not fit.",
            got=f"{len(boundaries)} boundaries for {pairs} leaf pairs",
            expected="one more than pairs, rising",
        )
    return LeafBank(kinds[0], "x" if kinds[0] == "MLCX" else "y", boundaries)


def read_control_points(
    beam: Dataset, points: list[Dataset], bank: LeafBank, title: str
) -> tuple[ControlPoints, list[str]]:
    """Every control point of a beam, complete.

    Returns:
        The control points, and notes on what had to be assumed.
    Raises:
        DicomError: something needed is missing, or contradicts itself.
    """
    notes: list[str] = []
    positions = _positions(points)
    leaves = _leaves(positions, bank, len(points), title)
    couch = _carried(points, "PatientSupportAngle", 1, title, otherwise=0.0)[:, 0]
    read = ControlPoints(
        meterset_fraction=_meterset_fraction(beam, points, title, notes),
        gantry_deg=_carried(points, "GantryAngle", 1, title)[:, 0],
        collimator_deg=_carried(points, "BeamLimitingDeviceAngle", 1, title)[:, 0],
        couch_deg=couch,
        isocentre_lps_mm=_carried(points, "IsocenterPosition", 3, title),
        jaws_x_mm=_jaws(positions, "X", len(points), title, notes),
        jaws_y_mm=_jaws(positions, "Y", len(points), title, notes),
        leaves_mm=leaves,
    )
    return _divided(read, _rotation(points), title, notes), notes


def _kind(item: Dataset) -> str:
    return elements.text(item, "RTBeamLimitingDeviceType").upper()


def _damaged(what: str, *, got: str, expected: str) -> DicomError:
    return DicomError(what, got=got, expected=expected, todo="Export the plan again.")


def _carried(
    points: list[Dataset], keyword: str, width: int, title: str, otherwise: float | None = None
) -> Array:
    """(n, width): the values of an attribute, each carried forward until it changes."""
    stated = [elements.numbers(point, keyword) for point in points]
    if otherwise is not None and not stated[0].size:
        stated[0] = np.full(width, otherwise)
    return _forward([one if one.size else None for one in stated], width, keyword, title)


def _forward(stated: Sequence[Array | None], width: int, what: str, title: str) -> Array:
    rows: list[Array] = []
    for index, value in enumerate(stated):
        if value is None and not rows:
            raise _damaged(
                f"{title} does not state {what} in its first control point.",
                got="nothing to carry forward",
                expected=f"{what} in control point 0",
            )
        if value is not None and (value.size != width or not np.isfinite(value).all()):
            raise _damaged(
                f"{title}: {what} of control point {index} is damaged.",
                got=f"{value.size} values, {int(np.isnan(value).sum())} of them no number",
                expected=f"{width} finite number(s)",
            )
        rows.append(rows[-1] if value is None else value)
    return np.array(rows, dtype=np.float64).reshape(len(stated), width)


def _positions(points: list[Dataset]) -> dict[str, list[Array | None]]:
    """Device type → its positions at each control point, None where it is not repeated."""
    found: dict[str, list[Array | None]] = {}
    for index, point in enumerate(points):
        for item in elements.items(point, "BeamLimitingDevicePositionSequence"):
            row = found.setdefault(_kind(item), [None] * len(points))
            row[index] = elements.numbers(item, "LeafJawPositions")
    return found


def _jaws(
    positions: dict[str, list[Array | None]], axis: str, count: int, title: str, notes: list[str]
) -> Array:
    """(n, 2) [mm]; a pair of jaws that the machine does not have leaves the field as wide as can be."""
    stated = positions.get(f"ASYM{axis}") or positions.get(axis)
    if stated is None:
        notes.append(f"{title} has no {axis} jaws; its field is taken as {2 * WIDEST_MM:g} mm wide there.")
        return np.tile([-WIDEST_MM, WIDEST_MM], (count, 1))
    jaws = _forward(stated, 2, f"{axis} jaw positions", title)
    if (jaws[:, 0] > jaws[:, 1] + 1e-6).any():
        raise _damaged(
            f"{title}: the {axis} jaws overlap.",
            got=f"{jaws[jaws[:, 0] > jaws[:, 1]][0]} mm",
            expected="the first jaw below the second",
        )
    return jaws


def _leaves(positions: dict[str, list[Array | None]], bank: LeafBank, count: int, title: str) -> Array:
    """(n, 2, pairs) [mm]."""
    stray = [kind for kind in positions if kind.startswith("MLC") and kind != bank.device]
    if stray:
        raise _damaged(
            f"{title} states positions of a multileaf collimator that it does not describe.",
            got=", ".join(stray)[:64],
            expected=bank.device or "a description in the Beam Limiting Device Sequence",
        )
    if not bank.pairs:
        return np.empty((count, 2, 0))
    stated = positions.get(bank.device, [None] * count)
    flat = _forward(stated, 2 * bank.pairs, "leaf positions", title)
    leaves = flat.reshape(count, 2, bank.pairs)
    if (leaves[:, 0] > leaves[:, 1] + 1.0).any():
        raise _damaged(
            f"{title}: opposite leaves overlap by more than 1 mm.",
            got=f"{(leaves[:, 0] - leaves[:, 1]).max():.1f} mm",
            expected="bank 0 below bank 1",
        )
    return leaves


def _meterset_fraction(beam: Dataset, points: list[Dataset], title: str, notes: list[str]) -> Array:
    weights = _carried(points, "CumulativeMetersetWeight", 1, title)[:, 0]
    final = elements.number(beam, "FinalCumulativeMetersetWeight")
    if final is None:
        final = float(weights[-1])
        notes.append(f"{title} states no final cumulative meterset weight; its last one is taken.")
    if final <= 0 or (np.diff(weights) < -1e-6 * final).any() or weights[0] < 0:
        raise _damaged(
            f"{title}: the cumulative meterset weight falls, or ends at zero.",
            got=f"from {weights[0]:g} to {weights[-1]:g} of {final:g}",
            expected="rising from 0 to its final value",
        )
    if not math.isclose(weights[-1], final, rel_tol=1e-3) or weights[0] > 1e-3 * final:
        raise _damaged(
            f"{title}: the control points do not account for the whole meterset.",
            got=f"from {weights[0]:g} to {weights[-1]:g} of {final:g}",
            expected="from 0 to its final value",
        )
    return np.asarray(np.maximum.accumulate(weights) / final)


def _rotation(points: list[Dataset]) -> list[str]:
    """Gantry rotation direction that holds from each control point on."""
    now, directions = "NONE", []
    for point in points:
        now = elements.text(point, "GantryRotationDirection").upper() or now
        directions.append(now)
    return directions


def turn_deg(first_deg: float, second_deg: float, direction: str) -> float:
    """Signed rotation from one gantry angle to the next, clockwise positive [degree].

    The stated direction decides; where it is NONE, or is contradicted by less than a degree, the
    shorter way.
    """
    clockwise = (second_deg - first_deg) % 360.0
    shorter = clockwise if clockwise <= 180.0 else clockwise - 360.0
    if direction == "CW" and clockwise < 359.0:
        return clockwise
    if direction == "CC" and clockwise > 1.0:
        return clockwise - 360.0
    return shorter


def _divided(points: ControlPoints, directions: list[str], title: str, notes: list[str]) -> ControlPoints:
    """Intermediate control points where an arc goes in large steps, so that its way is known."""
    gantry = points.gantry_deg
    turns = [turn_deg(a, b, way) for a, b, way in zip(gantry[:-1], gantry[1:], directions, strict=False)]
    with_beam = np.diff(points.meterset_fraction) > 0
    parts = [
        math.ceil(abs(turn) / FINEST_DEG) if abs(turn) > COARSEST_DEG and on else 1
        for turn, on in zip(turns, with_beam, strict=True)
    ]
    if max(parts, default=1) == 1:
        return points
    notes.append(f"{title} turns by more than {COARSEST_DEG:g}° between control points; it was divided.")
    where = np.concatenate([[0.0]] + [i + np.arange(1, count + 1) / count for i, count in enumerate(parts)])
    way = np.concatenate([[0.0], np.cumsum(turns)]) + gantry[0]
    filled = {one.name: _interpolated(getattr(points, one.name), where) for one in fields(points)}
    return replace(ControlPoints(**filled), gantry_deg=_interpolated(way, where) % 360.0)


def _interpolated(values: Array, where: Array) -> Array:
    """Rows of ``values`` at fractional row numbers."""
    below = np.minimum(where.astype(int), len(values) - 1)
    above = np.minimum(below + 1, len(values) - 1)
    share = (where - below).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[below] * (1 - share) + values[above] * share)
