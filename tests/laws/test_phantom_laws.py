"""Laws of the made patient: more of a knob is more of what it is for, in whole patients of any seed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from terasu.patient.grid import Grid
from terasu.patient.phantom import Anatomy, Day, day_of, phantom_structures
from terasu.patient.phantom.organs import organs_of, volume_cc

COARSE = Grid.from_axes((34, 34, 34), spacing_zyx_mm=(6, 4, 4), origin_lps_mm=(-66, -76, -80))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), first=st.floats(45, 380), more=st.floats(20, 100))
def test_more_bladder_is_more_bladder(seed: int, first: float, more: float) -> None:
    small, large = (Anatomy(seed=seed, bladder_cc=cc) for cc in (first, first + more))
    volumes = [volume_cc(organs_of(one).bladder, one) for one in (small, large)]
    np.testing.assert_allclose(volumes, (first, first + more), rtol=0.01)
    assert organs_of(large).bladder_top_mm > organs_of(small).bladder_top_mm


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 99),
    bladder=st.floats(45, 480),
    gas=st.floats(0, 78),
    prostate=st.floats(22, 85),
)
def test_organs_of_any_day_are_disjoint(seed: int, bladder: float, gas: float, prostate: float) -> None:
    patient = Anatomy(seed=seed, prostate_cc=prostate)
    today = day_of(patient, Day(bladder_cc=bladder, rectal_gas_cc=gas, rotation_deg=0, weight_loss_mm=0))
    masks = phantom_structures(today, COARSE)
    names = ("Bladder", "Prostate", "SeminalVes", "Rectum")
    assert sum(masks[name].astype(int) for name in names).max() == 1
