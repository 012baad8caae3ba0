"""Samples drawn from prepared cases: single slices, slices with neighbours, 3-D patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.learn.prepared import PreparedCase

Sample = dict[str, NDArray[np.float32]]
BEYOND: Mapping[str, float] = MappingProxyType({"image": -1000.0, "truth": -1000.0})
"""Value beyond the edge of an array; 0 for masks and labels."""
_LEAST_BODY = 0.02


@dataclass(frozen=True)
class Shape:
    """What one sample looks like.

    Attributes:
        size_yx: rows, columns.
        depth: slices; 1 for 2-D.
        as_channels: 2-D and 2.5-D: the slices are the channels of the image, and masks and truth have only
            the middle one. If not, a 3-D patch.
    """

    size_yx: tuple[int, int]
    depth: int = 1
    as_channels: bool = True

    def __post_init__(self) -> None:
        if min(*self.size_yx, self.depth) < 1 or (self.as_channels and self.depth % 2 == 0):
            raise InputError(
                "No sample looks like this.",
                got=str(self),
                expected="sizes above 0, and an odd number of neighbouring slices",
            )


@dataclass(frozen=True, eq=False)
class Samples:
    """Places that may be drawn, each a case and its middle slice.

    Attributes:
        cases: prepared cases.
        names: arrays that a sample has.
        shape: of a sample.
        places: (n, 2) index of the case and of the middle slice.
        patients_yx: case by case, the rows and columns that the patient fills.
    """

    cases: tuple[PreparedCase, ...]
    names: tuple[str, ...]
    shape: Shape
    places: NDArray[np.intp]
    patients_yx: tuple[tuple[slice, slice], ...]

    def draw(self, count: int, chance: np.random.Generator) -> Sample:
        """``count`` samples with replacement, cropped at random where the patient is.

        Returns:
            Array → (count, depth or 1, y, x) float32, or (count, 1, z, y, x) of 3-D patches.
        """
        chosen = self.places[chance.integers(len(self.places), size=count)]
        return self._stacked([self._cut(int(case), int(middle), chance) for case, middle in chosen])

    def at(self, numbers: Sequence[int]) -> Sample:
        """Chosen places, cropped in the middle: the same every time, for previews and validation."""
        chosen = self.places[np.asarray(numbers, np.intp)]
        return self._stacked([self._cut(int(case), int(middle), None) for case, middle in chosen])

    def _cut(self, case: int, middle: int, chance: np.random.Generator | None) -> Sample:
        shape_zyx, patient = self.cases[case].facts.shape_zyx, self.patients_yx[case]
        start_yx = [
            _start(have, want, extent, chance)
            for have, want, extent in zip(shape_zyx[1:], self.shape.size_yx, patient, strict=True)
        ]
        return {name: self._part(case, name, middle, start_yx) for name in self.names}

    def _part(self, case: int, name: str, middle: int, start_yx: list[int]) -> NDArray[np.float32]:
        one_slice = self.shape.as_channels and name != "image"
        depth = 1 if one_slice else self.shape.depth
        start = (middle - depth // 2, *start_yx)
        part = box(self.cases[case].array(name), start, (depth, *self.shape.size_yx), BEYOND.get(name, 0.0))
        return part if self.shape.as_channels else part[None]

    def _stacked(self, parts: list[Sample]) -> Sample:
        return {name: np.stack([part[name] for part in parts]) for name in self.names}


def samples_of(
    cases: Sequence[PreparedCase],
    shape: Shape,
    *,
    names: Sequence[str] = ("image",),
    at_most: int | None = None,
    seed: int = 0,
) -> Samples:
    """All slices that show a patient, or ``at_most`` of them.

    Args:
        cases: a slice counts where at least 2 % of it is the case's ``body``.
        names: arrays that each sample has.
        at_most: slices kept, patient after patient in a drawn order, so that few slices are few patients;
            of the last patient slices from everywhere, not a stretch of the body.
        seed: of that order.
    Raises:
        InputError: no slice is left, or fewer than ``at_most``.
    """
    kept = tuple(cases)
    chance = np.random.default_rng([seed, 5])
    order = chance.permutation(len(kept))
    places = np.array(
        [(case, k) for case in order for k in chance.permutation(_with_patient(kept[case]))], np.intp
    )
    wanted = at_most if at_most is not None else max(len(places), 1)
    if len(places) < wanted:
        raise InputError(
            "There are too few slices that show a patient.",
            got=f"{len(places)} slices of {len(kept)} cases",
            expected=f"{wanted}",
            todo="Prepare more cases.",
        )
    return Samples(kept, tuple(names), shape, places[:wanted], tuple(_extent(case) for case in kept))


def box(
    values: NDArray[Any], start: Sequence[int], size: Sequence[int], beyond: float
) -> NDArray[np.float32]:
    """A box of an array; where it reaches beyond the array it holds ``beyond``."""
    out = np.full(tuple(size), beyond, np.float32)
    low = [max(0, one) for one in start]
    high = [min(n, one + want) for n, one, want in zip(values.shape, start, size, strict=True)]
    if all(a < b for a, b in zip(low, high, strict=True)):
        here = tuple(slice(a - one, b - one) for a, b, one in zip(low, high, start, strict=True))
        out[here] = values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return out


def _with_patient(case: PreparedCase) -> NDArray[np.intp]:
    if "body" not in case.facts.sha256:
        return np.arange(case.facts.shape_zyx[0])
    return np.flatnonzero(case.array("body").mean(axis=(1, 2)) >= _LEAST_BODY)


def _extent(case: PreparedCase) -> tuple[slice, slice]:
    if "body" not in case.facts.sha256 or not case.array("body").any():
        _, rows, columns = case.facts.shape_zyx
        return slice(0, rows), slice(0, columns)
    flat = np.asarray(case.array("body").max(axis=0) > 0)
    rows_in, columns_in = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    return slice(int(rows_in[0]), int(rows_in[-1]) + 1), slice(int(columns_in[0]), int(columns_in[-1]) + 1)


def _start(have: int, want: int, patient: slice, chance: np.random.Generator | None) -> int:
    """A small array is put in the middle; of a large one a part of the patient is cut, or all of him."""
    if have <= want:
        return (have - want) // 2
    low, high = sorted((patient.start, patient.stop - want))
    low, high = max(0, min(low, have - want)), max(0, min(high, have - want))
    return (low + high) // 2 if chance is None else int(chance.integers(low, high + 1))
