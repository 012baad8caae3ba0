"""Names as clinics write them, in English, Italian and Japanese, and the false friends among them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terasu.dicom.find import index_folder
from terasu.dicom.rtstruct import read_structures
from terasu.patient.name_table import standard_names
from terasu.patient.names import role_of, tg263_name

KNOWN = {
    "Bladder": [
        "bladder",
        "BLADDER",
        "Urinary_Bladder",
        "vescica",
        "Vescica_DL",
        "膀胱",
        "ぼうこう",
        "bladder v2",
    ],
    "Prostate": ["prostata", "Prostate_MBS", "前立腺", "ＰＲＯＳＴＡＴＥ", "DL_Prostate", "Prostate (1)"],
    "Rectum": ["Retto", "retto_CBCT", "直腸", "rectum 20260102"],
    "Anorectum": ["RettoAno", "Retto_Ano", "Anorectum_DL", "直腸肛門"],
    "SeminalVes": ["SV", "Seminal Vesicles", "vescicole seminali", "Vescichette_Seminali", "精嚢", "精嚢腺"],
    "Femur_Head_L": [
        "FemoralHead (Left)_MBS",
        "Femur_Head_L_DL",
        "LtFemoralHead",
        "Testa femore sin",
        "左大腿骨頭",
    ],
    "Femur_Head_R": ["fem_head_rt", "TestaFemoreDx", "大腿骨頭(右)", "大腿骨頭_R", "右側大腿骨頭"],
    "Femur_Heads": ["TesteFemorali", "teste femorali", "Femoral heads", "両大腿骨頭", "Femoral_Head_Both"],
    "Femur_L": ["femoreSin", "FEMORESIN", "FemoreSinistro", "Femur_L"],
    "Femur_R": ["femoreDes", "Femore_Destro", "femore dx"],
    "Lung_R": ["LUNG_R", "Polmone dx", "polmone_destro", "右肺", "肺_右", "RLung", "Rt Lung", "migi hai"],
    "Lung_L": ["Lung (Left)", "PolmoneSx", "polmone sn", "左肺", "L_Lung"],
    "Lungs": ["LUNGS", "Polmoni", "両肺", "Lung_Both", "Lungs_Total", "Lung L R"],
    "Heart": ["HEART", "Cuore", "心臓", "Heart_planCT", "heart auto"],
    "SpinalCord": [
        "SPINALCORD",
        "Spinal_Cord",
        "cord",
        "Midollo",
        "midollo spinale",
        "脊髄",
        "Spinal_Cord_01",
    ],
    "SpinalCord_PRV05": ["SpinalCord_PRV05", "Cord_PRV_5mm", "CordPRV5", "脊髄PRV5"],
    "Bowel_Small": ["Bowel_sm_CBCT", "Bowel_sm_planCT", "small bowel", "Intestino tenue", "小腸"],
    "Stomach_Duodenum": ["Stomach_duo_planCT", "Stomach_duo_CBCT"],
    "Bag_Bowel": ["BowelBag", "bowel bag"],
    "Gallbladder": ["gall_bladder", "Colecisti", "胆嚢"],
    "BoneMarrow": ["Bone Marrow", "midollo osseo", "骨髄"],
    "Liver": ["LIVER", "fegato", "肝臓"],
    "OpticNrv_R": ["OpticNerve_R", "N. ottico dx", "nervo ottico destro", "視神経 右"],
    "Cavity_Oral": ["oral cavity", "Cavità orale", "口腔"],
    "External": ["External", "BODY", "Corpo", "体輪郭", "External_CBCT"],
    "Lungs-GTV": ["Lungs-GTV", "Lungs - GTV"],
    "Body-PTV": ["Body-PTV"],
    "Lung~_L": ["Lung~_L"],
    "GTVp": ["GTVp", "gtvp", "GTV_p", "GTV-T"],
    "GTVn1": ["GTVn1", "GTV-N1"],
    "CTVp": ["CTVp"],
    "CTV_Prostate": ["CTV_Prostate", "CTV prostata"],
    "PTV": ["PTV", "ptv", "ＰＴＶ", "計画標的体積"],
    "PTV2": ["PTV2", "PTV_2"],
    "PTV_High": ["PTV_High", "PTV high"],
    "PTV_4140": ["PTV4140", "PTV_4140", "PTV 41.4 Gy", "PTV_4140cGy"],
    "PTV_6000": ["PTV60", "PTV_60Gy"],
    "PTV_Mid01": ["PTV_Mid01"],
}

NOT_WHAT_THEY_SEEM = [
    *("ROI", "", "_", "1", "Structure1", "NewStructure", "Ring_PTV", "RingPTV", "PTV_opt", "PTVopt", "zPTV"),
    *("_Bladder", "z_Rectum", "Bladder Neck", "Bladder_in_PTV", "Heart_avoid", "Cord+5mm", "PTV+5mm"),
    *("Bladder_70", "Bladder-Rectum", "PTV-Rectum", "Opt_Bowel", "Liver_dose_20Gy", "Dose 95%", "リング"),
    *("Lungfish", "Retrorectum", "Prostatectomy", "Hearth", "Reno", "Sinistra", "L", "Left", "左", "肺炎"),
    *("Lung", "Polmone", "Femur", "Kidney", "Lens", "Parotid", "肺"),  # one of a pair, and no side
]


@pytest.mark.parametrize(("standard", "spelling"), [(s, one) for s, many in KNOWN.items() for one in many])
def test_spellings_of_clinics_find_their_standard_name(standard: str, spelling: str) -> None:
    found = tg263_name(spelling)
    assert found is not None and found.name == standard
    assert found.roi_name == spelling


@pytest.mark.parametrize("spelling", NOT_WHAT_THEY_SEEM)
def test_false_friends_have_no_standard_name(spelling: str) -> None:
    assert tg263_name(spelling) is None


def test_what_was_stripped_is_told() -> None:
    found = tg263_name("FemoralHead (Left)_MBS")
    assert found is not None and found.stripped == ("MBS",)
    found = tg263_name("Stomach_duo_planCT")
    assert found is not None and found.stripped == ("plan", "CT") and not found.listed
    found = tg263_name("Lung_L^Ex")
    assert found is not None and found.stripped == ("Ex",) and found.listed


@pytest.mark.parametrize(
    ("roi_name", "interpreted_type", "role"),
    [
        ("PTV4140", "PTV", "target"),
        ("PTV4140", "", "target"),
        ("CTV Prostate SV", "", "target"),
        ("Prostate_MBS", "GTV", "target"),
        ("prostata", "ORGAN", "oar"),
        ("HEART", "AVOIDANCE", "oar"),
        ("Lung", "", "oar"),
        ("SpinalCord_PRV05", "", "oar"),
        ("Ring_PTV", "PTV", "other"),
        ("PTV_opt", "PTV", "other"),
        ("Heart_avoid", "AVOIDANCE", "other"),
        ("_PTV", "", "other"),
        ("External", "EXTERNAL", "external"),
        ("BODY", "", "external"),
        ("Contour 7", "EXTERNAL", "external"),
        ("CouchSurface", "SUPPORT", "support"),
        ("Lettino", "", "support"),
        ("Bolus", "BOLUS", "support"),
        ("ROI", "", "other"),
        ("Gold seed", "MARKER", "other"),
        ("", "", "other"),
    ],
)
def test_roles(roi_name: str, interpreted_type: str, role: str) -> None:
    assert role_of(roi_name, interpreted_type) == role


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    found = tg263_name(text)
    assert role_of(text) in ("target", "oar", "external", "support", "other")
    assert found is None or found.name


@pytest.mark.parametrize("name", standard_names())
def test_a_standard_name_stands_for_itself_however_it_is_decorated(name: str) -> None:
    for spelling in (
        name,
        name.upper(),
        name.lower(),
        f"{name}_DL",
        f"{name}_CBCT",
        f"{name} v2",
        f"AI_{name}",
    ):
        found = tg263_name(spelling)
        assert found is not None and found.name == name, spelling


SHARED = {
    "thorax": {
        *("LUNGS=Lungs", "LUNG_R=Lung_R", "LUNG_L=Lung_L", "HEART=Heart", "SPINALCORD=SpinalCord"),
        *("GTVp=GTVp", "CTVp=CTVp", "PTV4140=PTV_4140", "LIVER=Liver"),
    },
    "pancreas": {
        *("Bowel_sm_CBCT=Bowel_Small", "Bowel_sm_planCT=Bowel_Small", "LUNG_L=Lung_L", "LUNG_R=Lung_R"),
        *("Stomach_duo_CBCT=Stomach_Duodenum", "Stomach_duo_planCT=Stomach_Duodenum", "ROI=None"),
    },
    "pelvis003": {
        *(
            "FemoralHead (Left)_MBS=Femur_Head_L",
            "FemoralHead (Right)_MBS=Femur_Head_R",
            "Prostate_MBS=Prostate",
        ),
        *("Rectum_MBS=Rectum", "Bladder_MBS=Bladder", "prostata=Prostate", "RettoAno=Anorectum"),
        *("vescica=Bladder", "femoreSin=Femur_L", "femoreDes=Femur_R", "External=External"),
        *("Prostate_DL=Prostate", "Anorectum_DL=Anorectum", "Bladder_DL=Bladder"),
        *("Femur_Head_L_DL=Femur_Head_L", "Femur_Head_R_DL=Femur_Head_R"),
    },
    "pelvis005": {
        *(
            "FemoralHead (Left)_MBS=Femur_Head_L",
            "FemoralHead (Right)_MBS=Femur_Head_R",
            "Prostate_MBS=Prostate",
        ),
        *("Rectum_MBS=Rectum", "Bladder_MBS=Bladder", "Prostata=Prostate", "Retto=Rectum", "Bladder=Bladder"),
        *("FemoreSinistro=Femur_L", "FemoreDestro=Femur_R", "External=External", "Prostate_DL=Prostate"),
        *("Anorectum_DL=Anorectum", "Bladder_DL=Bladder"),
        *("Femur_Head_L_DL=Femur_Head_L", "Femur_Head_R_DL=Femur_Head_R"),
    },
}


@pytest.mark.parametrize("which", SHARED)
def test_every_name_of_the_shared_patients(which: str, request) -> None:
    folder: Path = request.getfixturevalue(which)
    files = [s.files[0].path for s in index_folder(folder).series if s.modality == "RTSTRUCT"]
    names = {name for path in files for name in read_structures(path).names}
    found = {name: tg263_name(name) for name in names}
    assert {f"{name}={one and one.name}" for name, one in found.items()} == SHARED[which]
