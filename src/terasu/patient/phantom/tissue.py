"""HU of the made patient's tissues at about 120 kV, as a planning CT of 3 mm slices shows them.

Source: compositions and densities of ICRU Report 44 (1989) and Report 46 (1992), turned into HU by
Schneider et al., Phys Med Biol 1996;41:111, doi 10.1088/0031-9155/41/1/009, and 2000;45:459, doi
10.1088/0031-9155/45/2/314; rounded. Solid cortical bone would be near 1500: 900 to 1200 is what a shell
of a few millimetres, with its canals, measures. The spread about the mean (texture) is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.patient.phantom.shapes import F32


@dataclass(frozen=True)
class Tissue:
    """One kind of material.

    Attributes:
        name: what it is.
        hu: mean [HU].
    """

    name: str
    hu: float


AIR = Tissue("air", -1000)
GAS = Tissue("gas", -990)
FAT = Tissue("fat", -100)
SKIN = Tissue("skin", 10)
MUSCLE = Tissue("muscle", 52)
LOOSE = Tissue("loose connective tissue", -20)
BLOOD = Tissue("blood", 45)
BOWEL_WALL = Tissue("bowel wall", 40)
CHYME = Tissue("bowel content", 22)
STOOL = Tissue("stool", 30)
URINE = Tissue("urine", 7)
PROSTATE = Tissue("prostate", 40)
GLAND = Tissue("central gland", 46)
VESICLE = Tissue("seminal vesicle", 28)
BULB = Tissue("penile bulb", 55)
CARTILAGE = Tissue("cartilage", 95)
CORTICAL = Tissue("cortical bone", 1050)
THIN_CORTEX = Tissue("thin cortex", 900)
SPONGIOSA = Tissue("cancellous bone with red marrow", 200)
DENSE_SPONGIOSA = Tissue("femoral head", 280)
YELLOW_MARROW = Tissue("yellow marrow", -50)
CHALK = Tissue("calcification", 650)
METAL = Tissue("metal, at the end of a 12 bit scale", 3071)
COUCH_SHELL = Tissue("carbon fibre", -250)
COUCH_FOAM = Tissue("foam", -930)

_SPREAD = np.array(
    # HU, standard deviation of the texture [HU]
    [
        (-1000, 0),
        (-900, 0),
        (-250, 5),
        (-100, 8),
        (-50, 10),
        (0, 4),
        (10, 4),
        (30, 7),
        (52, 8),
        (95, 12),
        (200, 55),
        (280, 60),
        (900, 70),
        (1050, 45),
        (1300, 0),
        (4000, 0),
    ],
    dtype=np.float32,
)


def texture_of(hu: F32) -> F32:
    """Standard deviation of the texture [HU] of a material with this HU."""
    return np.interp(hu, _SPREAD[:, 0], _SPREAD[:, 1]).astype(np.float32)
