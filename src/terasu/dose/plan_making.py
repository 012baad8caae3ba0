"""A plan for a patient who has none: equally spaced fields that the MLC conforms to the target.

It is a stand-in for a clinical plan, made so that a dose of the day can be shown. Several control
points a field, each with its own aperture, so that every one of them matters to the dose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.dose.density import default_density_table
from terasu.dose.engine import DoseEngine, default_engine
from terasu.dose.kernel import axis_dose
from terasu.dose.machine import Machine, default_machine
from terasu.dose.path import STEP_MM, density_on_path, source_lps_mm
from terasu.errors import DoseError
from terasu.patient.delivery import Beam, Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
MILLENNIUM_120_MM = np.concatenate(
    [np.arange(-200.0, -100.0, 10.0), np.arange(-100.0, 100.0, 5.0), np.arange(100.0, 201.0, 10.0)]
)
"""Leaf boundaries of a 60-pair MLC: 10 mm outside, 5 mm in the middle 200 mm."""
_MU_GUESS = 50.0


@dataclass(frozen=True)
class PlanRequest:
    """What to plan.

    Attributes:
        fields: equally spaced, the first at gantry 0°.
        margin_mm: from the target's outline to the leaf ends.
        control_points: of a field.
        motion_mm: how far the leaf banks move apart and together in the course of a field.
        prescription_gy: mean dose to the target over all fractions.

    Raises:
        DoseError: a request that no plan can fulfil.
    """

    prescription_gy: float = 60.0
    fractions: int = 20
    fields: int = 7
    margin_mm: float = 7.0
    control_points: int = 5
    motion_mm: float = 4.0
    collimator_deg: float = 0.0
    dose_spacing_mm: float = 4.0

    def __post_init__(self) -> None:
        possible = {
            "fields": self.fields >= 1,
            "fractions": self.fractions >= 1,
            "control_points": self.control_points >= 2,
            "prescription_gy": 0 < self.prescription_gy < np.inf,
            "motion_mm": 0 <= self.motion_mm < np.inf,
            "margin_mm": self.motion_mm / 2 < self.margin_mm < np.inf,
            "dose_spacing_mm": 0 < self.dose_spacing_mm < np.inf,
        }
        for name, holds in possible.items():
            if not holds:
                raise DoseError(
                    "This is no request for a plan.",
                    got=f"{name} {getattr(self, name):g}",
                    expected="fields and fractions from 1, control points from 2, dose and spacing above 0, "
                    "a margin of more than half the leaves' motion",
                    todo=f"Choose another {name}.",
                )


def make_plan(
    image_hu: Volume,
    target: Mask,
    request: PlanRequest,
    *,
    target_name: str = "PTV",
    machine: Machine | None = None,
    engine: DoseEngine | None = None,
) -> Delivery:
    """A conformal plan whose mean target dose is the prescription.

    Args:
        image_hu: planning CT.
        target: (z, y, x) on the image's grid.
        request: number of fields, margin, prescription.
        target_name: ROI Name for the plan.
        machine: generic beam if left out; engine: that of the house if left out.
    Returns:
        A delivery of static-gantry fields with moving leaves, isocentre at the target's centre.
    Raises:
        DoseError: an empty target, one that the MLC cannot cover, or no dose in it.
    """
    machine, engine = machine or default_machine(), engine or default_engine()
    surface = _surface_lps_mm(target, image_hu.grid)
    isocentre = np.round((surface.min(axis=0) + surface.max(axis=0)) / 2, 1)
    angles = np.arange(request.fields) * 360.0 / request.fields
    beams = tuple(
        _conformal_beam(number, float(angle), surface, isocentre, request, machine)
        for number, angle in enumerate(angles, start=1)
    )
    plan = Delivery(
        beams,
        fractions=request.fractions,
        prescription_gy=request.prescription_gy,
        target_name=target_name,
        label="TERASU MADE",
        frame_of_reference_uid=image_hu.grid.frame_of_reference_uid,
        notes=("This plan was made by Terasu; it is not the patient's clinical plan.",),
    )
    plan = _weighted(plan, image_hu, machine)
    return _scaled(plan, _mean_dose_gy(image_hu, plan, target, surface, request, machine, engine))


def _surface_lps_mm(target: Mask, grid: Grid) -> Array:
    """Centres of the target's outermost voxels, (n, 3)."""
    if target.shape != grid.shape_zyx or not target.any():
        raise DoseError(
            "There is no target to plan for.",
            got=f"{np.count_nonzero(target)} voxels, mask {target.shape}",
            expected=f"a mask with voxels on the image's grid {grid.shape_zyx}",
            todo="Choose a structure that is drawn on this image.",
        )
    inner = ndimage.binary_erosion(target, border_value=0)
    return grid.to_lps_mm(np.argwhere(target & ~inner))


