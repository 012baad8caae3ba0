"""The filters that the second IBSI chapter agreed on: those of its response maps and of its CT image.

Source: Whybra et al. 2024, doi 10.1148/radiol.231319; reference manual, arXiv 2006.05470, chapters on
phases 1 and 2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from terasu.radiomics.filters.description import Dimensions, Filter
from terasu.radiomics.filters.gabor import Gabor
from terasu.radiomics.filters.laplacian import LaplacianOfGaussian
from terasu.radiomics.filters.laws import Laws
from terasu.radiomics.filters.mean import Mean
from terasu.radiomics.filters.riesz import Riesz
from terasu.radiomics.filters.separable_wavelet import SeparableWavelet
from terasu.radiomics.filters.simoncelli import Simoncelli
from terasu.radiomics.prepare import Preparation


@dataclass(frozen=True)
class ResponseMap:
    """One test of phase 1: a digital phantom by name, and what is done to it."""

    phantom: str
    filter: Filter


_WIDE = Gabor(sigma_mm=10, lambda_mm=4, gamma=0.5, theta_deg=60, dimensions=2, boundary="zero")
_LONG = Gabor(sigma_mm=20, lambda_mm=8, gamma=2.5, theta_deg=225, dimensions=2)
RESPONSE_MAPS: Mapping[str, ResponseMap] = MappingProxyType(
    {
        "1.a.1": ResponseMap("checkerboard", Mean(15, boundary="zero")),
        "1.a.2": ResponseMap("checkerboard", Mean(15, boundary="nearest")),
        "1.a.3": ResponseMap("checkerboard", Mean(15, boundary="periodic")),
        "1.a.4": ResponseMap("checkerboard", Mean(15, boundary="mirror")),
        "1.b.1": ResponseMap("impulse", Mean(15, 2, boundary="zero")),
        "2.a": ResponseMap("impulse", LaplacianOfGaussian(3.0, boundary="zero")),
        "2.b": ResponseMap("checkerboard", LaplacianOfGaussian(5.0)),
        "2.c": ResponseMap("checkerboard", LaplacianOfGaussian(5.0, dimensions=2)),
        "3.a.1": ResponseMap("impulse", Laws("E5L5S5", boundary="zero")),
        "3.a.2": ResponseMap("impulse", Laws("E5L5S5", "max", boundary="zero")),
        "3.a.3": ResponseMap("impulse", Laws("E5L5S5", "max", 7, boundary="zero")),
        "3.b.1": ResponseMap("checkerboard", Laws("E3W5R5")),
        "3.b.2": ResponseMap("checkerboard", Laws("E3W5R5", "max")),
        "3.b.3": ResponseMap("checkerboard", Laws("E3W5R5", "max", 7)),
        "3.c.1": ResponseMap("checkerboard", Laws("L5S5")),
        "3.c.2": ResponseMap("checkerboard", Laws("L5S5", "max")),
        "3.c.3": ResponseMap("checkerboard", Laws("L5S5", "max", 7)),
        "4.a.1": ResponseMap("impulse", _WIDE),
        "4.a.2": ResponseMap("impulse", Gabor(10, 4, 0.5, theta_step_deg=45, boundary="zero")),
        "4.b.1": ResponseMap("sphere", _LONG),
        "4.b.2": ResponseMap("sphere", Gabor(20, 8, 2.5, theta_step_deg=22.5)),
        "5.a.1": ResponseMap("impulse", SeparableWavelet("db2", "LHL", boundary="zero")),
        "5.a.2": ResponseMap("impulse", SeparableWavelet("db2", "LHL", 1, "average", "zero")),
        "6.a.1": ResponseMap("sphere", SeparableWavelet("coif1", "HHL", boundary="periodic")),
        "6.a.2": ResponseMap("sphere", SeparableWavelet("coif1", "HHL", 1, "average", "periodic")),
        "7.a.1": ResponseMap("checkerboard", SeparableWavelet("haar", "LLL", 2, "average")),
        "7.a.2": ResponseMap("checkerboard", SeparableWavelet("haar", "HHH", 2, "average")),
        "8.a.1": ResponseMap("checkerboard", Simoncelli(1)),
        "8.a.2": ResponseMap("checkerboard", Simoncelli(2)),
        "8.a.3": ResponseMap("checkerboard", Simoncelli(3)),
        "9.a": ResponseMap("impulse", Riesz(LaplacianOfGaussian(3.0, boundary="zero"), (1, 0, 0))),
        "9.b.1": ResponseMap("sphere", Riesz(LaplacianOfGaussian(3.0, boundary="zero"), (0, 2, 0))),
        "10.b.1": ResponseMap("pattern_1", Riesz(Simoncelli(1, boundary="nearest"), (0, 2, 0))),
    }
)
"""Test → phantom and filter. The standard asks for 9.b.2, 10.a and 10.b.2 too, but agreed on no map."""

PREPARATIONS: Mapping[str, Preparation] = MappingProxyType(
    {
        "A": Preparation(value_range=(-1000, 400)),
        "B": Preparation((1.0, 1.0, 1.0), "cubic", value_range=(-1000, 400)),
    }
)
"""Configuration of phase 2 → what is done to the CT image: A stays as it is, B is interpolated to 1 mm."""


def _of_configuration(dimensions: Dimensions) -> dict[int, Filter | None]:
    flat = dimensions == 2
    return {
        1: None,
        2: Mean(5, dimensions),
        3: LaplacianOfGaussian(1.5, dimensions=dimensions),
        4: Laws("L5E5" if flat else "L5E5E5", "max", 7),
        5: Gabor(5, 2, 1.5, theta_step_deg=22.5, dimensions=dimensions),
        6: SeparableWavelet("db3", "LH" if flat else "LLH", 1, "average"),
        7: SeparableWavelet("db3", "HH" if flat else "HHH", 2, "average"),
        8: Simoncelli(1, dimensions),
        9: Simoncelli(2, dimensions),
    }


FILTERED_CT: Mapping[str, Filter | None] = MappingProxyType(
    {f"{n}.A": one for n, one in _of_configuration(2).items()}
    | {f"{n}.B": one for n, one in _of_configuration(3).items()}
)
"""Test of phase 2 → filter, A in slices and B in the volume; None for the image itself."""
