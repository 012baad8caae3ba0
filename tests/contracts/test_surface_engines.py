"""What every engine of surface distances owes, whatever surface it sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from terasu.errors import GeometryError, InputError
from terasu.segment.engines import ENGINES, EngineName, surface_distances
from terasu.segment.surface_measures import hausdorff_mm, mean_distance_mm, surface_dice

MASKS = hnp.arrays(np.bool_, (5, 6, 7)).filter(lambda mask: bool(mask.any()))
SPACINGS = st.tuples(*(st.floats(0.5, 5) for _ in range(3)))
pytestmark = pytest.mark.parametrize("engine", ENGINES)


@settings(deadline=None)
@given(mask=MASKS, spacing=SPACINGS)
def test_a_mask_agrees_with_itself(
    engine: EngineName, mask: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    found = surface_distances(mask, mask, spacing, engine=engine)
    assert hausdorff_mm(found) <= 1e-6
    assert surface_dice(found, 1e-6) == pytest.approx(1)
    assert found.engine == engine


@settings(deadline=None)
@given(first=MASKS, second=MASKS, spacing=SPACINGS)
def test_which_one_is_called_reference_does_not_matter(
    engine: EngineName, first: np.ndarray, second: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    there = surface_distances(first, second, spacing, engine=engine)
    back = surface_distances(second, first, spacing, engine=engine)
    for measure in (hausdorff_mm, mean_distance_mm, lambda found: surface_dice(found, 2.0)):
        assert measure(there) == pytest.approx(measure(back))


@settings(max_examples=30, deadline=None)
@given(
    first=MASKS,
    second=MASKS,
    before=st.tuples(*(st.integers(0, 4) for _ in range(3))),
    after=st.tuples(*(st.integers(0, 4) for _ in range(3))),
)
def test_where_in_the_image_does_not_matter(
    engine: EngineName,
    first: np.ndarray,
    second: np.ndarray,
    before: tuple[int, int, int],
    after: tuple[int, int, int],
) -> None:
    moved = [np.pad(mask, list(zip(before, after, strict=True))) for mask in (first, second)]
    here = surface_distances(first, second, (3, 1, 1.2), engine=engine)
    there = surface_distances(*moved, (3, 1, 1.2), engine=engine)
    assert np.allclose(np.sort(here.there_mm), np.sort(there.there_mm))
    assert mean_distance_mm(here) == pytest.approx(mean_distance_mm(there))


@settings(deadline=None)
@given(first=MASKS, second=MASKS, small_mm=st.floats(0, 6), more_mm=st.floats(0, 6))
def test_a_wider_tolerance_never_finds_less(
    engine: EngineName, first: np.ndarray, second: np.ndarray, small_mm: float, more_mm: float
) -> None:
    found = surface_distances(first, second, (3, 1, 1), engine=engine)
    assert 0 <= surface_dice(found, small_mm) <= surface_dice(found, small_mm + more_mm) <= 1 + 1e-12


@settings(deadline=None)
@given(first=MASKS, second=MASKS)
def test_no_percentile_lies_beyond_the_largest(
    engine: EngineName, first: np.ndarray, second: np.ndarray
) -> None:
    found = surface_distances(first, second, (3, 1, 1), engine=engine)
    assert hausdorff_mm(found, 50) <= hausdorff_mm(found, 95) <= hausdorff_mm(found)


def test_empty_masks_and_other_grids_are_refused(engine: EngineName) -> None:
    full, none = np.ones((3, 3, 3), dtype=bool), np.zeros((3, 3, 3), dtype=bool)
    with pytest.raises(InputError, match="empty"):
        surface_distances(full, none, (1, 1, 1), engine=engine)
    with pytest.raises(GeometryError, match="different grids"):
        surface_distances(full, full[:2], (1, 1, 1), engine=engine)
