"""Convolutional filters of the second IBSI chapter: an image becomes a response map on the same grid.

::

    Mean                   S60F   the mean around a voxel
    LaplacianOfGaussian    L6PA   blobs of one size
    Laws                   JTXT   level, edge, spot, wave, ripple, and their energy
    Gabor                  Q88H   waves of one length, in slices or three planes
    SeparableWavelet              sub-bands of the stationary transform
    Simoncelli             PRT7   the same band of frequencies in every direction
    Riesz                  AYRS   directional derivatives of the Laplacian of Gaussian or of Simoncelli

Every filter is a frozen description with ``name`` and ``apply(values, spacing_zyx_mm, box=None)``.

Source: Depeursinge et al., IBSI-2 reference manual, arXiv 2006.05470; Whybra et al. 2024, doi
10.1148/radiol.231319
"""

from __future__ import annotations

from terasu.radiomics.filters.boundary import Boundary
from terasu.radiomics.filters.convolution import Pooling
from terasu.radiomics.filters.description import Filter
from terasu.radiomics.filters.gabor import Gabor
from terasu.radiomics.filters.laplacian import LaplacianOfGaussian
from terasu.radiomics.filters.laws import Laws
from terasu.radiomics.filters.mean import Mean
from terasu.radiomics.filters.riesz import Riesz
from terasu.radiomics.filters.separable_wavelet import SeparableWavelet
from terasu.radiomics.filters.simoncelli import Simoncelli

__all__ = [
    "Boundary",
    "Filter",
    "Gabor",
    "LaplacianOfGaussian",
    "Laws",
    "Mean",
    "Pooling",
    "Riesz",
    "SeparableWavelet",
    "Simoncelli",
]
