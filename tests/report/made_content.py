"""A made case for the report: a pelvis of ellipsoids, its day, doses and findings of all levels."""

# ruff: noqa: E501  (one finding a line is easier to read than to wrap)

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from terasu.patient.grid import Grid
from terasu.patient.structures import StructureSet
from terasu.patient.volume import Volume
from terasu.report.content import (
    ArmRow,
    CaseHeader,
    DoseArm,
    DoseRow,
    Doses,
    DvhCurve,
    GammaResult,
    HuRow,
    Images,
    InputChosen,
    Provenance,
    ReportContent,
    Scan,
    Written,
)
from terasu.safety.verdict import Finding, Level, Verdict, verdict_of

FRAME = "2.25.1001"
_ORGANS = {  # centre x, y, z and half axes x, y, z [mm]
    "PTV": ((0, 5, 0), (28, 25, 30)),
    "CTV": ((0, 5, 0), (21, 18, 23)),
    "Bladder": ((0, -28, 32), (36, 28, 28)),
    "Rectum": ((0, 45, 0), (15, 15, 55)),
    "Femur_L": ((92, 2, 5), (24, 24, 45)),
    "Femur_R": ((-92, 2, 5), (24, 24, 45)),
}
_DAY = {
    "Bladder": ((0, -22, 24), (30, 22, 22)),
    "Rectum": ((2, 42, 0), (19, 19, 55)),
    "PTV": ((1, 2, 1), (28, 25, 30)),
}


def grid_of(
    *, spacing_zyx_mm: tuple[float, float, float] = (3.0, 1.95, 1.95), long_mm: float = 210.0
) -> Grid:
    """A pelvis's worth of voxels around the isocentre."""
    shape = (
        round(long_mm / spacing_zyx_mm[0]),
        round(290 / spacing_zyx_mm[1]),
        round(430 / spacing_zyx_mm[2]),
    )
    origin = [-(n - 1) / 2 * step for n, step in zip(shape[::-1], spacing_zyx_mm[::-1], strict=True)]
    return Grid.from_axes(
        shape, spacing_zyx_mm=spacing_zyx_mm, origin_lps_mm=origin, frame_of_reference_uid=FRAME
    )


@lru_cache(maxsize=1)
def made_content() -> ReportContent:
    """Everything that a report can hold."""
    grid, day_grid = grid_of(), grid_of(spacing_zyx_mm=(2.5, 2.2, 2.2), long_mm=140.0)
    planning, truth = _anatomy(grid, {}, 0), _anatomy(day_grid, _DAY, 1)
    raw, seen = _cone_beam(truth)
    improved = truth.with_values((truth.values + 9).astype(np.float32), made_by="made")
    plan_dose, day_dose = _dose(grid, 60.0, 0.0), _dose(grid, 59.0, 2.5)
    return ReportContent(
        verdict=verdict(),
        case=CaseHeader(
            label="built-in pelvis",
            site="pelvis (prostate)",
            patient_key="3f9a1c07",
            planning_ct=Scan("2024-03-11", "Made CT", "120 kV, 1.95 × 1.95 × 3.00 mm"),
            day_image=Scan("2024-04-02", "Made CBCT", "125 kV, 2.20 × 2.20 × 2.50 mm"),
            plan_label="7F_60Gy",
            prescription_gy=60.0,
            fractions=20,
            target="PTV",
            judged_at="2024-04-02 08:41",
        ),
        statements=(
            "Absolute dose is not commissioned: read ratios and differences.",
            "The plan was made by Terasu for demonstration; no clinic has approved it.",
            "Not a medical device.",
        ),
        images=Images(
            planning=planning,
            raw=raw,
            improved=improved,
            virtual=truth,
            truth=truth,
            improved_by="shading correction",
            filled=Volume(~seen, day_grid, "1"),
        ),
        planned=_structures(grid, {}),
        of_the_day=_structures(day_grid, _DAY),
        doses=Doses(
            plan_dose,
            (DoseArm("improved", day_dose), DoseArm("raw", _dose(grid, 57.5, 2.5))),
            (
                GammaResult(
                    "3 %/2 mm, global, above 10 %", "improved", 96.4, 41_210, _gamma(plan_dose, day_dose)
                ),
                GammaResult("2 %/2 mm, global, above 10 %", "improved", 91.2, 41_210),
                GammaResult("3 %/2 mm, global, above 10 %", "raw", 72.9, 41_210),
            ),
        ),
        dvh=_dvh(grid, plan_dose, day_dose),
        dose_rows=_dose_rows(),
        hu_rows=_hu_rows(),
        arms=_arms(),
        provenance=_provenance(),
    )


