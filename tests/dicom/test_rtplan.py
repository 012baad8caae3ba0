"""RT Plans: every control point whole, what was assumed said, what we write reads back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from made_rt import HEADER, beam, changed, delivery, image
from terasu.dicom.rtplan import read_plan, write_plan
from terasu.errors import DicomError, OutputError
from terasu.patient.delivery import Delivery


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "rp.dcm"
    write_plan(delivery(), path, like=image().source, description="A made plan")
    return path


def assert_same(ours: Delivery, theirs: Delivery) -> None:
    """Everything but source and notes."""
    for name in ("fractions", "prescription_gy", "target_name", "patient_position", "label"):
        assert getattr(theirs, name) == getattr(ours, name), name
    assert theirs.frame_of_reference_uid == ours.frame_of_reference_uid
    assert theirs.referenced_structure_set_uid == ours.referenced_structure_set_uid
    assert len(theirs.beams) == len(ours.beams)
    for a, b in zip(ours.beams, theirs.beams, strict=True):
        for name, value in vars(a).items():
            if isinstance(value, np.ndarray | float):
                np.testing.assert_allclose(getattr(b, name), value, rtol=1e-9, atol=1e-9, err_msg=name)
            else:
                assert getattr(b, name) == value, name


def test_what_is_written_reads_back(written: Path) -> None:
    read = read_plan(written)
    assert_same(delivery(), read)
    assert read.notes == ()
    assert read.source.header["PatientID"] == HEADER["PatientID"]
    assert pydicom.dcmread(written).ApprovalStatus == "UNAPPROVED"


def test_only_what_changes_is_repeated(written: Path) -> None:
    still, arc = pydicom.dcmread(written).BeamSequence
    assert (
        "GantryAngle" in still.ControlPointSequence[0] and "GantryAngle" not in still.ControlPointSequence[1]
    )
    kinds = [
        d.RTBeamLimitingDeviceType for d in still.ControlPointSequence[1].BeamLimitingDevicePositionSequence
    ]
    assert kinds == ["MLCX"]
    assert [point.get("GantryRotationDirection") for point in arc.ControlPointSequence] == [
        "CW",
        "CW",
        "NONE",
    ]


def test_a_beam_without_leaves_and_one_with_leaves_along_y(tmp_path: Path) -> None:
    across = replace(beam(2), leaf_axis="y")
    ours = delivery(replace(beam(1, pairs=0), kind="STATIC"), across)
    write_plan(ours, tmp_path / "rp.dcm", like=image().source)
    assert_same(ours, read_plan(tmp_path / "rp.dcm"))


def test_a_plan_without_beams_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="without beams"):
        write_plan(Delivery(()), tmp_path / "rp.dcm", like=image().source)
    assert list(tmp_path.iterdir()) == []


def each_beam(change: Callable[[Dataset], None]) -> Callable[[Dataset], None]:
    def to_all(data: Dataset) -> None:
        for one in data.BeamSequence:
            change(one)

    return to_all


def without_jaws(axis: str) -> Callable[[Dataset], None]:
    def remove(one: Dataset) -> None:
        for holder in (one, *one.ControlPointSequence):
            name = "BeamLimitingDeviceSequence" if holder is one else "BeamLimitingDevicePositionSequence"
            if name in holder:
                kept = [item for item in holder[name].value if item.RTBeamLimitingDeviceType != f"ASYM{axis}"]
                setattr(holder, name, kept)

    return each_beam(remove)


def test_without_a_pair_of_jaws_the_field_is_as_wide_as_can_be(written: Path) -> None:
    read = read_plan(changed(written, without_jaws("X")))
    np.testing.assert_array_equal(read.beams[0].jaws_x_mm, [[-200, 200]] * 3)
    np.testing.assert_array_equal(read.beams[0].jaws_y_mm, [[-52, 51]] * 3)
    assert sum("has no X jaws" in note for note in read.notes) == 2


def symmetric_names(data: Dataset) -> None:
    for one in data.BeamSequence:
        for holder in (
            one.BeamLimitingDeviceSequence,
            one.ControlPointSequence[0].BeamLimitingDevicePositionSequence,
        ):
            for item in holder:
                item.RTBeamLimitingDeviceType = item.RTBeamLimitingDeviceType.replace("ASYM", "")


def scaled_weights(data: Dataset) -> None:
    for one in data.BeamSequence:
        one.FinalCumulativeMetersetWeight = "80"
        for point in one.ControlPointSequence:
            point.CumulativeMetersetWeight = str(80 * float(point.CumulativeMetersetWeight))


def shuffled(data: Dataset) -> None:
    points = data.BeamSequence[0].ControlPointSequence
    data.BeamSequence[0].ControlPointSequence = [points[2], points[0], points[1]]


def empty_repeats(data: Dataset) -> None:
    for one in data.BeamSequence:
        one.ControlPointSequence[1].IsocenterPosition = None
        one.ControlPointSequence[1].BeamLimitingDeviceAngle = None
        one.ControlPointSequence[1].PatientSupportAngle = None


def angles_of_almost_nothing(data: Dataset) -> None:
    for one in data.BeamSequence:
        one.ControlPointSequence[0].PatientSupportAngle = "8.4737249e-10"
        one.ControlPointSequence[0].TableTopEccentricAngle = "359.999999"


def without_file_meta(data: Dataset) -> None:
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    data.PatientBirthDate = "ba6d74f4-8a35-38e8-b696-a8cb0d0d87f4"


@pytest.mark.parametrize(
    "change",
    [symmetric_names, scaled_weights, shuffled, empty_repeats, angles_of_almost_nothing, without_file_meta],
)
def test_the_same_plan_written_differently_is_the_same(
    written: Path, change: Callable[[Dataset], None]
) -> None:
    read = read_plan(changed(written, change))
    assert [b.n_control_points for b in read.beams] == [3, 3]
    for ours, theirs in zip(delivery().beams, read.beams, strict=True):
        for name in ("meterset_fraction", "gantry_deg", "isocentre_lps_mm", "jaws_x_mm", "leaves_mm"):
            np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), atol=1e-9, err_msg=name)


def test_the_bare_data_set_without_preamble_is_read(written: Path) -> None:
    whole = written.read_bytes()
    start = whole.index(b"\x08\x00\x05\x00")
    written.write_bytes(whole[start:])
    assert_same(delivery(), read_plan(written))


def test_set_up_beams_are_left_out_and_named(written: Path) -> None:
    def add(data: Dataset) -> None:
        data.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset = None
        data.BeamSequence[0].BeamName = "CBCT"

    read = read_plan(changed(written, add))
    assert [b.number for b in read.beams] == [2]
    assert read.notes == ("Beam 1 (CBCT) is left out: it has no meterset.",)


def test_a_port_film_is_left_out_and_its_monitor_units_are_said(written: Path) -> None:
    read = read_plan(
        changed(written, lambda data: setattr(data.BeamSequence[1], "TreatmentDeliveryType", "TRMT_PORTFILM"))
    )
    assert [b.number for b in read.beams] == [1]
    assert "100.333 MU is left out: its delivery type is TRMT_PORTFILM" in read.notes[0]


def two_groups(data: Dataset) -> None:
    first = data.FractionGroupSequence[0]
    second = pydicom.dataset.Dataset()
    second.FractionGroupNumber, second.NumberOfFractionsPlanned = 2, 5
    second.ReferencedBeamSequence = [first.ReferencedBeamSequence[1]]
    first.ReferencedBeamSequence = [first.ReferencedBeamSequence[0]]
    data.FractionGroupSequence = [first, second]


def test_of_several_fraction_groups_the_first_is_read_and_said(written: Path) -> None:
    path = changed(written, two_groups)
    first, second = read_plan(path), read_plan(path, fraction_group=2)
    assert ([b.number for b in first.beams], first.fractions) == ([1], 20)
    assert ([b.number for b in second.beams], second.fractions) == ([2], 5)
    assert any("2 fraction groups" in note for note in first.notes)
    with pytest.raises(DicomError, match="does not have the fraction group"):
        read_plan(path, fraction_group=3)


def test_a_conformal_arc_of_two_control_points_goes_the_way_it_turns(tmp_path: Path) -> None:
    start_stop = replace(
        beam(1, arc=True, points=2),
        gantry_deg=np.array([181.0, 179.0]),
        leaves_mm=np.stack([np.full((2, 4), -10.0), np.full((2, 4), 20.0)]).swapaxes(0, 1)[[0, 1]],
    )
    write_plan(delivery(start_stop), tmp_path / "rp.dcm", like=image().source)

    def turn(data: Dataset) -> None:
        data.BeamSequence[0].ControlPointSequence[0].GantryRotationDirection = "CW"

    (read,) = read_plan(changed(tmp_path / "rp.dcm", turn)).beams
    assert read.n_control_points == 73  # 358° in steps of at most 5°
    assert read.gantry_deg[0] == 181.0 and read.gantry_deg[-1] == pytest.approx(179.0)
    assert read.gantry_deg[36] == pytest.approx(0.0, abs=1e-6) or read.gantry_deg[36] == pytest.approx(360.0)
    np.testing.assert_allclose(np.diff(read.meterset_fraction), 1 / 72)


def prescribe(*doses: tuple[str, str, str]) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        items = []
        for number, (kind, what, dose) in enumerate(doses, start=1):
            item = Dataset()
            item.DoseReferenceNumber, item.DoseReferenceStructureType = number, what
            item.DoseReferenceType, item.DoseReferenceDescription = kind, f"{what} {number}"
            if dose:
                item.TargetPrescriptionDose = dose
            items.append(item)
        data.DoseReferenceSequence = items
        del data.FractionGroupSequence[0].ReferencedDoseReferenceSequence

    return change


@pytest.mark.parametrize(
    ("doses", "expected_gy", "notes"),
    [
        ([("TARGET", "SITE", "14"), ("TARGET", "COORDINATES", "15.3")], 14.0, 0),
        ([("TARGET", "SITE", "54"), ("TARGET", "VOLUME", "60"), ("TARGET", "SITE", "")], 60.0, 1),
        ([("ORGAN_AT_RISK", "SITE", "45")], 0.0, 1),
        ([], 0.0, 1),
    ],
)
def test_the_prescription(
    written: Path, doses: list[tuple[str, str, str]], expected_gy: float, notes: int
) -> None:
    read = read_plan(changed(written, prescribe(*doses)))
    assert read.prescription_gy == expected_gy
    assert len(read.notes) == notes


def test_what_the_plan_does_not_say_is_said_in_notes(written: Path) -> None:
    def remove(data: Dataset) -> None:
        del data.PatientSetupSequence
        del data.FractionGroupSequence[0].NumberOfFractionsPlanned
        for one in data.BeamSequence:
            del one.SourceAxisDistance
            del one.FinalCumulativeMetersetWeight

    read = read_plan(changed(written, remove))
    text = " ".join(read.notes)
    for word in ("HFS", "number of fractions", "1000 mm is assumed", "final cumulative meterset weight"):
        assert word in text
    assert read.fractions == 1


def points_lost(data: Dataset) -> None:
    del data.BeamSequence[0].ControlPointSequence[2]


def first_point(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda data: setattr(data.BeamSequence[0].ControlPointSequence[0], keyword, value)


def weights(*values: str) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        for point, value in zip(data.BeamSequence[0].ControlPointSequence, values, strict=True):
            point.CumulativeMetersetWeight = value

    return change


def device(index: int, keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda data: setattr(data.BeamSequence[0].BeamLimitingDeviceSequence[index], keyword, value)


def positions(index: int, value: object) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        point = data.BeamSequence[0].ControlPointSequence[0]
        point.BeamLimitingDevicePositionSequence[index].LeafJawPositions = value

    return change


DAMAGED = [
    (points_lost, "all of its control points"),
    (first_point("GantryAngle", None), "GantryAngle"),
    (first_point("IsocenterPosition", None), "IsocenterPosition"),
    (first_point("IsocenterPosition", ["1", "2"]), "IsocenterPosition"),
    (first_point("NominalBeamEnergy", None), "energy"),
    (weights("0", "0.6", "0.5"), "falls"),
    (weights("0", "0.2", "0.5"), "whole meterset"),
    (weights("0.4", "0.5", "1"), "whole meterset"),
    (device(2, "LeafPositionBoundaries", ["-20", "0", "20"]), "boundaries"),
    (device(2, "LeafPositionBoundaries", ["-20", "-10", "-15", "10", "20"]), "boundaries"),
    (device(2, "RTBeamLimitingDeviceType", "MLCY"), "does not describe"),
    (positions(0, ["10", "-10"]), "jaws overlap"),
    (positions(2, ["1", "2", "3"]), "leaf positions"),
    (positions(2, ["10"] * 4 + ["-10"] * 4), "leaves overlap"),
    (lambda data: delattr(data, "FractionGroupSequence"), "fraction group"),
    (lambda data: data.BeamSequence.pop(), "do not fit together"),
    (lambda data: setattr(data.BeamSequence[1], "BeamNumber", 1), "do not fit together"),
]


@pytest.mark.parametrize(("change", "message"), DAMAGED)
def test_a_plan_that_contradicts_itself_is_refused(
    written: Path, change: Callable[[Dataset], None], message: str
) -> None:
    with pytest.raises(DicomError, match=message) as refusal:
        read_plan(changed(written, change))
    assert refusal.value.got and refusal.value.expected and refusal.value.todo
    assert "MADE-1" not in str(refusal.value)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.999])
def test_a_plan_that_was_cut_off_is_refused(written: Path, share: float) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DicomError):
        read_plan(written)


def test_the_thorax_plan(thorax: Path, tmp_path: Path) -> None:
    read = read_plan(thorax / "RTPLAN_Hashed.dcm")
    assert [b.n_control_points for b in read.beams] == [166] * 7
    assert [round(b.gantry_deg[0]) for b in read.beams] == [0, 51, 102, 153, 204, 255, 306]
    assert (read.prescription_gy, read.fractions, read.target_name) == (41.4, 23, "PTV_41.4")
    assert read.meterset_mu == pytest.approx(1105.56, abs=0.01)
    one = read.beams[0]
    assert one.leaves_mm.shape == (166, 2, 60) and len(one.leaf_boundaries_mm) == 61
    # A wide field in two carriage groups: the jaws stand on one side, then on the other.
    np.testing.assert_allclose(one.jaws_x_mm[[0, 82, 83, 165]], [[-90, 12.5]] * 2 + [[-25, 102.5]] * 2)
    np.testing.assert_allclose(one.isocentre_lps_mm[-1], [7.529426, -234.011012, -16.131975], atol=1e-6)
    assert (one.meterset_fraction[0], one.meterset_fraction[-1]) == (0.0, 1.0)
    assert len(read.notes) == 5 and all("left out" in note for note in read.notes)
    write_plan(read, tmp_path / "rp.dcm", like=read.source)
    assert_same(read, read_plan(tmp_path / "rp.dcm"))


def test_the_elekta_arc_without_file_meta_and_without_x_jaws(shared_data: Path) -> None:
    read = read_plan(shared_data / "logs" / "elekta_TinyVMAT_rtplan.dcm")
    (arc,) = read.beams
    data = pydicom.dcmread(shared_data / "logs" / "elekta_TinyVMAT_rtplan.dcm", force=True).BeamSequence[0]
    assert arc.n_control_points == 110
    np.testing.assert_allclose(arc.gantry_deg, [float(p.GantryAngle) for p in data.ControlPointSequence])
    np.testing.assert_array_equal(arc.jaws_x_mm[0], [-200, 200])
    assert np.ptp(arc.jaws_y_mm[:, 0]) > 1  # the Y jaws follow the field
    assert (read.prescription_gy, read.fractions, arc.meterset_mu) == (1.0, 2, 598.839783)


def test_the_elekta_plan_of_two_fraction_groups(shared_data: Path) -> None:
    path = shared_data / "logs" / "elekta_LTBREAST_rtplan.dcm"
    main, boost = read_plan(path), read_plan(path, fraction_group=2)
    assert (main.prescription_gy, main.fractions, len(main.beams)) == (42.4, 16, 3)
    assert (boost.prescription_gy, boost.fractions, [b.number for b in boost.beams]) == (10.0, 4, [4, 5, 6])


def test_the_breast_plan(shared_data: Path, tmp_path: Path) -> None:
    with ZipFile(shared_data / "dose" / "dicompyler_breast_rtdose_rtplan_rtss.zip") as archive:
        archive.extract("rtplan.dcm", tmp_path)
    read = read_plan(tmp_path / "rtplan.dcm")
    assert [b.n_control_points for b in read.beams] == [92, 94, 103, 95]
    assert (read.prescription_gy, read.fractions, read.beams[0].energy_mv) == (14.0, 7, 10.0)
    assert read.notes == ()
