"""Commissioning finds a known machine again from what a water phantom would show of it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from terasu.dose.beam_data import BeamData, read_beam_data
from terasu.dose.commission import commission, phantom_scatter
from terasu.dose.kernel import axis_dose
from terasu.dose.machine import Machine, Reference, Table, default_machine, machine_as_toml, read_machine
from terasu.dose.pencil_engine import pencil_beams
from terasu.dose.referenced import gy_per_unit, water_depth_dose
from terasu.errors import InputError, PolicyError

REFERENCE = Reference(ssd_mm=900.0, depth_mm=100.0, field_mm=100.0, gy_per_mu=0.0081)
SIDES_MM = np.array([40.0, 60.0, 100.0, 150.0, 200.0, 300.0])
TRUTH = default_machine().model_copy(
    update={
        "name": "the clinic's",
        "tpr_20_10": 0.71,
        "depth_correction": Table(at=(0.0, 20.0, 100.0, 300.0), value=(0.9, 1.02, 1.0, 0.97)),
        "head_scatter": Table(at=(40.0, 100.0, 300.0), value=(0.94, 1.0, 1.05)),
        "off_axis": Table(at=(0.0, 50.0, 100.0, 150.0), value=(1.0, 1.02, 1.035, 1.05)),
        "reference": REFERENCE,
    }
)
DEPTHS_MM = np.arange(0.0, 301.0, 2.0)


def write(path: Path, head: str, rows: Iterable[Iterable[float]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([head.split(","), *rows])
    return path


def measured(folder: Path, truth: Machine, *, fields_mm: Iterable[float] = (100.0,)) -> dict[str, Path]:
    """The clinic's three files, of a machine in closed form; output as kernel × head."""
    rows = []
    for side in fields_mm:
        dose = axis_dose(truth, DEPTHS_MM, field_mm=side, ssd_mm=900.0)
        rows += [(side, 900.0, d, v) for d, v in zip(DEPTHS_MM, 100 * dose / dose.max(), strict=True)]
    head_scatter = truth.head_scatter(SIDES_MM) / truth.head_scatter(100.0)
    output = phantom_scatter(truth, SIDES_MM) * head_scatter
    places = np.arange(0.0, 151.0, 10.0)
    return {
        "depth_doses": write(folder / "pdd.csv", "field_mm,ssd_mm,depth_mm,dose_percent", rows),
        "output_factors": write(folder / "output.csv", "field_mm,factor", zip(SIDES_MM, output, strict=True)),
        "profile": write(
            folder / "profile.csv",
            "off_axis_mm,ratio",
            [*zip(places, truth.off_axis(places), strict=True), (155.0, 0.5), (170.0, 0.03)],
        ),
    }


