"""How bad a simulated cone-beam CT is: its errors as numbers, and three presets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from terasu.errors import InputError


@dataclass(frozen=True)
class CbctArtefacts:
    """Errors of a cone-beam CT, stated in the image.

    Attributes:
        hu_curve: (true HU, HU read) points, rising; linear between them: shift and scale by tissue.
        cupping_hu: how much too low the middle of a patient of 18 cm effective radius reads, from scatter
            and beam hardening; grows with the square of that radius and vanishes at the skin [HU].
        shading_hu: standard deviation of smooth, random shading over 10 cm [HU].
        noise_hu: standard deviation of the noise in the middle of that patient [HU].
        noise_peak_per_mm: frequency where the noise power peaks, as FDK's ramp and window make it; 0: noise
            that is smooth from pixel to pixel, falling from frequency 0. Catphan scans of a Varian OBI: 0.25
            (thorax) and 0.33 (pelvis).
        streaks_hu: standard deviation of streaks 5 cm away from 10 cm² of (moving) gas [HU].
        rings_hu: standard deviation of rings about the axis of rotation [HU].
        rim_hu: brightness at the edge of the field of view where the patient reaches beyond it [HU].
        blur_mm: standard deviation of the blur.
        diameter_mm, length_mm: of the cylinder that is seen.
        padding_hu: constant outside of it.
    Raises:
        InputError: a curve that falls, a negative amount or a field without size.
    """

    hu_curve: tuple[tuple[float, float], ...] = ((-1000.0, -1000.0), (3000.0, 3000.0))
    cupping_hu: float = 0.0
    shading_hu: float = 0.0
    noise_hu: float = 0.0
    noise_peak_per_mm: float = 0.0
    streaks_hu: float = 0.0
    rings_hu: float = 0.0
    rim_hu: float = 0.0
    blur_mm: float = 0.0
    diameter_mm: float = 460.0
    length_mm: float = 168.0
    padding_hu: float = -1000.0

    def __post_init__(self) -> None:
        true, read = zip(*self.hu_curve, strict=True)
        rising = all(a < b for column in (true, read) for a, b in pairwise(column))
        amounts = (self.shading_hu, self.noise_hu, self.streaks_hu, self.rings_hu, self.blur_mm)
        if (
            len(true) < 2
            or not rising
            or min(*amounts, self.noise_peak_per_mm) < 0
            or min(self.diameter_mm, self.length_mm) <= 0
        ):
            raise InputError(
                "These artefacts cannot be simulated.",
                got=str(self),
                expected="a rising HU curve of at least two points, no amount below 0, a field of some size",
            )


MILD = CbctArtefacts(
    hu_curve=((-1000, -985), (-100, -108), (50, 40), (250, 225), (1050, 960), (3071, 2800)),
    cupping_hu=20,
    shading_hu=6,
    noise_hu=14,
    streaks_hu=8,
    blur_mm=0.6,
)
"""A scatter-corrected, iteratively reconstructed image. Ours, not fitted to a machine."""

VARIAN_LIKE = CbctArtefacts(
    hu_curve=((-1000, -965), (-100, -130), (50, 22), (250, 190), (1050, 800), (3071, 2300)),
    cupping_hu=90,
    shading_hu=16,
    noise_hu=26,
    streaks_hu=36,
    rings_hu=3,
    blur_mm=0.9,
)
"""A half-fan pelvis scan of a linac's imager with a bow-tie filter; errors of tens of HU. Ours; the size is
that of raw pelvic CBCT in SynthRAD2023 (Thummerer et al., Med Phys 2023;50:4664, doi 10.1002/mp.16529)."""

SEVERE = CbctArtefacts(
    hu_curve=((-1000, -820), (-790, -560), (-100, -400), (50, -205), (300, 90), (1000, 400), (3071, 1200)),
    cupping_hu=30,
    shading_hu=120,
    noise_hu=50,
    streaks_hu=130,
    rings_hu=8,
    rim_hu=1500,
    blur_mm=1.1,
    diameter_mm=262,
    length_mm=174,
)
"""A truncated full-fan scan, after one real abdominal CBCT (TCIA Pancreatic-CT-CBCT-SEG, doi
10.7937/TCIA.ESHQ-4D90, patient 001, fraction A). Error against the planning CT in its field of view:
real ME −200, MAE 298 HU; simulated −196 and 293; gas and lung differ (tests/simulate/test_cbct.py)."""

PRESETS = {"mild": MILD, "varian_like": VARIAN_LIKE, "severe": SEVERE}


def preset(name: str) -> CbctArtefacts:
    """One of the presets by name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in PRESETS:
        raise InputError(
            f"There is no set of CBCT artefacts named {name!r}.", got=name, expected=", ".join(PRESETS)
        )
    return PRESETS[name]
