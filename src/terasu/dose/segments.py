"""Delivery → segments: the apertures that MU go through, from a plan now and from a log later.

Between two control points the machine moves steadily, so an interval is represented by its
midpoint and carries its share of the meterset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.errors import UnsupportedPlanError
from terasu.patient.delivery import Beam, Delivery

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Segment:
    """One aperture and its MU, one fraction.

    Attributes:
        beam_number: Beam Number.
        mu: monitor units through this aperture.
        gantry_deg, collimator_deg: IEC 61217, 0 … 360.
        isocentre_lps_mm: (3,).
        jaws_x_mm, jaws_y_mm: (2,) at the isocentre plane.
        leaves_mm: (2, pairs); leaf_boundaries_mm: (pairs + 1,); leaf_axis: ``x`` or ``y``.
    """

    beam_number: int
    mu: float
    gantry_deg: float
    collimator_deg: float
    isocentre_lps_mm: Array
    jaws_x_mm: Array
    jaws_y_mm: Array
    leaves_mm: Array
    leaf_boundaries_mm: Array
    leaf_axis: str = "x"


@dataclass(frozen=True, eq=False)
class GantryGroup:
    """Segments that share a gantry angle and an isocentre, calculated as one fluence.

    Attributes:
        gantry_deg: MU-weighted mean of the segments.
    """

    gantry_deg: float
    isocentre_lps_mm: Array
    segments: tuple[Segment, ...]

    @property
    def mu(self) -> float:
        """Sum over the segments [MU]."""
        return sum(segment.mu for segment in self.segments)


def to_segments(delivery: Delivery) -> tuple[Segment, ...]:
    """Every interval between control points that carries MU.

    Raises:
        UnsupportedPlanError: a beam that the photon engine must not calculate.
    """
    require_supported(delivery)
    return tuple(segment for beam in delivery.beams for segment in _segments_of(beam))


def open_field(side_mm: float, *, mu: float = 1.0) -> Segment:
    """A square between the jaws, no leaves, gantry and collimator at 0°, isocentre at the origin."""
    sides_mm = np.array([-side_mm / 2, side_mm / 2])
    return Segment(0, mu, 0.0, 0.0, np.zeros(3), sides_mm, sides_mm, np.zeros((2, 0)), np.zeros(1))


def require_supported(delivery: Delivery) -> None:
    """Refuse what a photon engine without couch rotation would calculate wrongly.

    Raises:
        UnsupportedPlanError: not photons, a couch angle, or a patient not head first supine.
    """
    if delivery.patient_position and delivery.patient_position != "HFS":
        _refuse("the patient position", delivery.patient_position, "HFS (head first, supine)")
    for beam in delivery.beams:
        if beam.radiation.upper() != "PHOTON":
            _refuse(f"the radiation of beam {beam.number}", beam.radiation, "PHOTON")
        if np.abs(_signed_deg(beam.couch_deg)).max() > 0.05:
            _refuse(f"the couch angle of beam {beam.number}", f"{beam.couch_deg.max():.1f}°", "0°")
        if not np.isfinite(beam.meterset_mu) or beam.meterset_mu < 0:
            _refuse(
                f"the meterset of beam {beam.number}", f"{beam.meterset_mu} MU", "a positive number of MU"
            )


def _refuse(what: str, got: str, expected: str) -> None:
    raise UnsupportedPlanError(
        f"The plan cannot be calculated: {what} is not supported.",
        got=got,
        expected=expected,
        todo="Use the planning system's dose for this plan; nothing was calculated.",
    )


def _segments_of(beam: Beam) -> Iterable[Segment]:
    mu = beam.meterset_mu * np.diff(beam.meterset_fraction)
    for i in np.flatnonzero(mu > 0).tolist():
        yield Segment(
            beam_number=beam.number,
            mu=float(mu[i]),
            gantry_deg=middle_angle_deg(beam.gantry_deg[i], beam.gantry_deg[i + 1]),
            collimator_deg=middle_angle_deg(beam.collimator_deg[i], beam.collimator_deg[i + 1]),
            isocentre_lps_mm=_middle(beam.isocentre_lps_mm, i),
            jaws_x_mm=_middle(beam.jaws_x_mm, i),
            jaws_y_mm=_middle(beam.jaws_y_mm, i),
            leaves_mm=_middle(beam.leaves_mm, i),
            leaf_boundaries_mm=beam.leaf_boundaries_mm,
            leaf_axis=beam.leaf_axis,
        )


def _middle(values: Array, i: int) -> Array:
    return np.asarray((values[i] + values[i + 1]) / 2)


def middle_angle_deg(first_deg: float, second_deg: float) -> float:
    """Half way along the shorter arc, 0 … 360."""
    return float((first_deg + _signed_deg(np.asarray(second_deg - first_deg)) / 2) % 360)


def _signed_deg(angle_deg: Array) -> Array:
    return np.asarray((angle_deg + 180.0) % 360.0 - 180.0)


def group_by_gantry(segments: Iterable[Segment], *, within_deg: float = 0.5) -> tuple[GantryGroup, ...]:
    """Segments collected by isocentre and gantry angle.

    Args:
        segments: in any order.
        within_deg: a segment joins a group whose first segment is at most this far away; 0 joins
            equal angles only.
    Returns:
        Groups in the order in which their first segment came.
    """
    heads: list[list[Segment]] = []
    for segment in segments:
        home = next((group for group in reversed(heads) if _belongs(segment, group[0], within_deg)), None)
        if home is None:
            heads.append([segment])
        else:
            home.append(segment)
    return tuple(_group_of(group) for group in heads)


def _belongs(segment: Segment, head: Segment, within_deg: float) -> bool:
    apart = abs(float(_signed_deg(np.asarray(segment.gantry_deg - head.gantry_deg))))
    same_place = np.abs(segment.isocentre_lps_mm - head.isocentre_lps_mm).max() < 0.01
    return bool(apart <= within_deg + 1e-6 and same_place)


def _group_of(group: list[Segment]) -> GantryGroup:
    first = group[0].gantry_deg
    mu = np.array([segment.mu for segment in group])
    apart = _signed_deg(np.array([segment.gantry_deg for segment in group]) - first)
    gantry_deg = float((first + np.sum(mu * apart) / mu.sum()) % 360)
    return GantryGroup(gantry_deg, group[0].isocentre_lps_mm, tuple(group))