def fit(data: BeamData, reference: Reference = REFERENCE) -> Machine:
    return commission(
        data, default_machine(), name="fitted", reference=reference, made_on="2026-01-02", source="made"
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    files = measured(tmp_path_factory.mktemp("beam"), TRUTH, fields_mm=(50.0, 100.0, 200.0))
    return fit(read_beam_data(**files))


@pytest.mark.parametrize("quality", [0.64, 0.70, 0.78])
def test_the_quality_of_a_kernel_is_found(tmp_path: Path, quality: float) -> None:
    """Whatever the build-up is, which electrons of the head may change: it is corrected, not fitted."""
    build_up = Table(at=(0.0, 20.0), value=(0.7, 1.0))
    truth = TRUTH.model_copy(update={"tpr_20_10": quality, "depth_correction": build_up})
    found = fit(read_beam_data(**measured(tmp_path, truth)))
    assert found.tpr_20_10 == pytest.approx(quality, abs=5e-4)
    assert np.allclose(found.depth_correction([0, 10, 50, 200]), [0.7, 0.85, 1, 1], atol=5e-3)
    assert np.allclose(found.head_scatter(SIDES_MM), truth.head_scatter(SIDES_MM), atol=1e-3)


@pytest.mark.parametrize(("edge", "end"), [(0.62, 200.0), (0.45, 200.0)])
def test_an_unflattened_beam_keeps_its_profile_to_the_edge(tmp_path: Path, edge: float, end: float) -> None:
    """6 and 10 MV without a filter fall to 0.62 and 0.45 at 200 mm, and that is still beam."""
    files = measured(tmp_path, TRUTH)
    places = np.arange(-230.0, 231.0, 5.0)
    inside = np.abs(places) <= end
    ratio = np.where(inside, 1 - (1 - edge) * np.abs(places / end) ** 1.2, 0.02)
    write(files["profile"], "off_axis_mm,ratio", zip(places, 1.04 * ratio, strict=True))
    found = fit(read_beam_data(**files)).off_axis
    assert max(found.at) == end
    assert np.allclose(found(places[inside & (places >= 0)]), ratio[inside & (places >= 0)], atol=1e-4)


def test_outputs_and_profile_are_found(fitted: Machine) -> None:
    """Quality and depth correction share the fall, kernel and head the output: only products are found."""
    mine, theirs = (phantom_scatter(m, SIDES_MM) * m.head_scatter(SIDES_MM) for m in (fitted, TRUTH))
    assert np.allclose(mine, theirs, rtol=1e-3)
    assert np.allclose(fitted.head_scatter(SIDES_MM), TRUTH.head_scatter(SIDES_MM), atol=0.01)
    places = np.arange(0, 151, 10)
    assert np.allclose(fitted.off_axis(places), TRUTH.off_axis(places), atol=1e-3)
    assert max(fitted.off_axis.at) == 150.0  # the penumbra is not the beam's


@pytest.mark.parametrize("field_mm", [50.0, 100.0, 200.0])
def test_the_depth_doses_are_found(fitted: Machine, field_mm: float) -> None:
    """Also of the fields that were not fitted."""
    depth = np.arange(10.0, 301.0, 10.0)
    mine, theirs = (axis_dose(m, depth, field_mm=field_mm, ssd_mm=900.0) for m in (fitted, TRUTH))
    ratio = mine / mine[9] / (theirs / theirs[9])
    assert np.abs(ratio - 1).max() < 0.01
    assert fitted.provenance.residuals_percent[f"{field_mm:g} mm field"] < 1.0


def test_the_engine_then_gives_what_was_measured(fitted: Machine) -> None:
    """Depth dose, output factor and Gy per MU in water, by the engine and not by the closed form."""
    curves = {
        side: water_depth_dose(pencil_beams, fitted, field_mm=side, ssd_mm=900.0, spacing_mm=(5.0, 5.0))
        for side in (60.0, 100.0, 200.0)
    }
    at_100 = {side: float(np.interp(100.0, *curve)) for side, curve in curves.items()}
    gray = gy_per_unit(pencil_beams, fitted, (5.0, 5.0))
    assert at_100[100.0] * gray == pytest.approx(REFERENCE.gy_per_mu, rel=1e-3)
    for side in (60.0, 200.0):
        true = phantom_scatter(TRUTH, np.array([side]))[0] * float(TRUTH.head_scatter(side))
        assert at_100[side] / at_100[100.0] == pytest.approx(true, rel=0.015)
    depth = np.array([30.0, 50.0, 150.0, 200.0, 250.0])
    theirs = axis_dose(TRUTH, np.append(depth, 100.0), field_mm=100.0, ssd_mm=900.0)
    assert np.allclose(np.interp(depth, *curves[100.0]) / at_100[100.0], theirs[:-1] / theirs[-1], rtol=0.01)


def test_what_is_not_fitted_and_where_it_comes_from(fitted: Machine, tmp_path: Path) -> None:
    start = default_machine()
    assert fitted.commissioned
    assert fitted.reference == REFERENCE
    assert (fitted.leaf_gap_mm, fitted.source_sigma_mm) == (start.leaf_gap_mm, start.source_sigma_mm)
    assert set(fitted.provenance.files) == {"pdd.csv", "output.csv", "profile.csv"}
    assert all(len(digest) == 64 for digest in fitted.provenance.files.values())
    path = tmp_path / "fitted.toml"
    path.write_text(machine_as_toml(fitted), encoding="utf-8")
    assert read_machine(path) == fitted


def test_without_a_profile_the_start_s_stands(tmp_path: Path) -> None:
    files = measured(tmp_path, TRUTH)
    found = fit(read_beam_data(files["depth_doses"], files["output_factors"]))
    assert found.off_axis == default_machine().off_axis


def test_order_repeats_and_spreadsheets_do_not_matter(tmp_path: Path, fitted: Machine) -> None:
    """Deepest first, a depth twice, a byte order mark, comments and empty lines."""
    files = measured(tmp_path, TRUTH, fields_mm=(50.0, 100.0, 200.0))
    head, *rows = files["depth_doses"].read_text(encoding="utf-8").splitlines()
    text = "\n".join(["# tank", head, "", *reversed(rows), rows[3]])
    files["depth_doses"].write_text(text, encoding="utf-8-sig")
    assert fit(read_beam_data(**files)).tpr_20_10 == fitted.tpr_20_10


def line_of(name: str, old: str, new: str) -> Callable[[dict[str, Path]], None]:
    def change(files: dict[str, Path]) -> None:
        text = files[name].read_text(encoding="utf-8")
        assert old in text
        files[name].write_text(text.replace(old, new), encoding="utf-8")

    return change


def column(name: str, index: int, make: Callable[[float], float]) -> Callable[[dict[str, Path]], None]:
    def change(files: dict[str, Path]) -> None:
        head, *rows = files[name].read_text(encoding="utf-8").splitlines()
        cells = [[float(cell) for cell in row.split(",")] for row in rows]
        for row in cells:
            row[index] = make(row[index])
        write(files[name], head, cells)

    return change


def emptied(name: str) -> Callable[[dict[str, Path]], None]:
    return lambda files: files[name].write_text("", encoding="utf-8") and None


@pytest.mark.parametrize(
    "damage",
    [
        line_of("depth_doses", "dose_percent", "dose"),
        line_of("depth_doses", "100.0,900.0,10.0,", "100.0,900.0,ten,"),
        column("depth_doses", 3, lambda _: float("nan")),
        column("output_factors", 1, lambda _: float("inf")),
        line_of("output_factors", "60.0,", "60.0;"),
        emptied("depth_doses"),
        emptied("output_factors"),
        emptied("profile"),
        lambda files: files["profile"].unlink(),
        lambda files: files["depth_doses"].write_bytes(b"\x89PNG\xff\x00"),
        column("depth_doses", 2, lambda depth: depth / 10),
        column("depth_doses", 0, lambda _: 77.0),
        column("depth_doses", 3, lambda _: 0.0),
        column("depth_doses", 3, lambda dose: -dose),
        column("depth_doses", 3, lambda _: 100.0),
        column("depth_doses", 3, lambda dose: 1 / dose),
        column("output_factors", 0, lambda side: side / 10),
        column("output_factors", 0, lambda side: side - 40),
        column("output_factors", 0, lambda side: side + 100),
        column("output_factors", 1, lambda _: 0.0),
        column("output_factors", 1, lambda factor: -factor),
        column("profile", 0, lambda place: place - 500),
        column("profile", 0, lambda place: place + 50),
        column("profile", 1, lambda ratio: ratio / 2),
        column("profile", 1, lambda ratio: 100 * ratio),
    ],
)
def test_bad_data_are_refused(tmp_path: Path, damage: Callable[[dict[str, Path]], None]) -> None:
    files = measured(tmp_path, TRUTH)
    damage(files)
    with pytest.raises(InputError) as refusal:
        fit(read_beam_data(**files))
    parts = refusal.value.as_dict()
    assert all(parts.values()), parts
    assert str(tmp_path) not in refusal.value.as_text()


def test_a_reference_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """As the command line may pass it: a gray per MU below 0."""
    data = read_beam_data(**measured(tmp_path, TRUTH))
    with pytest.raises(PolicyError, match=r"reference\.gy_per_mu"):
        fit(data, REFERENCE.model_copy(update={"gy_per_mu": -1.0}))
