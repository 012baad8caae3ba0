"""RT Doses: both forms of plane offsets, 16 and 32 bits, DVHs, and what is no dose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from made_rt import FRAME, HEADER, PLAN, STRUCTURES, changed, image
from terasu.dicom.rtdose import read_dose, read_dvhs, write_dose
from terasu.errors import DicomError, InputError, OutputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume


def dose(maximum_gy: float = 62.4) -> Volume:
    made = image(unit="Gy")
    values = np.random.default_rng(5).random(made.grid.shape_zyx).astype(np.float32) * maximum_gy
    return made.with_values(values, unit="Gy")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "rd.dcm"
    write_dose(
        dose(), path, like=image().source, plan=PLAN, structures=STRUCTURES, description="dose of the day"
    )
    return path


@pytest.mark.parametrize("bits", [16, 32])
def test_what_is_written_reads_back_to_half_a_step(tmp_path: Path, bits: int) -> None:
    ours = dose()
    write_dose(ours, tmp_path / "rd.dcm", like=ours.source, plan=PLAN, bits=16 if bits == 16 else 32)
    theirs = read_dose(tmp_path / "rd.dcm")
    assert theirs.grid.agrees_with(ours.grid, tolerance_mm=1e-6)
    assert theirs.grid.frame_of_reference_uid == FRAME
    assert (theirs.unit, theirs.values.dtype) == ("Gy", np.float32)
    step = ours.values.max() / (2**bits - 1)
    np.testing.assert_allclose(theirs.values, ours.values, atol=0.51 * step + 4e-6)


def test_it_says_what_it_is(written: Path) -> None:
    data = pydicom.dcmread(written)
    assert (data.DoseUnits, data.DoseType, data.DoseSummationType) == ("GY", "PHYSICAL", "PLAN")
    assert data.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == PLAN.sop_instance_uids[0]
    (drawn,) = data.SourceInstanceSequence
    assert drawn.ReferencedSOPInstanceUID == STRUCTURES.sop_instance_uids[0]
    assert data.TissueHeterogeneityCorrection == "IMAGE"
    assert data.DoseComment == "dose of the day"
    assert data.FrameIncrementPointer == 0x3004000C
    header = read_dose(written).source.header
    assert header["DoseSummationType"] == "PLAN"
    assert header["ReferencedRTPlanSequence"] == PLAN.sop_instance_uids[0]
    assert header["PatientID"] == HEADER["PatientID"]


def test_a_dose_of_nothing_is_a_dose(tmp_path: Path) -> None:
    write_dose(dose(0.0), tmp_path / "rd.dcm", like=image().source, plan=PLAN)
    assert read_dose(tmp_path / "rd.dcm").values.max() == 0


@pytest.mark.parametrize("spoil", [np.nan, np.inf, -1.0])
def test_what_is_no_dose_is_not_written(tmp_path: Path, spoil: float) -> None:
    bad = dose()
    bad.values[1, 2, 3] = spoil
    with pytest.raises(InputError, match="no dose"):
        write_dose(bad, tmp_path / "rd.dcm", like=image().source, plan=PLAN)
    with pytest.raises(InputError, match="no dose"):
        write_dose(image(), tmp_path / "rd.dcm", like=image().source, plan=PLAN)
    with pytest.raises(OutputError, match="no UID"):
        write_dose(dose(), tmp_path / "rd.dcm", like=image().source, plan=Source())
    assert list(tmp_path.iterdir()) == []


def offsets(values: list[float]) -> Callable[[Dataset], None]:
    return lambda data: setattr(data, "GridFrameOffsetVector", values)


def test_absolute_offsets_mean_the_same_place(written: Path) -> None:
    relative = read_dose(written)
    absolute = read_dose(changed(written, offsets([-40.0, -37.0, -34.0, -31.0, -28.0, -25.0])))
    assert absolute.grid.agrees_with(relative.grid)
    np.testing.assert_array_equal(absolute.values, relative.values)


def test_falling_offsets_are_sorted_and_every_value_keeps_its_place(written: Path) -> None:
    rising = read_dose(written)
    falling = read_dose(changed(written, offsets([0.0, -3.0, -6.0, -9.0, -12.0, -15.0])))
    assert falling.grid.spacing_zyx_mm == rising.grid.spacing_zyx_mm
    assert falling.grid.origin_lps_mm[2] == pytest.approx(-55.0)
    np.testing.assert_array_equal(falling.values, rising.values[::-1])


def test_feet_first_with_absolute_offsets(written: Path) -> None:
    def turn(data: Dataset) -> None:
        data.ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]
        data.GridFrameOffsetVector = [-40.0, -43.0, -46.0, -49.0, -52.0, -55.0]

    turned = read_dose(changed(written, turn))
    np.testing.assert_allclose(turned.grid.to_lps_mm([5, 0, 0])[2], -55.0)
    np.testing.assert_allclose(turned.grid.direction_lps[:, 2], [0, 0, -1])


def delete(keyword: str) -> Callable[[Dataset], None]:
    return lambda data: delattr(data, keyword)


def put(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda data: setattr(data, keyword, value)


REFUSED = [
    (offsets([0, 3, 6, 9, 12, 16]), "not evenly spaced"),
    (offsets([0, 0, 0, 0, 0, 0]), "not evenly spaced"),
    (offsets([5, 8, 11, 14, 17, 20]), "neither at 0 nor"),
    (offsets([0, 3, 6]), "no sure places"),
    (delete("GridFrameOffsetVector"), "no sure places"),
    (put("DoseUnits", "RELATIVE"), "not stated in Gy"),
    (put("DoseType", "ERROR"), "uncertainty"),
    (delete("DoseGridScaling"), "scaling is missing"),
    (put("DoseGridScaling", "0"), "scaling is missing"),
    (put("NumberOfFrames", "7"), "cut off|no sure places"),
    (delete("PixelData"), "cut off"),
    (delete("Rows"), "not described"),
    (put("BitsAllocated", 8), "not described"),
    (delete("ImagePositionPatient"), "no place"),
    (put("ImageOrientationPatient", [0, 0, 0, 0, 1, 0]), "no orientation"),
    (put("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]), "no orientation"),
    (put("PixelSpacing", [0, 2]), "no spacing"),
    (put("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"), "not a RTDOSE"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_has_no_sure_meaning_is_refused(
    written: Path, change: Callable[[Dataset], None], message: str
) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        read_dose(changed(written, change))
    assert "MADE-1" not in str(refusal.value)


def test_a_single_plane_has_its_slice_thickness(tmp_path: Path) -> None:
    grid = Grid.from_axes((1, 4, 5), spacing_zyx_mm=(2.5, 1, 1))
    plane = Volume(np.ones((1, 4, 5), np.float32), grid, "Gy")
    write_dose(plane, tmp_path / "rd.dcm", like=image().source, plan=PLAN)
    assert read_dose(tmp_path / "rd.dcm").grid.spacing_zyx_mm == (2.5, 1.0, 1.0)


@pytest.fixture(scope="module")
def breast(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("breast")
    with ZipFile(shared_data / "dose" / "dicompyler_breast_rtdose_rtplan_rtss.zip") as archive:
        archive.extractall(folder)
    return folder


def test_the_breast_dose_is_what_pydicom_decodes(breast: Path) -> None:
    ours, data = read_dose(breast / "rtdose.dcm"), pydicom.dcmread(breast / "rtdose.dcm")
    np.testing.assert_allclose(ours.values, data.pixel_array * float(data.DoseGridScaling), atol=1e-6)
    assert ours.grid.shape_zyx == (98, 129, 194)
    np.testing.assert_allclose(ours.grid.spacing_zyx_mm, (3, 2.5, 2.5))
    np.testing.assert_allclose(ours.grid.origin_lps_mm, data.ImagePositionPatient)


def test_the_nine_dvhs_of_the_planning_system(breast: Path) -> None:
    dvhs = read_dvhs(breast / "rtdose.dcm")
    assert [dvh.roi_numbers for dvh in dvhs] == [(1,), (3,), (4,), (5,), (6,), (7,), (8,), (9,), (10,)]
    assert {(dvh.kind, dvh.volume_unit, dvh.dose_unit) for dvh in dvhs} == {("CUMULATIVE", "CM3", "GY")}
    body = dvhs[0]
    assert len(body.edges_gy) == len(body.volumes) + 1 == 1471
    assert body.volumes[0] == pytest.approx(13944.42, abs=0.01)
    assert body.edges_gy[-1] == pytest.approx(14.70)
    # The mean that a cumulative histogram implies is the one that the file states, in % of 14 Gy.
    for dvh in dvhs:
        mean_gy = np.sum(dvh.volumes * np.diff(dvh.edges_gy)) / dvh.volumes[0]
        assert mean_gy == pytest.approx(dvh.stated_mean / 100 * 14.0, abs=0.03)


def test_a_dose_without_dvhs_has_none_and_a_damaged_one_is_refused(written: Path, breast: Path) -> None:
    assert read_dvhs(written) == ()
    copy = written.with_name("copy.dcm")
    copy.write_bytes((breast / "rtdose.dcm").read_bytes())
    with pytest.raises(DicomError, match="DVH"):
        read_dvhs(changed(copy, lambda data: setattr(data.DVHSequence[0], "DVHNumberOfBins", "7")))


def test_planes_of_measured_doses(shared_data: Path) -> None:
    plane = read_dose(shared_data / "dose" / "GeometricSquare_Reference_1mmPx.dcm")
    assert plane.grid.shape_zyx == (1, 250, 250)
    assert plane.values.max() == pytest.approx(5.0, abs=1e-4)
