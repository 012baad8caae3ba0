"""A linac's kV imager in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from terasu.errors import InputError


@dataclass(frozen=True)
class ConeBeamSettings:
    """Geometry, physics and reconstruction of a cone-beam CT.

    Attributes:
        fan: ``full``: centred detector, short scan; ``half``: displaced detector, full turn.
        source_axis_mm, source_detector_mm: distances from the source.
        detector_wide_mm, detector_high_mm: of the flat panel.
        columns: pixels across the panel, square ones.
        displaced_mm: of the panel in half fan.
        projections: number, over 200° (full fan) or 360° (half fan).
        beam_hardening: a spectrum of ``kv`` behind ``aluminium_mm`` and ``titanium_mm``; else one energy.
        scatter_to_primary: behind a wide slab of 30 cm of water, after grid and any correction.
        scatter_sigma_mm: width of scatter at the panel.
        photons_per_mm2: at the panel, open beam, per projection; inf for an image without noise. As it
            stands: the noise of a pelvis scan of a Catphan (presets.toml).
        lag: share of a frame that is still there in the next.
        motion_mm: craniocaudal, from end to end, a sine of ``motion_period_s`` in 10 positions.
        frames_per_s: of the panel.
        couch: a carbon-fibre couch top beneath the patient.
        truncation_mm: length on the panel over which cut projections are led to 0.
        hann_cutoff: of the ramp filter, in shares of the Nyquist frequency; 0 for the ramp alone.
        calibration_mm: diameter of the water phantom with an air insert that the HU were calibrated on.
        work_mm: voxels that are projected.
        pixel_mm, slice_mm: of the image, where no grid is given.
    Raises:
        InputError: an amount that cannot be.
    Source: Varian OBI as in Song et al., Med Phys 2008;35:480, doi 10.1118/1.2825619 (geometry).
    """

    fan: Literal["full", "half"] = "half"
    source_axis_mm: float = 1000.0
    source_detector_mm: float = 1500.0
    detector_wide_mm: float = 397.3
    detector_high_mm: float = 298.0
    columns: int = 256
    displaced_mm: float = 148.0
    projections: int = 360
    beam_hardening: bool = True
    kv: float = 125.0
    aluminium_mm: float = 2.7
    titanium_mm: float = 0.89
    scatter_to_primary: float = 0.3
    scatter_sigma_mm: float = 90.0
    photons_per_mm2: float = 1.6e6
    lag: float = 0.0
    motion_mm: float = 0.0
    motion_period_s: float = 4.0
    frames_per_s: float = 11.0
    couch: bool = False
    truncation_mm: float = 60.0
    hann_cutoff: float = 1.0
    calibration_mm: float = 200.0
    work_mm: float = 2.0
    pixel_mm: float = 1.0
    slice_mm: float = 3.0

    def __post_init__(self) -> None:
        above = (self.source_axis_mm, self.detector_wide_mm, self.detector_high_mm, self.photons_per_mm2)
        steps = (self.work_mm, self.pixel_mm, self.slice_mm, self.motion_period_s, self.frames_per_s)
        least = (self.scatter_to_primary, self.motion_mm, self.hann_cutoff, self.truncation_mm)
        fits = min(*above, *steps, self.scatter_sigma_mm, self.calibration_mm) > 0 and min(least) >= 0
        fits &= 40 <= self.kv <= 150 and 0 <= self.lag < 1 and self.hann_cutoff <= 1
        fits &= self.source_detector_mm > self.source_axis_mm
        if not fits or self.fan not in ("full", "half") or self.columns < 8 or self.projections < 16:
            raise InputError(
                "This cone-beam CT cannot be simulated.",
                got=str(self),
                expected="full or half fan, 40 to 150 kV, at least 16 projections and 8 columns",
                todo="Start from ConeBeamSettings().",
            )

    @property
    def panel_mm(self) -> float:
        """Side of a detector pixel [mm]."""
        return self.detector_wide_mm / self.columns

    @property
    def rows(self) -> int:
        """Pixels down the panel."""
        return max(1, round(self.detector_high_mm / self.panel_mm))

    @property
    def offset_mm(self) -> float:
        """How far the panel's middle is off the beam's axis [mm]."""
        return self.displaced_mm if self.fan == "half" else 0.0

    @property
    def angles_deg(self) -> tuple[float, ...]:
        """Of the gantry, one a projection."""
        arc = 360.0 if self.fan == "half" else 200.0
        return tuple(float(one) for one in np.arange(self.projections) * arc / self.projections)

    @property
    def radius_mm(self) -> float:
        """Of the field of view, about the axis [mm]."""
        edge = self.offset_mm + self.detector_wide_mm / 2
        return float(self.source_axis_mm * np.sin(np.arctan(edge / self.source_detector_mm)))

    @property
    def length_mm(self) -> float:
        """Of the cylinder that every projection sees as a whole [mm]."""
        at_axis = self.detector_high_mm * self.source_axis_mm / self.source_detector_mm
        return at_axis * (1 - self.radius_mm / self.source_axis_mm)
