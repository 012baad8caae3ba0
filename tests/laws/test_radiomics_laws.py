"""What every texture and shape must obey, whatever the region."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from terasu.errors import InputError
from terasu.radiomics.counting import directions, neighbours, pairs, runs, zones
from terasu.radiomics.intensity import histogram, statistics
from terasu.radiomics.morphology import morphology_features
from terasu.radiomics.texture import texture_features

quick = settings(max_examples=25, deadline=None)
SHAPES = st.tuples(st.integers(1, 4), st.integers(2, 5), st.integers(2, 5))


@st.composite
def regions(draw: st.DrawFn) -> np.ndarray:
    levels = draw(arrays(np.int32, draw(SHAPES), elements=st.integers(0, 4)))
    levels.ravel()[draw(st.integers(0, levels.size - 1))] = 4  # never empty, and always four levels
    return levels


@quick
@given(regions(), st.permutations((0, 1, 2)), st.tuples(*[st.booleans()] * 3))
def test_turning_and_mirroring_a_volume_changes_no_volume_feature(levels, order, mirrored) -> None:
    turned = np.transpose(levels, order)
    for axis, flip in enumerate(mirrored):
        turned = np.flip(turned, axis) if flip else turned
    before, after = texture_features(levels), texture_features(turned)
    for code in (one for one in before if "_3D" in one):
        assert after[code] == pytest.approx(before[code], rel=1e-9, abs=1e-9, nan_ok=True), code


@quick
@given(regions())
def test_air_around_a_region_changes_nothing(levels) -> None:
    before, after = texture_features(levels), texture_features(np.pad(levels, 2))
    assert before.keys() == after.keys()
    for code, value in before.items():
        assert after[code] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True), code


@quick
@given(regions())
def test_every_voxel_is_counted_once(levels) -> None:
    voxels, n = int(np.count_nonzero(levels)), int(levels.max())
    ways = directions("volume")
    assert len(ways) == 13
    ran = runs(levels, ways, n, False)[0]
    lengths = np.arange(1, ran.shape[-1] + 1)
    assert ((ran * lengths).sum(axis=(-2, -1)) == voxels).all()
    edge = np.ones_like(levels)
    for in_slice in (True, False):
        assert zones(levels, edge, in_slice)[:, 2].sum() == voxels
        assert neighbours(levels, n, in_slice, 0)[0].sum() == voxels
    counted = pairs(levels, ways, n, False)
    assert np.array_equal(counted, np.swapaxes(counted, -1, -2))


@quick
@given(regions())
def test_levels_that_differ_by_any_amount_depend_on_one_another_if_all_may(levels) -> None:
    """With a coarseness above every difference, dependences count neighbours whatever their level."""
    n = int(levels.max())
    loose = neighbours(levels, n, False, 10)[0]
    one = neighbours((levels > 0).astype(np.int32), 1, False, 0)[0]
    assert np.array_equal(loose.sum(axis=1), one.sum(axis=1))


@quick
@given(regions(), st.tuples(*[st.floats(0.5, 4)] * 3))
def test_morans_and_gearys_sums_over_all_pairs(levels, spacing) -> None:
    inside = levels > 0
    values = np.sin(np.arange(levels.size)).reshape(levels.shape)
    if np.count_nonzero(inside) < 3:
        return
    found = morphology_features(inside, spacing, values)
    places, x = np.argwhere(inside) * spacing, values[inside]
    mean, n = x.mean(), len(x)
    top = bottom = total = 0.0
    for a, b in itertools.permutations(range(n), 2):
        weight = 1 / np.linalg.norm(places[a] - places[b])
        total += weight
        top += weight * (x[a] - mean) * (x[b] - mean)
        bottom += weight * (x[a] - x[b]) ** 2
    spread = np.square(x - mean).sum()
    assert found["morph_moran_i"] == pytest.approx(n / total * top / spread, rel=1e-8, abs=1e-10)
    assert found["morph_geary_c"] == pytest.approx((n - 1) / (2 * total) * bottom / spread, rel=1e-8)


@quick
@given(st.floats(7, 10), st.tuples(*[st.floats(0.8, 1.6)] * 3))
def test_a_ball_is_round_whatever_the_voxels(radius_mm: float, spacing) -> None:
    half = [int(np.ceil(radius_mm / step)) + 1 for step in spacing]
    axes = [np.arange(-n, n + 1) * step for n, step in zip(half, spacing, strict=True)]
    ball = sum(np.square(one) for one in np.meshgrid(*axes, indexing="ij")) <= radius_mm**2
    found = morphology_features(ball, spacing, ball.astype(float))
    assert found["morph_volume"] == pytest.approx(4 / 3 * np.pi * radius_mm**3, rel=0.2)
    assert 0.85 < found["morph_sphericity"] <= 1
    assert found["morph_pca_flatness"] > 0.75
    assert found["morph_vol_dens_conv_hull"] <= 1 + 1e-9


@quick
@example(np.array([0.0, 1.85196256e-81]), 0.0)
@given(arrays(np.float64, st.integers(2, 60), elements=st.floats(-500, 500)), st.floats(-300, 300))
def test_a_constant_added_moves_places_and_no_spreads(values, shift) -> None:
    before, after = statistics(values), statistics(values + shift)
    for name in ("mean", "median", "min", "p10", "p90", "max"):
        assert after[f"stat_{name}"] == pytest.approx(before[f"stat_{name}"] + shift, abs=1e-6)
    for name in ("var", "iqr", "range", "mad", "medad"):
        assert after[f"stat_{name}"] == pytest.approx(before[f"stat_{name}"], rel=1e-6, abs=1e-5)


def test_a_flat_region_has_texture_values_and_no_nan_in_counts() -> None:
    found = texture_features(np.ones((3, 4, 4), np.int32))
    assert found["cm_corr_3D_avg"] == 1
    assert found["ngt_busyness_3D"] == 0
    assert found["szm_z_perc_3D"] == pytest.approx(1 / 48)
    assert histogram(np.ones(5, np.int32))["ih_entropy"] == 0


def test_no_voxels_no_features() -> None:
    with pytest.raises(InputError, match="no texture"):
        texture_features(np.zeros((2, 2, 2), np.int32))
    with pytest.raises(InputError, match="no shape"):
        morphology_features(np.zeros((2, 2, 2), bool), (1, 1, 1), np.zeros((2, 2, 2)))
