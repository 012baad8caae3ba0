"""Values into grey levels: bins of a fixed size, or a fixed number of bins (IBSI section 2.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError

Array = NDArray[np.float64]
Levels = NDArray[np.int32]


@dataclass(frozen=True)
class FixedBinSize:
    """Bins of one size; the first begins at the lower end of the recipe's range, else at the lowest value."""

    size: float

    def __post_init__(self) -> None:
        _positive(self.size, "size")

    def levels(self, values: NDArray[Any], lowest: float | None = None) -> tuple[Levels, Array]:
        """Levels (n,) from 1, and the edges of their bins."""
        start = float(values.min()) if lowest is None else float(lowest)
        found = np.floor((values - start) / self.size).astype(np.int32) + 1
        edges = start + self.size * np.arange(int(found.max()) + 1, dtype=np.float64)
        return found, np.asarray(edges, np.float64)


@dataclass(frozen=True)
class FixedBinNumber:
    """So many bins of equal size between the lowest and the highest value of the region."""

    number: int

    def __post_init__(self) -> None:
        _positive(self.number, "number")

    def levels(self, values: NDArray[Any], lowest: float | None = None) -> tuple[Levels, Array]:  # noqa: ARG002
        """Levels (n,) from 1, and the edges of their bins; a flat region is of level 1."""
        low, high = float(values.min()), float(values.max())
        if high == low:
            return np.ones(values.shape, np.int32), np.array([low, high])
        share = (values - low) / (high - low)
        found = np.minimum(np.floor(self.number * share).astype(np.int32) + 1, self.number)
        return found.astype(np.int32), np.linspace(low, high, self.number + 1, dtype=np.float64)


Bins = FixedBinSize | FixedBinNumber


def _positive(value: float, what: str) -> None:
    if not value > 0:
        raise InputError(
            f"The {what} of bins must be positive.",
            got=str(value),
            expected="a number above 0",
            todo="Correct the recipe.",
        )
