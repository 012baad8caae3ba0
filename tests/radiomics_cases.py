"""The regions that radiomics is held to: the CT phantom of the IBSI and PyRadiomics' own cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terasu.patient.volume import Volume
from terasu.patient.volume_file import read_mask_file, read_volume_file


def ct_phantom(shared_data: Path) -> tuple[Volume, NDArray[np.bool_]]:
    """A real lung tumour; the file holds HU with small errors of rounding."""
    folder = shared_data / "ibsi" / "ibsi_1_ct_radiomics_phantom" / "nifti"
    read = read_volume_file(folder / "image" / "phantom.nii.gz")
    image = read.with_values(np.rint(read.values).astype(np.int16))
    return image, read_mask_file(folder / "mask" / "mask.nii.gz", image.grid)


def pyradiomics_case(name: str, shared_data: Path) -> tuple[Volume, NDArray[np.bool_]]:
    """``lung1`` or ``brain1``."""
    folder = shared_data / "pyradiomics_cases"
    image = read_volume_file(folder / f"{name}_image.nrrd")
    return image, read_mask_file(folder / f"{name}_label.nrrd", image.grid)
