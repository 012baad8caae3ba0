"""Has the improvement bent the patient?"""

from __future__ import annotations

from terasu.safety.policy import Policy, Words, judge
from terasu.safety.verdict import Finding

CHECK = "distortion"


def distortion(
    policy: Policy, *, gradient_hu_per_voxel: float, edge_shift_mm: float, image: str
) -> list[Finding]:
    """What the improvement did to edges, against the raw image after equal smoothing.

    Args:
        gradient_hu_per_voxel: mean over the body of | |∇G| − |∇x| | [HU/px].
        edge_shift_mm: 95th percentile of how far edges moved [mm].
    """
    gradient = Words(
        "Change of gradient magnitude by the improvement",
        f"Edges differ by {gradient_hu_per_voxel:.1f} HU per voxel from the raw image.",
        "Look at the difference image: an edge that the raw image does not have is an invention.",
        image,
    )
    edge = Words(
        "Edges moved by the improvement, 95th percentile",
        f"Edges lie within {edge_shift_mm:.1f} mm of those in the raw image.",
        "Do not draw or match on this image.",
        image,
    )
    return [
        judge(policy, CHECK, "distortion_hu_per_voxel", gradient_hu_per_voxel, gradient),
        judge(policy, CHECK, "edge_shift_mm", edge_shift_mm, edge),
    ]
