"""DVH, profile and histogram."""

from __future__ import annotations

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.made_content import made_content
from terasu.report.content import DvhCurve
from terasu.report.curves import arms_drawn, as_svg, draw_dvh, draw_histogram, draw_profile
from terasu.report.profiles import histogram, profile, target_extent
from terasu.report.stage import set_stage, targets_and_organs
from terasu.report.style import colours_of, drawable, drawing


def _axes() -> Axes:
    return Figure(figsize=(6, 4)).add_subplot()


def test_the_plan_is_solid_the_day_is_dashed_and_every_structure_is_named() -> None:
    content = made_content()
    axes = _axes()
    with drawing():
        colours = colours_of(*targets_and_organs(content))
        draw_dvh(axes, content.dvh, colours, prescription_gy=60.0)
    named = {text.get_text() for text in axes.texts}
    assert {"PTV", "CTV", "Bladder", "Rectum"} <= named
    drawn = axes.lines[: len(content.dvh)]
    for curve, line in zip(content.dvh, drawn, strict=True):
        assert (line.get_linestyle() == "-") == (curve.arm == "plan")
        assert line.get_color() == colours[curve.structure].on_white
    key = axes.get_legend()
    assert key is not None
    assert [text.get_text() for text in key.get_texts()] == ["plan", "improved"]


def test_no_more_arms_are_drawn_than_lines_can_tell_apart() -> None:
    curves = made_content().dvh
    more = [replace(one, arm=f"arm {number}") for number in range(4) for one in curves[:2]]
    assert arms_drawn([*more, *curves]) == ("plan", "arm 0", "arm 1")


@pytest.mark.parametrize("dose", [np.array([]), np.array([0.0]), np.array([0.0, 0.0])])
def test_a_structure_without_dose_breaks_nothing(dose: np.ndarray) -> None:
    with drawing():
        curve = DvhCurve("A", "plan", dose, np.full(len(dose), 100.0))
        assert as_svg(lambda axes: draw_dvh(axes, [curve], {}, prescription_gy=None)).startswith(b"<?xml")
        assert as_svg(lambda axes: draw_dvh(axes, [], {}, prescription_gy=None)).startswith(b"<?xml")


def test_the_profile_runs_through_target_and_air() -> None:
    content = made_content()
    stage = set_stage(content)
    assert stage is not None
    lines = profile(content, stage)
    assert list(lines) == ["Planning CT", "Day, raw", "Improved (shading correction)", "True CT of the day"]
    x, planning = lines["Planning CT"]
    assert planning[np.abs(x) < 10].mean() == pytest.approx(42, abs=4)
    assert planning[0] == pytest.approx(-1000)
    assert target_extent(content, stage) == pytest.approx((-28, 28), abs=2)


def test_the_histogram_is_a_share_and_peaks_where_tissue_is() -> None:
    counts = histogram(made_content())
    for hu, share in counts.values():
        assert 80 < share.sum() <= 100.001
        assert len(hu) == len(share)
    hu, share = counts["True CT of the day"]
    assert hu[np.argmax(share)] == pytest.approx(45, abs=10)


def test_nothing_of_the_users_drawing_settings_is_changed() -> None:
    before = dict(matplotlib.rcParams)
    line = {"raw": (np.arange(5.0), np.arange(5.0))}
    with drawing():
        axes = _axes()
        draw_profile(axes, line, target_mm=(1.0, 3.0))
        draw_histogram(axes, line)
    assert dict(matplotlib.rcParams) == before


def test_letters_that_no_font_has_become_a_box() -> None:
    assert drawable("PTV\t60 \U0001f9ff") == "PTV 60 □"
    assert drawable("ΔD95% − ≥ µ") == "ΔD95% − ≥ µ"
