"""The machine file: what is written reads back, and what cannot be is refused in four parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from terasu.dose.machine import (
    Machine,
    Provenance,
    Reference,
    Table,
    default_machine,
    machine_as_toml,
    read_machine,
)
from terasu.errors import PolicyError

POSITIVE = st.floats(1e-6, 1e6)
WORDS = st.text(max_size=30)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    at = sorted(draw(st.lists(st.floats(0, 500), min_size=1, max_size=6, unique=True)))
    value = draw(st.lists(st.floats(0, 2), min_size=len(at), max_size=len(at)))
    return Table(at=tuple(at), value=tuple(value))


MACHINES = st.builds(
    Machine,
    name=WORDS,
    commissioned=st.booleans(),
    energy_mv=POSITIVE,
    fff=st.booleans(),
    sad_mm=POSITIVE,
    tpr_20_10=st.floats(0.60, 0.82),
    depth_correction=tables(),
    off_axis=tables(),
    head_scatter=tables(),
    source_sigma_mm=st.tuples(st.floats(0, 10), st.floats(0, 10)),
    extra_focal_fraction=st.floats(0, 0.5),
    leaf_gap_mm=st.floats(0, 5),
    largest_field_mm=st.floats(1, 400),
    reference=st.builds(Reference, ssd_mm=POSITIVE, depth_mm=POSITIVE, gy_per_mu=POSITIVE),
    provenance=st.builds(
        Provenance,
        source=WORDS,
        made_on=WORDS,
        files=st.dictionaries(WORDS, WORDS, max_size=3),
        residuals_percent=st.dictionaries(WORDS, st.floats(0, 9), max_size=3),
    ),
)


@settings(deadline=None, max_examples=30)
@given(MACHINES)
@example(Machine(name="\x7f\r\n\"'é", provenance=Provenance(files={"a.csv": "1", "": "2"})))
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> None:
    """Names of files and clinics in any script, quotes and control characters included."""
    path = tmp_path_factory.getbasetemp() / "machine_round_trip.toml"
    path.write_bytes(machine_as_toml(machine).encode())
    assert read_machine(path) == machine


def test_the_built_in_beam_survives_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "beam.toml"
    path.write_text(machine_as_toml(default_machine()), encoding="utf-8")
    assert read_machine(path) == default_machine()
    assert not default_machine().commissioned


@pytest.mark.parametrize(
    ("line", "replaced", "named"),
    [
        ("energy_mv = 6.0", "energy_mv = -6.0", "energy_mv"),
        ("energy_mv = 6.0", "energy_mv = nan", "energy_mv"),
        ("energy_mv = 6.0", 'energy_mv = "six"', "energy_mv"),
        ("tpr_20_10 = 0.675", "tpr_20_10 = 67.5", "tpr_20_10"),
        ("tpr_20_10 = 0.675", "trp_20_10 = 0.675", "trp_20_10"),
        ("leaf_transmission = 0.015", "leaf_transmission = 1.5", "leaf_transmission"),
        ("leaf_gap_mm = 1.0", "leaf_gap_mm = -1.0", "leaf_gap_mm"),
        ("largest_field_mm = 400.0", "largest_field_mm = 500.0", "largest_field_mm"),
        ("source_sigma_mm = [1.5, 1.5]", "source_sigma_mm = [1.5]", "source_sigma_mm"),
        ("field_mm = 100.0", "field_mm = 0.0", "reference.field_mm"),
        ("gy_per_mu = 0.00667", "gy_per_mu = inf", "reference.gy_per_mu"),
        ("at = [0.0, 20.0, 50.0,", "at = [0.0, 50.0, 50.0,", "off_axis"),
        ("at = [0.0, 20.0, 50.0,", "at = [20.0, 50.0,", "off_axis"),
        ("fff = false", "fff = no", "generic"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(tmp_path: Path, line: str, replaced: str, named: str) -> None:
    text = machine_as_toml(default_machine())
    assert line in text
    path = tmp_path / "generic.toml"
    path.write_text(text.replace(line, replaced, 1), encoding="utf-8")
    assert named in refused(path)["got"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"[", b"name = 3", b"name = 'only'\n[reference]\nx = 1", b"name = 'only'"],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "beam.toml"
    path.write_bytes(content)
    refused(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.toml")
    refused(tmp_path)


def refused(path: Path) -> dict[str, str]:
    with pytest.raises(PolicyError) as refusal:
        read_machine(path)
    parts = refusal.value.as_dict()
    assert all(parts.values()), parts
    assert str(path.parent) not in refusal.value.as_text()
    return parts


@given(tables(), st.floats(0, 500))
def test_a_table_stays_within_its_values(table: Table, at: float) -> None:
    assert min(table.value) <= float(table(at)) <= max(table.value)
    assert table(table.at).tolist() == list(table.value)