def blocked_content() -> ReportContent:
    """A case that ended at the input contract: findings and reasons, nothing else."""
    finding = Finding(
        "identity", "Patient identity of all objects", "different", "the same in every object", "",
        "ours, without tolerance; risk analysis after AAPM TG-100 (doi 10.1118/1.4947547)", Level.BLOCK,
        "Another patient's identity stands in: RTSTRUCT.",
        "Find out whose data this is before anything else is done with it.",
    )  # fmt: skip
    why = "The identity of the case is not certain, so nothing was calculated."
    return ReportContent(
        verdict=verdict_of([finding], policy="terasu-default 2026.1 (0a1b2c3d)"),
        case=CaseHeader(label="folder 7"),
        missing={"images": why, "dose": why, "hounsfield": why},
    )


def verdict() -> Verdict:
    """A verdict with findings of all levels."""
    return verdict_of(made_findings(), policy="terasu-default 2026.1 (0a1b2c3d)")


def with_measure(content: ReportContent, **changes: object) -> ReportContent:
    """The content with its first finding changed."""
    first, *others = content.verdict.findings
    changed = replace(first, **changes)  # type: ignore[arg-type]
    return replace(content, verdict=verdict_of((changed, *others), policy=content.verdict.policy))


def made_findings() -> tuple[Finding, ...]:
    """Findings of all levels, in the words of the checks."""
    tg132 = "AAPM TG-132 (doi 10.1002/mp.12256): no negative Jacobian determinant"
    look = "Look at this contour on the day's image; draw it again if it is wrong."
    ours = "ours: 2 % of the prescription is about the reproducibility of the chain"
    p, r, b = Level.PASS, Level.REVIEW, Level.BLOCK
    return tuple(
        Finding(*row)
        for row in (
            ("identity", "Patient identity of all objects", "the same", "the same in every object", "", "ours, without tolerance; risk analysis after AAPM TG-100 (doi 10.1118/1.4947547)", p, "All objects carry the same patient identity."),
            ("identity", "Frame of reference of planning CT and daily image", "the same", "the same, or joined by a registration object", "", "DICOM PS3.3 C.7.4.1", p, "Both images lie in one frame of reference: the day's position is known."),
            ("input", "Target outside of the day's field of view", 0.0, "REVIEW above 0, BLOCK above 5", "%", "ours: a target that was not imaged cannot be judged", p, "0.0 % of the target was not imaged today.", "", "PTV"),
            ("input", "Patient outside of the day's field of view", 21.4, "REVIEW above 5", "%", "ours: truncated anatomy is filled from the planning CT, so a change out there is not seen", r, "21 % of the patient was cut by the field of view and is filled from the planning CT; a change out there is not seen.", "Look at the outline on the planning CT and at the set-up: has the patient lost weight?"),
            ("registration", "Residual shift at the target, day against plan", 2.3, "REVIEW above 5, BLOCK above 15", "mm", "ours: residual against the treated position; image guidance acts at 3 to 5 mm (see AAPM TG-179, Med Phys 2012;39:1946)", p, "A rigid match moves the target by 2.3 mm from the treated position."),
            ("registration", "Residual rotation, day against plan", 1.1, "REVIEW above 3, BLOCK above 6", "degree", "ours: most couches correct at most 3 degrees", p, "A rigid match turns the patient by 1.1 degrees."),
            ("registration", "Voxels that the deformation folds", 0.02, "REVIEW above 0, BLOCK above 1", "%", tg132, r, "0.02 % of the voxels have a Jacobian determinant of zero or less.", "Do not trust propagated contours where the deformation folds."),
            ("hounsfield", "Mean HU error, soft, magnitude", 9.0, "REVIEW above 30, BLOCK above 80", "HU", "ours: 20 HU in soft tissue along the path change the dose at depth by about 0.65 %", p, "Soft in the improved image reads +9 HU against the registered planning CT.", "", "improved image"),
            ("hounsfield", "Mean HU error, bone, magnitude", 34.0, "REVIEW above 100, BLOCK above 250", "HU", "ours: bone is a tenth of a path", p, "Bone in the improved image reads −34 HU against the registered planning CT.", "", "improved image"),
            ("organs", "Centroid shift, day against plan", 10.2, "REVIEW above 10, BLOCK above 30", "mm", "ours: compare with the dose gradient at the organ", r, "The centre moved by 10.2 mm (deformed contour).", look, "Bladder"),
            ("organs", "Volume change, day against plan", -51.0, "REVIEW above 40, REVIEW below -40", "%", "ours", r, "The volume changed by −51 % (deformed contour).", look, "Bladder"),
            ("dose_bracket", "Spread of target mean dose over independent densities", 0.7, "REVIEW above 1.5, BLOCK above 3", "%", ours, p, "improved 59.1 Gy, override 58.9 Gy, virtual 59.3 Gy."),
            ("target_dose", "ΔD95%, day − plan", -6.31, "REVIEW below -2, BLOCK below -5", "%", ours, b, "D95% changed by −6.3 %.", "Look at the DVH and at where the target is cold; consider a new set-up or a new plan.", "PTV"),
            ("target_dose", "ΔDmean, day − plan", -1.4, "REVIEW above 2, BLOCK above 5, REVIEW below -2, BLOCK below -5", "%", ours, p, "The mean changed by −1.4 %.", "", "PTV"),
            ("oar_dose", "ΔDmean, day − plan", 3.9, "REVIEW above 3", "%", ours, r, "The mean changed by +3.9 %.", "Compare with the organ's constraint, over all fractions.", "Rectum"),
            ("oar_dose", "ΔDmean, day − plan", -0.8, "REVIEW above 3", "%", ours, p, "The mean changed by −0.8 %.", "", "Bladder"),
            ("gamma", "Gamma pass rate, day against plan, 3 %/2 mm global", 96.4, "REVIEW below 95, BLOCK below 80", "%", "AAPM TG-218 (doi 10.1002/mp.12810): tolerance 95 %, action 90 %, for plan QA", p, "96.4 % of the judged voxels pass."),
        )
    )  # fmt: skip


