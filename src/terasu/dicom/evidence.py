"""Which of several CT series is the day's image: evidence from headers, each step said in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from terasu.dicom.find import Series

# Linac vendors build CBCTs and MVCTs, and no planning CT scanners.
_LINAC = re.compile(r"varian|elekta|tomotherapy|accuray|on-board imager|\bobi\b|\bxvi\b|halcyon|ethos", re.I)
_CONE_BEAM = re.compile(r"cbct|cone.?beam|mvct", re.I)
FEWEST_IMAGES = 10


def cone_beam_evidence(series: Series) -> str:
    """What in the headers says that this is an image of a treatment machine; empty if nothing does."""
    text = series.first.text
    machine = _LINAC.search(series.machine)
    if machine:
        return f"the manufacturer or model says {machine.group().upper()}"
    for keyword in ("ImageType", "ConvolutionKernel", "SeriesDescription"):
        if _CONE_BEAM.search(text.get(keyword, "")):
            return f"{keyword} says that it is a cone-beam CT"
    return ""


def is_secondary(series: Series) -> bool:
    """True for an image that was calculated from others (a synthetic CT, an average, a reformat)."""
    return series.first.text.get("ImageType", "").upper().startswith("DERIVED\\SECONDARY")


def narrow_to_daily(
    candidates: Sequence[Series], planning: Series
) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """Leave those that look most like the day's image, and say by what.

    Each step counts only if it leaves something, so that weak evidence never removes the last candidate.
    """
    who = planning.first.identity
    steps: tuple[tuple[str, Callable[[Series], bool]], ...] = (
        ("they belong to another patient", lambda one: not one.first.identity.may_be(who)),
        ("they were calculated from other images", is_secondary),
        ("no header says that a treatment machine made them", lambda one: not cone_beam_evidence(one)),
        ("they were not acquired after the planning CT", lambda one: not _is_later(one, planning)),
        (f"they have fewer than {FEWEST_IMAGES} images", lambda one: one.n_images < FEWEST_IMAGES),
    )
    left, reasons = tuple(candidates), list[str]()
    for why, is_out in steps:
        kept = tuple(one for one in left if not is_out(one))
        if 0 < len(kept) < len(left):
            reasons.append(f"{len(left) - len(kept)} other CT series were left out since {why}.")
            left = kept
    return left, tuple(reasons)


def narrow_to_planning(candidates: Sequence[Series]) -> tuple[Series, ...]:
    """Leave those that no treatment machine made and that were not calculated."""
    left = tuple(candidates)
    for is_out in (is_secondary, lambda one: bool(cone_beam_evidence(one))):
        left = tuple(one for one in left if not is_out(one)) or left
    return left


def _is_later(series: Series, planning: Series) -> bool:
    return bool(series.day and planning.day) and _moment(series) > _moment(planning)


def _moment(series: Series) -> tuple[str, str]:
    return series.day, series.first.text.get("AcquisitionTime", "")
