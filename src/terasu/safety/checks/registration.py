"""Is the registration believable?"""

from __future__ import annotations

from dataclasses import dataclass

from terasu.safety.policy import Policy, Words, judge, stated
from terasu.safety.verdict import Finding, Level

CHECK = "registration"


@dataclass(frozen=True)
class RigidMeasures:
    """Residual of the treated position.

    Attributes:
        shift_mm: length of the shift at the target.
        rotation_deg: angle about its own axis.
        similarity_gain: similarity after − before, positive is better.
    """

    shift_mm: float
    rotation_deg: float
    similarity_gain: float


@dataclass(frozen=True)
class DeformableMeasures:
    """What the gate measured on the deformable registration.

    Attributes:
        folding_percent: share of voxels in the field of view with a Jacobian determinant ≤ 0.
        inconsistency_mm: 95th percentile of |forward then backward − identity|.
        accepted: what the gate said.
        reasons: why it was not accepted.
    """

    folding_percent: float
    inconsistency_mm: float
    accepted: bool
    reasons: tuple[str, ...] = ()


def rigid_is_plausible(policy: Policy, measured: RigidMeasures) -> list[Finding]:
    """The patient lay where the plan wants him, and the match got better."""
    shift = Words(
        "Residual shift at the target, day against plan",
        f"A rigid match moves the target by {measured.shift_mm:.1f} mm from the treated position.",
        "Compare with the couch shifts of the day; a large residual is a set-up or a match error.",
    )
    turn = Words(
        "Residual rotation, day against plan",
        f"A rigid match turns the patient by {measured.rotation_deg:.1f} degrees.",
        "Look at the bones in the fused slices.",
    )
    gain = Words(
        "Similarity gained by the rigid match",
        f"The similarity changed by {measured.similarity_gain:+.3f}.",
        "The match has failed: look at the fused slices, choose a starting point.",
    )
    return [
        judge(policy, CHECK, "setup_shift_mm", measured.shift_mm, shift),
        judge(policy, CHECK, "setup_rotation_deg", measured.rotation_deg, turn),
        judge(policy, CHECK, "registration_similarity_gain", measured.similarity_gain, gain),
    ]


def deformation_is_plausible(policy: Policy, measured: DeformableMeasures) -> list[Finding]:
    """The deformation does not fold, finds its way back, and the gate let it pass."""
    fold = Words(
        "Voxels that the deformation folds",
        f"{measured.folding_percent:.2f} % of the voxels have a Jacobian determinant of zero or less.",
        "Do not trust propagated contours where the deformation folds.",
    )
    back = Words(
        "Deformation there and back, 95th percentile",
        f"There and back ends {measured.inconsistency_mm:.1f} mm away from where it began.",
        "Look at the propagated contours one by one.",
    )
    return [
        judge(policy, CHECK, "deformation_folding_percent", measured.folding_percent, fold),
        judge(policy, CHECK, "deformation_inconsistency_mm", measured.inconsistency_mm, back),
        _gate(measured),
    ]


def _gate(measured: DeformableMeasures) -> Finding:
    words = Words(
        "Gate of the deformable registration",
        "The deformation passed its gate."
        if measured.accepted
        else "The deformation was thrown away and the rigid match is used: " + "; ".join(measured.reasons),
        "Contours of the day are the planned ones, moved rigidly: draw them again before you rely on them.",
    )
    level = Level.PASS if measured.accepted else Level.REVIEW
    return stated(
        CHECK, level, words, value="passed" if measured.accepted else "refused", limit="passed", source="ours"
    )
