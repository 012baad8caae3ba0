"""Each thing that the dose engine would calculate wrongly is refused, with the beam and its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from made_rt import changed, delivery, image
from terasu.dicom.rtplan import read_plan, write_plan
from terasu.errors import UnsupportedPlanError


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "rp.dcm"
    write_plan(delivery(), path, like=image().source)
    return path


def beam(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda data: setattr(data.BeamSequence[1], keyword, value)


def point(keyword: str, value: object, index: int = 0) -> Callable[[Dataset], None]:
    return lambda data: setattr(data.BeamSequence[1].ControlPointSequence[index], keyword, value)


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def wedge_moved_in(data: Dataset) -> None:
    one = data.BeamSequence[1]
    one.NumberOfWedges = 1
    one.WedgeSequence = [item(WedgeNumber=1, WedgeType="MOTORIZED")]
    positions = ["OUT", "IN", "OUT"]
    for control, position in zip(one.ControlPointSequence, positions, strict=True):
        control.WedgePositionSequence = [item(ReferencedWedgeNumber=1, WedgePosition=position)]


def another_mlc(kind: str) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        data.BeamSequence[1].BeamLimitingDeviceSequence.append(
            item(RTBeamLimitingDeviceType=kind, NumberOfLeafJawPairs=2, LeafPositionBoundaries=[-5, 0, 5])
        )

    return change


def brachy(data: Dataset) -> None:
    data.FractionGroupSequence[0].NumberOfBrachyApplicationSetups = 1


def no_metersets(data: Dataset) -> None:
    for one in data.FractionGroupSequence[0].ReferencedBeamSequence:
        del one.BeamMeterset


IN_A_BEAM = [
    (beam("NumberOfWedges", 1), "wedge"),
    (beam("WedgeSequence", [item(WedgeNumber=1, WedgeType="STANDARD", WedgeID="W45")]), "wedge"),
    (wedge_moved_in, "wedge"),
    (point("WedgePositionSequence", [item(ReferencedWedgeNumber=1, WedgePosition="IN")]), "wedge"),
    (beam("NumberOfBlocks", 1), "block"),
    (beam("NumberOfBoli", 1), "bolus"),
    (beam("ReferencedBolusSequence", [item(ReferencedROINumber=3)]), "bolus"),
    (beam("NumberOfCompensators", 1), "compensator"),
    (beam("CompensatorSequence", [item(CompensatorNumber=1, MaterialID="BRASS")]), "compensator"),
    (beam("RadiationType", "ELECTRON"), "no photon beam"),
    (beam("RadiationType", "PROTON"), "no photon beam"),
    (beam("RadiationType", "NEUTRON"), "no photon beam"),
    (beam("PrimaryDosimeterUnit", "MINUTE"), "monitor units"),
    (beam("ApplicatorSequence", [item(ApplicatorID="C10", ApplicatorType="STEREOTACTIC")]), "applicator"),
    (point("PatientSupportAngle", "350"), "couch rotation"),
    (point("PatientSupportAngle", "10", index=1), "couch rotation"),
    (point("TableTopEccentricAngle", "5"), "eccentric"),
    (point("TableTopPitchAngle", 1.5), "couch pitch"),
    (point("TableTopRollAngle", 359.0), "couch roll"),
    (point("GantryPitchAngle", 2.0), "gantry pitch"),
    (point("NominalBeamEnergy", "15", index=1), "changes its energy"),
    (another_mlc("MLCY"), "multileaf collimator"),
    (another_mlc("MLCX"), "multileaf collimator"),
    (another_mlc("MLCX2"), "multileaf collimator"),
]


@pytest.mark.parametrize(("change", "what"), IN_A_BEAM)
def test_it_is_refused_and_the_beam_is_named(
    plan: Path, change: Callable[[Dataset], None], what: str
) -> None:
    with pytest.raises(UnsupportedPlanError, match=what) as refusal:
        read_plan(changed(plan, change))
    assert refusal.value.what.startswith("Beam 2 (Field 2)")
    assert refusal.value.got and refusal.value.expected
    assert "nothing was calculated" in refusal.value.todo
    assert "Made^Patient" not in str(refusal.value) and "MADE-1" not in str(refusal.value)


@pytest.mark.parametrize("position", ["HFP", "FFS", "FFP", "HFDR", "SITTING"])
def test_only_head_first_supine(plan: Path, position: str) -> None:
    def lie(data: Dataset) -> None:
        data.PatientSetupSequence[0].PatientPosition = position

    with pytest.raises(UnsupportedPlanError, match=f"lies {position}"):
        read_plan(changed(plan, lie))


def test_the_position_of_a_set_up_that_no_beam_uses_does_not_matter(plan: Path) -> None:
    def add(data: Dataset) -> None:
        data.PatientSetupSequence.append(item(PatientSetupNumber=2, PatientPosition="HFP"))

    assert len(read_plan(changed(plan, add)).beams) == 2


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (brachy, "brachytherapy"),
        (lambda data: setattr(data, "ApplicationSetupSequence", [item(ApplicationSetupNumber=1)]), "brachy"),
        (lambda data: setattr(data, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.481.8"), "protons and ions"),
        (no_metersets, "no beam that treats"),
    ],
)
def test_a_plan_of_another_kind_is_refused(plan: Path, change: Callable[[Dataset], None], what: str) -> None:
    with pytest.raises(UnsupportedPlanError, match=what):
        read_plan(changed(plan, change))


def test_a_wedge_that_stays_out_is_no_wedge(plan: Path) -> None:
    def stay_out(data: Dataset) -> None:
        wedge_moved_in(data)
        data.BeamSequence[1].ControlPointSequence[1].WedgePositionSequence[0].WedgePosition = "OUT"

    assert len(read_plan(changed(plan, stay_out)).beams) == 2


def test_a_fluence_map_that_calls_itself_a_compensator_is_none(plan: Path) -> None:
    def eclipse(data: Dataset) -> None:
        data.BeamSequence[1].NumberOfCompensators = 2
        data.BeamSequence[1].CompensatorSequence = [
            item(CompensatorNumber=1, MaterialID="", CompensatorType="OPTIMAL"),
            item(CompensatorNumber=2, MaterialID="", CompensatorType="TOTAL_ACTUAL"),
        ]

    assert len(read_plan(changed(plan, eclipse)).beams) == 2


def test_a_refused_beam_that_is_not_treated_does_not_stop_the_plan(plan: Path) -> None:
    def set_up_field_on_a_turned_couch(data: Dataset) -> None:
        data.FractionGroupSequence[0].ReferencedBeamSequence[1].BeamMeterset = None
        data.BeamSequence[1].ControlPointSequence[0].PatientSupportAngle = "90"

    assert [b.number for b in read_plan(changed(plan, set_up_field_on_a_turned_couch)).beams] == [1]
