"""HU → density: rising, bounded, by scanner; images that are no HU are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from terasu.dose.density import (
    DensityTable,
    default_density_table,
    read_density_table,
    require_hu,
    to_electron_density,
    to_mass_density,
)
from terasu.errors import DoseError, PolicyError
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume

BUILT_IN = default_density_table()
CSV = """# scanner of the clinic
hu,relative_electron_density,mass_density_g_cm3
-1000,0,0.001
0,1,1
1000,1.5,1.6
"""


@given(st.lists(st.floats(-5000, 30000), min_size=2, max_size=20))
def test_denser_is_never_lighter(hu: list[float]) -> None:
    ordered = np.sort(hu)
    for convert in (to_electron_density, to_mass_density):
        density = convert(ordered, BUILT_IN)
        assert (np.diff(density) >= 0).all()
        assert density[0] >= 0
        assert density[-1] <= 3


@pytest.mark.parametrize(
    ("hu", "electrons", "within"),
    [(-1000, 0.001, 1e-6), (0, 1.0, 1e-6), (-741.3, 0.258, 1e-6), (40, 1.037, 0.002), (1000, 1.52, 0.005)],
)
def test_tissues_of_the_built_in_table(hu: float, electrons: float, within: float) -> None:
    """Air, water, inflated lung, muscle and bone of ICRU 44."""
    assert float(to_electron_density(np.float32(hu), BUILT_IN)) == pytest.approx(electrons, abs=within)


@pytest.mark.parametrize(("hu", "end"), [(-1024, 0), (-3024, 0), (-32768, 0), (3072, -1), (30000, -1)])
def test_beyond_the_table_its_ends_hold(hu: int, end: int) -> None:
    """Padding below −1000 is air and never negative; metal is not made up."""
    value = to_electron_density(np.array([hu], np.int16), BUILT_IN)[0]
    assert value == np.float32(BUILT_IN.relative_electron_density[end])


@given(arrays(np.int16, (2, 3, 4), elements=st.integers(-2000, 4000)))
def test_stored_integers_and_floats_have_one_density(hu: np.ndarray) -> None:
    assert np.array_equal(to_electron_density(hu, BUILT_IN), to_electron_density(hu.astype(float), BUILT_IN))
    assert to_electron_density(hu, BUILT_IN).dtype == np.float32


def test_two_scanners_two_tables(tmp_path: Path) -> None:
    """The same HU on two scanners is not the same tissue."""
    (tmp_path / "clinic.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "cbct.toml").write_text(
        'name = "pelvis"\nscanner = "CBCT 125 kV"\nhu = [-900, 100]\nrelative_electron_density = [0, 1]\n',
        encoding="utf-8",
    )
    clinic, cbct = (read_density_table(tmp_path / name) for name in ("clinic.csv", "cbct.toml"))
    assert (clinic.name, clinic.scanner) == ("clinic", "")
    assert (cbct.name, cbct.scanner) == ("pelvis", "CBCT 125 kV")
    assert float(to_electron_density(np.float32(500), clinic)) == pytest.approx(1.25)
    assert float(to_electron_density(np.float32(-400), cbct)) == pytest.approx(0.5)
    assert float(to_mass_density(np.float32(500), clinic)) == pytest.approx(1.3)
    with pytest.raises(DoseError) as refusal:
        to_mass_density(np.zeros(3), cbct)
    assert all(refusal.value.as_dict().values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hu,relative_electron_density\n",
        "hu,relative_electron_density\n0,1\n",
        "hu,density\n0,1\n100,1.1\n",
        "hu,relative_electron_density\n0,one\n100,1.1\n",
        "hu,relative_electron_density\n0,1\n100,0.9\n",
        "hu,relative_electron_density\n100,1\n0,1.1\n",
        "hu,relative_electron_density\n0,1\n0,1.1\n",
        "hu,relative_electron_density\n-1000,-0.1\n0,1\n",
        "hu,relative_electron_density\n0,nan\n100,1.1\n",
        "hu,relative_electron_density\n0,1\ninf,1.1\n",
        "hu;relative_electron_density\n0;1\n100;1,1\n",
        "hu,relative_electron_density,mass_density_g_cm3\n0,1,1\n100,1.1,\n",
        "hu,relative_electron_density,mass_density_g_cm3\n0,1,1\n100,1.1,0.9\n",
        "hu,relative_electron_density,mass_density_g_cm3\n0,1,nan\n100,1.1,1.1\n",
        "hu,relative_electron_density,mass_density_g_cm3\n0,1,-1\n100,1.1,1.1\n",
    ],
)
def test_a_bad_csv_is_refused(tmp_path: Path, text: str) -> None:
    refused(tmp_path / "table.csv", text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "hu = [0, 1]",
        "hu = 5\nrelative_electron_density = 1",
        "hu = [[0, 1], [2, 3]]\nrelative_electron_density = [[0, 1], [2, 3]]",
        'hu = ["a", "b"]\nrelative_electron_density = [0, 1]',
        "hu = [0, 1, 2]\nrelative_electron_density = [0, 1]",
        "hu = [0, 1",
    ],
)
def test_a_bad_toml_is_refused(tmp_path: Path, text: str) -> None:
    refused(tmp_path / "table.toml", text.encode())


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "table.csv", b"\x89PNG\xff")
    with pytest.raises(PolicyError):
        read_density_table(tmp_path / "nowhere.toml")


def refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(PolicyError) as refusal:
        read_density_table(path)
    assert all(refusal.value.as_dict().values()), refusal.value.as_dict()


def test_a_table_with_one_point_is_none() -> None:
    with pytest.raises(PolicyError):
        DensityTable("one", "", np.array([0.0]), np.array([1.0]), np.array([]))


def image(values: object, unit: str = "HU") -> Volume:
    grid = Grid.from_axes((2, 3, 4), spacing_zyx_mm=(1, 1, 1))
    return Volume(np.broadcast_to(np.asarray(values, np.float32), grid.shape_zyx).copy(), grid, unit)


def test_what_is_hu_passes() -> None:
    require_hu(image([-1000, -80, 40, 1200]))
    require_hu(image([-100, -80, 40, 60]))  # a crop within the body has no air


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([-1000, 0, 1, 2], "Gy"),
        ([-1000, 0, 1, np.nan], "HU"),
        ([-1000, 0, 1, np.inf], "HU"),
        ([24, 1024, 1064, 2200], "HU"),
        ([-1000, -1000, -1000, -1000], "HU"),
    ],
)
def test_what_is_no_hu_is_refused(values: list[float], unit: str) -> None:
    """Another unit, holes, grey values 1024 too high, nothing but air."""
    with pytest.raises(DoseError) as refusal:
        require_hu(image(values, unit))
    assert all(refusal.value.as_dict().values())
