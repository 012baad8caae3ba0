"""The calibration curve rises, and nowhere more steeply than a scanner can be off."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from made_body import made_body
from terasu.enhance.context import make_context
from terasu.enhance.hu_calibration import fit_knots
from terasu.patient.transform import Rigid

STEEPEST = 3.0
MADE = made_body()
VIEW = np.ones(MADE.ct.grid.shape_zyx, bool)
CONTEXT = make_context(MADE.ct, MADE.ct, rigid=Rigid.identity(), view=VIEW)


@given(st.floats(-900, -200), st.floats(-400, 0), st.floats(-200, 200), st.floats(0, 600))
def test_no_piece_between_tissues_is_steeper_than_three(
    lung: float, fat: float, soft: float, bone: float
) -> None:
    """Each tissue reads whatever it likes: shading may put lung next to fat."""
    true = MADE.ct.values
    raw = np.select([true < -900, true < -300, true < -30, true < 200], [-1000, lung, fat, soft], bone)
    knots = np.array(fit_knots(MADE.ct.with_values(raw.astype(np.float32)), CONTEXT))
    rise_raw, rise_true = np.diff(knots, axis=0).T
    assert (rise_raw > 0).all()
    assert (rise_true > 0).all()
    # the first piece begins in air, which is known
    assert (rise_true[1:] <= STEEPEST * rise_raw[1:] + 1e-3).all()


def test_an_image_that_reads_true_keeps_every_tissue() -> None:
    knots = np.array(fit_knots(MADE.ct, CONTEXT))
    assert len(knots) == 5
    assert np.allclose(knots[:, 0], knots[:, 1])
