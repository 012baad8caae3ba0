"""What every improvement has to keep to, whatever it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_body import MadeBody, made_body, made_cbct
from terasu.enhance.arms import ARMS
from terasu.enhance.context import make_context
from terasu.enhance.contract import Context, Enhanced, Enhancer
from terasu.enhance.measure import hu_error, hu_error_by_tissue
from terasu.errors import EnhanceError, GeometryError
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.transform import Deformation, Rigid
from terasu.patient.volume import Volume

CORRECTING = [name for name in ARMS if name != "raw"]


@pytest.fixture(params=ARMS)
def arm(request: pytest.FixtureRequest) -> Enhancer:
    return ARMS[request.param]


@pytest.fixture(scope="module")
def body() -> MadeBody:
    return made_body()


@pytest.fixture(scope="module")
def shaded(body: MadeBody) -> tuple[Volume, Context]:
    cbct, view = made_cbct(body.ct)
    return cbct, make_context(cbct, body.ct, rigid=Rigid.identity(), view=view)


@pytest.fixture(scope="module")
def perfect(body: MadeBody) -> tuple[Volume, Context]:
    """A day that is the planning CT itself, truncated."""
    cbct, view = made_cbct(body.ct, noise_hu=0, shading=0)
    return cbct, make_context(cbct, body.ct, rigid=Rigid.identity(), view=view)


def inner(context: Context) -> Mask:
    return np.asarray(context.view & context.body & context.reach)


def planned_gas_of(body: MadeBody) -> Mask:
    return np.asarray((body.ct.values < -900) & body.body & ~body.structures["Lungs"])


def test_name_is_the_key() -> None:
    assert all(arm.name == key and arm.version for key, arm in ARMS.items())


def test_result_is_hu_on_the_same_grid_and_says_who_made_it(
    arm: Enhancer, shaded: tuple[Volume, Context]
) -> None:
    cbct, context = shaded
    found = arm.apply(cbct, context)
    assert found.volume.grid.agrees_with(cbct.grid)
    assert found.volume.unit == "HU" and found.volume.values.dtype == np.float32
    assert np.isfinite(found.volume.values).all() and found.volume.values.min() >= -1000
    assert arm.name in found.volume.source.made_by and "terasu" in found.volume.source.made_by
    assert all(isinstance(value, float | str | tuple) for value in found.card.values())


def test_truncation_is_the_planning_ct_and_is_marked(arm: Enhancer, shaded: tuple[Volume, Context]) -> None:
    cbct, context = shaded
    found = arm.apply(cbct, context)
    assert np.array_equal(found.filled, ~context.view)
    assert np.array_equal(found.volume.values[found.filled], context.planning.values[found.filled])


def test_what_came_in_is_untouched_and_the_answer_is_the_same_twice(
    arm: Enhancer, shaded: tuple[Volume, Context]
) -> None:
    cbct, context = shaded
    before = (cbct.values.copy(), context.planning.values.copy(), context.view.copy(), context.body.copy())
    first, second = arm.apply(cbct, context), arm.apply(cbct, context)
    assert np.array_equal(first.volume.values, second.volume.values)
    after = (cbct.values, context.planning.values, context.view, context.body)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", [name for name in ARMS if name != "density_override"])
def test_a_perfect_image_stays_what_it_is(name: str, perfect: tuple[Volume, Context]) -> None:
    cbct, context = perfect
    found = ARMS[name].apply(cbct, context)
    error = hu_error(found.volume, context.planning, inner(context))
    assert abs(error.mean_hu) < 2.0 and error.mean_absolute_hu < 4.0


def test_override_of_a_perfect_image_keeps_the_means(perfect: tuple[Volume, Context]) -> None:
    cbct, context = perfect
    found = ARMS["density_override"].apply(cbct, context)
    errors = hu_error_by_tissue(found.volume, context.planning, inner(context))
    assert abs(errors["soft"].mean_hu) < 15 and abs(errors["fat"].mean_hu) < 25


@pytest.mark.parametrize("name", CORRECTING)
def test_shading_gets_smaller(name: str, shaded: tuple[Volume, Context]) -> None:
    cbct, context = shaded
    before, after = (
        hu_error_by_tissue(volume, context.planning, inner(context))["soft"]
        for volume in (cbct, ARMS[name].apply(cbct, context).volume)
    )
    assert before.mean_absolute_hu > 100
    assert abs(after.mean_hu) < 0.4 * abs(before.mean_hu)
    most = 0.9 if name == "hu_calibration" else 0.6
    assert after.mean_absolute_hu < most * before.mean_absolute_hu


@pytest.mark.parametrize("name", ["raw", "hu_calibration", "histogram_matching", "shading_correction"])
def test_a_second_time_changes_little(name: str, shaded: tuple[Volume, Context]) -> None:
    cbct, context = shaded
    once = ARMS[name].apply(cbct, context).volume
    twice = ARMS[name].apply(once, context).volume
    first, second = (
        hu_error(image, of, inner(context)).mean_absolute_hu for image, of in ((once, cbct), (twice, once))
    )
    assert second < 8.0 and second <= 0.2 * first


def test_air_stays_air(arm: Enhancer, body: MadeBody, shaded: tuple[Volume, Context]) -> None:
    """Gas that planning CT and day share, deep in the patient, may not become tissue."""
    cbct, context = shaded
    gas = planned_gas_of(body) & context.view
    assert gas.sum() > 100
    assert np.median(arm.apply(cbct, context).volume.values[gas]) < -900


def test_whole_numbers_will_do(arm: Enhancer, shaded: tuple[Volume, Context]) -> None:
    cbct, context = shaded
    whole = cbct.with_values(cbct.values.astype(np.int16))
    found: Enhanced = arm.apply(whole, context)
    error = hu_error(found.volume, arm.apply(cbct, context).volume, inner(context))
    assert error.mean_absolute_hu < 3.0


@pytest.mark.parametrize("what", ["nan", "all air", "modality", "unit", "planning nan"])
def test_what_cannot_be_improved_is_refused(what: str, arm: Enhancer, shaded: tuple[Volume, Context]) -> None:
    cbct, context = shaded
    if what == "nan":
        values = cbct.values.copy()
        values[20, 40, 40] = np.inf
        cbct = cbct.with_values(values)
    elif what == "all air":
        cbct = cbct.with_values(np.full_like(cbct.values, -1000))
    elif what == "modality":
        cbct = Volume(cbct.values, cbct.grid, "HU", replace(cbct.source, modality="MR"))
    elif what == "unit":
        cbct = cbct.with_values(cbct.values, unit="Gy")
    else:
        planning = context.planning.values.copy()
        planning[0, 0, 0] = np.nan
        context = replace(context, planning=context.planning.with_values(planning))
    with pytest.raises(EnhanceError):
        arm.apply(cbct, context)


def test_another_grid_is_refused(arm: Enhancer, shaded: tuple[Volume, Context]) -> None:
    cbct, context = shaded
    affine = cbct.grid.affine.copy()
    affine[0, 3] += 2
    with pytest.raises(GeometryError):
        arm.apply(Volume(cbct.values, Grid(cbct.grid.shape_zyx, affine), "HU", cbct.source), context)


def test_moved_gas_reaches_the_virtual_ct(body: MadeBody) -> None:
    """Planned gas that is gone today is filled, today's gas is there, and both are counted."""
    planned_gas = planned_gas_of(body)
    day_gas = np.roll(planned_gas, 14, axis=2)
    day = body.ct.values.copy()
    day[planned_gas] = 40
    day[day_gas] = -980
    cbct, view = made_cbct(body.ct.with_values(day))
    context = make_context(cbct, body.ct, rigid=Rigid.identity(), view=view)
    found = ARMS["virtual_ct"].apply(cbct, context)
    assert np.median(found.volume.values[planned_gas & view]) > -100
    assert np.median(found.volume.values[day_gas & view]) < -900
    assert float(found.card["planned_gas_cc"]) > 2 and float(found.card["day_gas_cc"]) > 2


def test_virtual_ct_takes_the_deformation(body: MadeBody) -> None:
    cbct, view = made_cbct(body.ct)
    shift = np.zeros((*cbct.grid.shape_zyx, 3), np.float32)
    shift[..., 1] = 7.0
    context = make_context(
        cbct, body.ct, rigid=Rigid.identity(), view=view, deformation=Deformation(shift, cbct.grid)
    )
    found = ARMS["virtual_ct"].apply(cbct, context)
    assert found.card["deformed"] == "yes" and not found.notes
    assert context.deformed is not None
    error = hu_error(found.volume, context.deformed, inner(context) & (context.deformed.values > -200))
    assert error.mean_absolute_hu < 40
