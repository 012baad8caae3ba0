"""Are the HU of the improved image right, tissue by tissue?"""

from __future__ import annotations

from collections.abc import Mapping

from terasu.safety.policy import Policy, Words, failed, judge
from terasu.safety.verdict import Finding

CHECK = "hounsfield"

LIMIT_OF_CLASS = {
    "soft": "hu_error_soft",
    "fat": "hu_error_fat",
    "bone": "hu_error_bone",
    "lung": "hu_error_lung",
}


def hu_by_class(policy: Policy, mean_error_hu: Mapping[str, float], *, image: str) -> list[Finding]:
    """Mean HU error by tissue class against the registered planning CT, inside the field of view.

    Args:
        mean_error_hu: tissue class (``soft``, ``fat``, ``bone``, ``lung``) → mean error [HU]; classes that
            are not in the picture are left out.
        image: which image this is.
    """
    findings = [
        judge(policy, CHECK, LIMIT_OF_CLASS[tissue], abs(error), _words(tissue, error, image))
        for tissue, error in mean_error_hu.items()
        if tissue in LIMIT_OF_CLASS
    ]
    if findings:
        return findings
    return [
        failed(CHECK, "Mean HU error by tissue", "No tissue was found in the field of view.", subject=image)
    ]


def _words(tissue: str, error: float, image: str) -> Words:
    return Words(
        f"Mean HU error, {tissue}, magnitude",
        f"{tissue.capitalize()} in the {image} reads {error:+.0f} HU against the registered planning CT.",
        "Choose another correction, or read the dose from the density-override arm.",
        image,
    )
