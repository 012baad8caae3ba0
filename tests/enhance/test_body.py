"""The patient without the table, with lungs and gas, also where the field of view cuts him."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from made_body import made_body, made_cbct
from terasu.enhance.body import find_body
from terasu.enhance.context import make_context
from terasu.errors import EnhanceError
from terasu.patient.agreement import dice
from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.transform import Rigid
from terasu.patient.volume import Volume


def test_body_without_table() -> None:
    made = made_body(table=True)
    found = find_body(made.ct)
    assert dice(found, made.body) > 0.985
    assert not found[:, 78:].any()


def test_lungs_and_gas_belong_to_the_body() -> None:
    made = made_body()
    found = find_body(made.ct)
    assert found[made.structures["Lungs"] & made.body].mean() > 0.99
    assert found[made.body & (made.ct.values < -960)].mean() > 0.99


def test_dark_truncated_cbct() -> None:
    """Raw tissue at −250 HU, lungs cut by the field of view: closed with the planned outline."""
    made = made_body()
    cbct, view = made_cbct(made.ct, radius_mm=95)
    found = find_body(cbct, view=view, beyond=made.body)
    assert dice(found, made.body & view) > 0.98
    lungs = made.structures["Lungs"] & view & made.body
    assert found[lungs].mean() > 0.97


def test_all_air_is_refused() -> None:
    made = made_body()
    with pytest.raises(EnhanceError, match="No patient"):
        find_body(made.ct.with_values(np.full_like(made.ct.values, -1000)))


def test_context_on_a_finer_grid_in_another_frame() -> None:
    """CBCT with its own pixel and frame of reference: body and planning CT land where the rigid says."""
    made = made_body()
    matrix = np.eye(4)
    matrix[:3, 3] = (-200, 50, 30)
    rigid = Rigid(matrix, "day", made.ct.grid.frame_of_reference_uid)
    grid = Grid.from_axes(
        (30, 100, 100),
        spacing_zyx_mm=(4, 2.6, 2.6),
        origin_lps_mm=(70, -180, -90),
        frame_of_reference_uid="day",
    )
    day = resample(made.ct, grid, through=rigid, outside=-1000)
    context = make_context(day, made.ct, rigid=rigid, view=np.ones(grid.shape_zyx, bool))
    assert np.array_equal(context.planning.values, day.values)
    truth = resample(
        made.ct.with_values(made.body.astype(np.uint8)),
        grid,
        through=rigid,
        interpolation="nearest",
        outside=0,
    )
    assert dice(context.body, truth.values > 0) > 0.97
    inside = made.ct.grid.contains(rigid.apply(grid.to_lps_mm(np.argwhere(np.ones(grid.shape_zyx)))))
    assert np.mean(context.reach.ravel() != inside) < 1e-3


def test_a_dark_rim_was_not_measured_and_a_lost_layer_of_fat_was() -> None:
    """Cut by the field of view, tissue near the cut may read as air; skin that has moved in is seen."""
    made = made_body()
    cbct, view = made_cbct(made.ct, radius_mm=115)
    edge = view & ~ndimage.binary_erosion(view, np.ones((1, 7, 7), bool)) & made.body
    spoilt = cbct.with_values(np.where(edge, -1000, cbct.values).astype(cbct.values.dtype))
    below_skin = edge & ndimage.binary_erosion(made.body, np.ones((1, 9, 9), bool))
    assert below_skin.sum() > 1000
    context = make_context(spoilt, made.ct, rigid=Rigid.identity(), view=view)
    assert context.view[below_skin].mean() < 0.03
    assert context.body[below_skin].mean() > 0.97
    inside = ndimage.binary_erosion(view & made.body, np.ones((1, 15, 15), bool))
    assert context.view[inside].mean() > 0.999

    cbct, view = made_cbct(made.ct, radius_mm=125)
    skin = made.body & ~ndimage.binary_erosion(made.body, np.ones((1, 5, 5), bool))
    lost = skin & ndimage.binary_erosion(view, np.ones((1, 9, 9), bool))
    slimmer = cbct.with_values(np.where(skin, -1000, cbct.values).astype(cbct.values.dtype))
    assert lost.sum() > 1000
    context = make_context(slimmer, made.ct, rigid=Rigid.identity(), view=view)
    assert context.body[lost].mean() < 0.05
    assert context.view[lost].mean() > 0.95


@pytest.mark.parametrize("prone", [False, True])
def test_a_thick_board_that_touches_the_patient_goes(prone: bool) -> None:
    """As dense as fat and 24 mm thick, so that an opening leaves it; flat, as tops for radiotherapy are."""
    grid = Grid.from_axes((12, 110, 180), spacing_zyx_mm=(5, 3, 3), origin_lps_mm=(-268, -163, 0))
    x, y, _ = np.moveaxis(grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1)), -1, 0)
    y = -y if prone else y
    patient = (x / 160) ** 2 + (y / 100) ** 2 < 1
    board = (y > 97) & (y < 121) & (np.abs(x) < 250)
    image = Volume(np.where(patient, 40.0, np.where(board, -100.0, -1000.0)).astype(np.float32), grid, "HU")
    found = find_body(image)
    assert found[patient].mean() > 0.995
    assert not found[board & (y > 109)].any()
    assert dice(found, patient) > 0.98


def test_a_curved_board_takes_nothing_of_the_patient() -> None:
    """Its sides stand higher than the patient's back: cut at their height, he would lose his back."""
    grid = Grid.from_axes((12, 110, 180), spacing_zyx_mm=(5, 3, 3), origin_lps_mm=(-268, -163, 0))
    x, y, _ = np.moveaxis(grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1)), -1, 0)
    patient = (x / 160) ** 2 + (y / 100) ** 2 < 1
    top = 101 - np.square(x) / 700
    board = (y > top) & (y < top + 12) & (np.abs(x) < 250)
    hu = np.where(patient, 40.0, np.where(board, -100.0, -1000.0)).astype(np.float32)
    assert find_body(Volume(hu, grid, "HU"))[patient].mean() > 0.995