def _ellipsoid(grid: Grid, centre: tuple[float, ...], half: tuple[float, ...]) -> np.ndarray:
    z, y, x = (np.arange(n) for n in grid.shape_zyx)
    sz, sy, sx = grid.spacing_zyx_mm
    ox, oy, oz = grid.origin_lps_mm
    along = [
        (o + s * v - c) / h
        for o, s, v, c, h in zip((ox, oy, oz), (sx, sy, sz), (x, y, z), centre, half, strict=True)
    ]
    return along[2][:, None, None] ** 2 + along[1][None, :, None] ** 2 + along[0][None, None, :] ** 2 <= 1


def _shape(name: str, moved: dict[str, tuple]) -> tuple:
    return moved.get(name, _ORGANS[name])


def _anatomy(grid: Grid, moved: dict[str, tuple], seed: int) -> Volume:
    rng = np.random.default_rng(seed)
    values = np.full(grid.shape_zyx, -1000.0, np.float32)
    values[_ellipsoid(grid, (0, 0, 0), (190, 118, 900))] = -95
    values[_ellipsoid(grid, (0, 8, 0), (150, 88, 900))] = 45
    for name, hu in (("Bladder", 8), ("CTV", 42), ("Rectum", 30), ("Femur_L", 380), ("Femur_R", 380)):
        values[_ellipsoid(grid, *_shape(name, moved))] = hu
    for side in (-1, 1):
        values[_ellipsoid(grid, (side * 92, 2, 5), (17, 17, 38))] = 160
    if moved:
        values[_ellipsoid(grid, (4, 38, 4), (10, 9, 26))] = -850
    noise = rng.normal(0, 9, grid.shape_zyx).astype(np.float32)
    return Volume(np.where(values > -900, values + noise, values).astype(np.float32), grid)


def _cone_beam(truth: Volume) -> tuple[Volume, np.ndarray]:
    grid = truth.grid
    seen = _ellipsoid(grid, (0, 0, 0), (125, 125, 900))
    x = np.linspace(-1, 1, grid.shape_zyx[2])[None, None, :]
    noise = np.random.default_rng(3).normal(0, 32, grid.shape_zyx)
    values = np.where(
        truth.values > -900, truth.values - 140 * np.exp(-(x**2) / 0.12) + 60 + noise, truth.values
    )
    return Volume(np.where(seen, values, -1000).astype(np.float32), grid), seen


def _structures(grid: Grid, moved: dict[str, tuple]) -> StructureSet:
    masks = {name: _ellipsoid(grid, *_shape(name, moved)) for name in _ORGANS}
    types = {name: "PTV" if name == "PTV" else "CTV" if name == "CTV" else "ORGAN" for name in masks}
    return StructureSet(grid, masks, types=types)


