"""What the made patient is painted with, bones to organs: what comes later lies over what came before."""

from __future__ import annotations

from dataclasses import dataclass

from terasu.patient.phantom import bones, tissue
from terasu.patient.phantom.anatomy import Anatomy
from terasu.patient.phantom.bowel import BOWEL_WALL_MM, loops, vessels
from terasu.patient.phantom.organs import WALL_MM, organs_of
from terasu.patient.phantom.shapes import F32, Shape, both, chain, ellipsoid, flipped, grown, union
from terasu.patient.phantom.tissue import Tissue


@dataclass(frozen=True, eq=False)
class Layer:
    """A shape and its shells.

    Attributes:
        shape: where.
        shells: (depth below the surface [mm], tissue) from the surface inwards.
    """

    shape: Shape
    shells: tuple[tuple[float, Tissue], ...]


def layers_of(anatomy: Anatomy) -> tuple[Layer, ...]:
    """Everything but skin, fat and muscle; organs lie over bowel."""
    return (*_vessels(), *_gut(anatomy), *_skeleton(anatomy), *_organs(anatomy), *_extras(anatomy))


def _layer(shape: Shape, kind: Tissue, *inner: tuple[float, Tissue]) -> Layer:
    return Layer(shape, ((0.0, kind), *inner))


def _pair(shape: Shape, kind: Tissue, *inner: tuple[float, Tissue]) -> tuple[Layer, Layer]:
    return _layer(shape, kind, *inner), _layer(flipped(shape), kind, *inner)


def _vessels() -> tuple[Layer, ...]:
    return tuple(layer for one in vessels() for layer in _pair(one, tissue.BLOOD))


def _skeleton(anatomy: Anatomy) -> tuple[Layer, ...]:
    marrow = bones.femoral_marrow()
    return (
        *_pair(bones.joint_space(), tissue.CARTILAGE),
        _layer(bones.symphysis(), tissue.CARTILAGE),
        *_pair(bones.hip_bone(), tissue.THIN_CORTEX, (1.9, tissue.SPONGIOSA)),
        _layer(bones.sacrum(), tissue.THIN_CORTEX, (1.6, tissue.SPONGIOSA)),
        _layer(bones.sacral_canal(), tissue.LOOSE),
        *(layer for hole in bones.sacral_holes() for layer in _pair(hole, tissue.LOOSE)),
        _layer(bones.coccyx(), tissue.THIN_CORTEX, (1.6, tissue.SPONGIOSA)),
        *_pair(bones.femur(), tissue.CORTICAL),
        *_pair(marrow, tissue.SPONGIOSA),
        *_pair(both(marrow, _below_the_trochanters()), tissue.YELLOW_MARROW),
        *_pair(both(marrow, grown(bones.femoral_head(), -1)), tissue.DENSE_SPONGIOSA),
        *_prosthesis(anatomy),
    )


def _below_the_trochanters() -> Shape:
    def distance(x: F32, y: F32, z: F32) -> F32:  # noqa: ARG001  (a half space)
        return z + 72

    return Shape((-170, -60, -230), (170, 60, -72), distance)


def _prosthesis(anatomy: Anatomy) -> tuple[Layer, ...]:
    if not anatomy.hip_prosthesis:
        return ()
    metal = union(bones.stem(), bones.cup())
    gone = both(grown(bones.femoral_head(), 4), grown(bones.femur(), 4))
    left = _layer(gone, tissue.LOOSE), _layer(metal, tissue.METAL)
    right = _layer(flipped(gone), tissue.LOOSE), _layer(flipped(metal), tissue.METAL)
    return left if anatomy.hip_prosthesis == "L" else right


def _gut(anatomy: Anatomy) -> tuple[Layer, ...]:
    found: list[Layer] = []
    for wall, bubble in loops(anatomy, organs_of(anatomy)):
        found.append(_layer(wall, tissue.BOWEL_WALL, (BOWEL_WALL_MM, tissue.CHYME)))
        found += [_layer(bubble, tissue.GAS)] if bubble else []
    return tuple(found)


def _organs(anatomy: Anatomy) -> tuple[Layer, ...]:
    organs = organs_of(anatomy)
    canal = chain([(0, 57, -60, 9), (0, 60, -72, 9), (0, 66, -86, 9)])
    gas = (_layer(organs.gas, tissue.GAS),) if organs.gas else ()
    gland = both(grown(organs.prostate, -4), _centre_of(organs.prostate))
    return (
        _layer(canal, tissue.MUSCLE),
        _layer(organs.rectum, tissue.BOWEL_WALL, (WALL_MM, tissue.STOOL)),
        *gas,
        _layer(organs.prostate, tissue.PROSTATE),
        _layer(gland, tissue.GLAND),
        _layer(organs.vesicles, tissue.VESICLE),
        _layer(organs.bladder, tissue.BOWEL_WALL, (WALL_MM, tissue.URINE)),
        _layer(penile_bulb(), tissue.BULB),
    )


def penile_bulb() -> Shape:
    """The bulb at the root of the penis, about 5 cm³."""
    return ellipsoid((0, 34, -69), (11, 12, 9))


def _centre_of(prostate: Shape) -> Shape:
    low, high = prostate.low_lps_mm, prostate.high_lps_mm
    x, y, z = ((a + b) / 2 for a, b in zip(low, high, strict=True))
    return ellipsoid((x, y - 4, z + 5), (15, 11, 14))


def _extras(anatomy: Anatomy) -> tuple[Layer, ...]:
    low, high = organs_of(anatomy).prostate.low_lps_mm, organs_of(anatomy).prostate.high_lps_mm
    x, y, z = ((a + b) / 2 for a, b in zip(low, high, strict=True))
    found: list[Layer] = []
    if anatomy.calcifications:
        spots = ((-6, 2, 3, 1.8), (4, 1, -2, 2.2), (9, 5, 6, 1.6), (-2, 4, 8, 1.5))
        found += [_layer(ellipsoid((x + a, y + b, z + c), (r, r, r)), tissue.CHALK) for a, b, c, r in spots]
    if anatomy.fiducials:
        for a, b, c in ((-10, 2, 4), (11, 5, 0), (2, -4, -9)):
            seed = chain([(x + a, y + b, z + c - 1.5, 0.7), (x + a, y + b, z + c + 1.5, 0.7)])
            found.append(_layer(seed, tissue.METAL))
    return tuple(found)