def _conformal_beam(
    number: int, gantry_deg: float, surface: Array, isocentre: Array, request: PlanRequest, machine: Machine
) -> Beam:
    n = request.control_points
    outline = project(surface, isocentre, gantry_deg, request.collimator_deg, machine.sad_mm)
    leaves = conform(outline, request.margin_mm)
    # the banks open and close about the outline, so that no two apertures are equal
    apart = request.motion_mm * np.cos(np.linspace(0, np.pi, n))
    moving = np.repeat(leaves[None], n, axis=0)
    is_open = leaves[1] > leaves[0]
    middle = leaves.mean(axis=0)  # where a pair that is open by less than the motion meets
    moving[:, 0] = np.where(is_open, np.minimum(moving[:, 0] - apart[:, None] / 2, middle), middle)
    moving[:, 1] = np.where(is_open, np.maximum(moving[:, 1] + apart[:, None] / 2, middle), middle)
    reach = moving[:, :, is_open]
    rows = MILLENNIUM_120_MM[:-1][is_open].min(), MILLENNIUM_120_MM[1:][is_open].max()
    jaws_x = np.array([np.floor(reach.min()) - 2, np.ceil(reach.max()) + 2])
    constant = np.full(n, 1.0)
    return Beam(
        number=number,
        name=f"G{gantry_deg:03.0f}",
        machine=machine.name,
        radiation="PHOTON",
        energy_mv=machine.energy_mv,
        fff=machine.fff,
        meterset_mu=_MU_GUESS,
        meterset_fraction=np.linspace(0, 1, n),
        gantry_deg=constant * round(gantry_deg, 1),
        collimator_deg=constant * request.collimator_deg,
        couch_deg=constant * 0,
        isocentre_lps_mm=np.repeat(isocentre[None], n, axis=0),
        jaws_x_mm=np.repeat(jaws_x[None], n, axis=0),
        jaws_y_mm=np.repeat(np.array(rows)[None], n, axis=0),
        leaves_mm=np.round(moving, 1),
        leaf_boundaries_mm=MILLENNIUM_120_MM,
        sad_mm=machine.sad_mm,
    )


def project(
    points: Array, isocentre: Array, gantry_deg: float, collimator_deg: float, sad_mm: float
) -> Array:
    """Points (n, 3) LPS → (n, 2), X and Y of the collimator at the isocentre plane [mm]; IEC 61217, HFS."""
    x, y, z = (points - isocentre).T
    angle, turn = np.radians(gantry_deg), np.radians(collimator_deg)
    across = x * np.cos(angle) + y * np.sin(angle)
    towards_source = x * np.sin(angle) - y * np.cos(angle)
    u, v = (np.stack([across, z]) * sad_mm / (sad_mm - towards_source)).tolist()
    u, v = np.asarray(u), np.asarray(v)
    return np.stack([u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)], axis=1)