def _dose(grid: Grid, top_gy: float, shift_mm: float) -> Volume:
    points = grid.to_lps_mm(
        np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    )
    x, y, z = points[..., 0], points[..., 1] - 5 - shift_mm, points[..., 2]
    flat = np.sqrt((x / 36) ** 2 + (y / 33) ** 2 + (z / 38) ** 2)
    core = top_gy * 1.03 / (1 + np.exp((flat - 1) / 0.07))
    bath = 0.33 * top_gy * np.exp(-((np.abs(z) / 48) ** 4)) * np.exp(-((x / 190) ** 2) - (y / 120) ** 2)
    inside = (points[..., 0] / 190) ** 2 + (points[..., 1] / 118) ** 2 < 1
    return Volume((np.maximum(core, bath) * inside).astype(np.float32), grid, "Gy")


def _gamma(plan: Volume, day: Volume) -> Volume:
    gamma = np.abs(day.values - plan.values) / 1.8
    return Volume(np.where(plan.values > 6, gamma, np.nan).astype(np.float32), plan.grid, "1")


def _dvh(grid: Grid, plan: Volume, day: Volume) -> tuple[DvhCurve, ...]:
    bins = np.arange(0, 66, 0.1)
    curves = []
    for moved, arm, dose in (({}, "plan", plan), (_DAY, "improved", day)):
        for name in _ORGANS:
            inside = dose.values[_ellipsoid(grid, *_shape(name, moved))]
            counts = 100 * (1 - np.searchsorted(np.sort(inside), bins) / max(1, inside.size))
            curves.append(DvhCurve(name, arm, bins, counts, name in ("PTV", "CTV")))
    return tuple(curves)


def _dose_rows() -> tuple[DoseRow, ...]:
    rows = (
        ("PTV", "D98%", "Gy", 56.9, 52.6, True), ("PTV", "D95%", "Gy", 57.8, 54.2, True), ("PTV", "Dmean", "Gy", 60.1, 59.3, True),
        ("PTV", "D2%", "Gy", 61.8, 60.8, True), ("Bladder", "Dmean", "Gy", 24.3, 23.8, False), ("Bladder", "D2%", "Gy", 60.9, 59.9, False),
        ("Rectum", "Dmean", "Gy", 27.1, 29.4, False), ("Rectum", "V50Gy", "%", 9.8, 13.2, False), ("Femur_L", "Dmean", "Gy", 14.1, 14.0, False),
    )  # fmt: skip
    return tuple(
        DoseRow(s, q, u, plan, {"improved": day, "raw": day * 0.975}, t) for s, q, u, plan, day, t in rows
    )


def _hu_rows() -> tuple[HuRow, ...]:
    found = (("soft tissue", -61.0, 9.0), ("fat", -88.0, 12.0), ("bone", -120.0, -34.0))
    return tuple(
        HuRow(tissue, arm, error, abs(error) + 14)
        for tissue, raw, improved in found
        for arm, error in (("raw", raw), ("improved", improved))
    )


def _arms() -> tuple[ArmRow, ...]:
    return (
        ArmRow("raw", -66.0, 84.0, -71.0, 88.0, 57.8, 52.9, 72.9),
        ArmRow("shading correction", 6.0, 25.0, 9.0, 22.0, 59.3, 54.2, 96.4, is_chosen=True),
        ArmRow("density override", 2.0, 38.0, 4.0, 41.0, 58.9, 53.8, 95.0),
        ArmRow("virtual CT", 0.0, 12.0, 15.0, 34.0, 59.4, 54.0, 97.1),
        ArmRow("histogram matching", note="failed: fewer than 1,000 voxels of bone in the field of view"),
    )


def _provenance() -> Provenance:
    return Provenance(
        software="Terasu 0.1.0",
        engine="pydosert 1.5.0, pencil beam",
        machine="generic 6 MV (sha256 1f0c33aa)",
        commissioned=False,
        hashes={"policy": "0a1b2c3d" * 8},
        inputs=(
            InputChosen(
                "planning CT", "70 slices, series 2.25.77", "the plan's structure set was drawn on it"
            ),
            InputChosen(
                "image of the day", "56 slices, series 2.25.78", "the only other series of the patient"
            ),
        ),
        written=(
            Written("CT, improved", "2.25.900", "improved/"),
            Written("RTDOSE, day", "2.25.901", "dose_improved.dcm"),
        ),
        notes=("12 voxels below −1024 HU were taken as padding and set to −1000 HU.",),
        seconds={"read": 2.1, "register": 21.4, "dose": 33.0, "report": 4.2},
    )
