"""A map of one feature on the image's grid, from the clinic's files to a file that a viewer opens."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from terasu.patient.volume_file import refuse_other_ending, write_volume_file
from terasu.radiomics.pyradiomics import PyRadiomics
from terasu.radiomics.voxel_map import feature_maps
from terasu.workflow.radiomics.at_path import drawing_at, image_at
from terasu.workflow.radiomics.measure import load_image, mask_on
from terasu.workflow.radiomics.recipe import MrChoices


def write_map(
    image: Path,
    mask: Path,
    feature: str,
    out: Path,
    profile: PyRadiomics,
    *,
    roi: str | None = None,
    label: int | None = None,
    radius: int = 1,
) -> int:
    """Write the map of ``feature`` within a cube of ``2 · radius + 1`` voxels around every voxel of a region.

    Args:
        image: volume file or folder of one series; mask: mask file or RTSTRUCT (then ``roi`` names the ROI).
        out: volume file; NaN outside of the region.
    Returns:
        The number of voxels that have a value.
    Raises:
        InputError: no such file, ROI, label or feature.
    """
    refuse_other_ending(out)
    volume = load_image(image_at(image), MrChoices()).volume
    region, _ = mask_on(drawing_at(mask, roi, label), volume)
    made = feature_maps(volume, region, [feature], profile, radius=radius).volume(feature)
    write_volume_file(made, out)
    return int(np.count_nonzero(np.isfinite(made.values)))