def conform(outline: Array, margin_mm: float) -> Array:
    """Leaf tips (2, pairs) that leave ``margin_mm`` around projected points (n, 2).

    Every point counts as a disc of the margin's radius; closed pairs meet at the field's middle.

    Raises:
        DoseError: the MLC is too small.
    """
    if np.abs(outline).max() + margin_mm > MILLENNIUM_120_MM[-1]:
        raise DoseError(
            "The target is too large for the MLC.",
            got=f"{np.abs(outline).max():.0f} mm from the isocentre",
            expected=f"at most {MILLENNIUM_120_MM[-1] - margin_mm:.0f} mm",
            todo="Plan it in the planning system; this stand-in has one isocentre.",
        )
    low, high = MILLENNIUM_120_MM[:-1, None], MILLENNIUM_120_MM[1:, None]
    away = np.maximum(np.maximum(low - outline[None, :, 1], outline[None, :, 1] - high), 0)
    half = np.sqrt(np.maximum(margin_mm**2 - away**2, 0))
    reached = away < margin_mm
    left = np.where(reached, outline[None, :, 0] - half, np.inf).min(axis=1)
    right = np.where(reached, outline[None, :, 0] + half, -np.inf).max(axis=1)
    middle = float(np.mean(outline[:, 0]))
    is_open = reached.any(axis=1)
    return np.stack([np.where(is_open, left, middle), np.where(is_open, right, middle)])


def _weighted(plan: Delivery, image_hu: Volume, machine: Machine) -> Delivery:
    """Every field gives about the same dose at the isocentre, by its depth in water there."""
    table = default_density_table()
    doses = []
    for beam in plan.beams:
        isocentre = beam.isocentre_lps_mm[0]
        source = source_lps_mm(float(beam.gantry_deg[0]), isocentre, beam.sad_mm)
        depth_mm = float(density_on_path(image_hu, table, source, isocentre).sum() * STEP_MM)
        doses.append(
            float(axis_dose(machine, np.array([depth_mm]), field_mm=100.0, ssd_mm=beam.sad_mm - depth_mm)[0])
        )
    mu = _MU_GUESS * np.mean(doses) / np.asarray(doses)
    beams = (replace(beam, meterset_mu=float(m)) for beam, m in zip(plan.beams, mu, strict=True))
    return replace(plan, beams=tuple(beams))


def _mean_dose_gy(
    image_hu: Volume,
    plan: Delivery,
    target: Mask,
    surface: Array,
    request: PlanRequest,
    machine: Machine,
    engine: DoseEngine,
) -> float:
    """Mean dose of the target [Gy], sampled at the target's voxels."""
    grid = _dose_grid(surface, image_hu.grid, request.dose_spacing_mm)
    dose = engine.calculate(image_hu, plan, grid, machine=machine)
    index = grid.to_index_kji(image_hu.grid.to_lps_mm(np.argwhere(target)))
    return float(ndimage.map_coordinates(dose.values, index.T, order=1, mode="nearest").mean())


def _dose_grid(surface: Array, image: Grid, spacing_mm: float) -> Grid:
    """A grid along LPS around the target, 20 mm of margin."""
    low, high = surface.min(axis=0) - 20, surface.max(axis=0) + 20
    shape = (np.ceil((high - low) / spacing_mm).astype(int) + 1)[::-1]
    return Grid.from_axes(
        shape.tolist(),
        spacing_zyx_mm=(spacing_mm,) * 3,
        origin_lps_mm=low,
        frame_of_reference_uid=image.frame_of_reference_uid,
    )


def _scaled(plan: Delivery, mean_gy: float) -> Delivery:
    if not mean_gy > 0:
        raise DoseError(
            "The made plan gives no dose to its target.",
            got=f"{mean_gy:g} Gy",
            expected="more than 0 Gy",
            todo="Check that the target lies in the patient and that the image shows the body around it.",
        )
    factor = plan.prescription_gy / mean_gy
    beams = (replace(beam, meterset_mu=round(beam.meterset_mu * factor, 3)) for beam in plan.beams)
    return replace(plan, beams=tuple(beams))
