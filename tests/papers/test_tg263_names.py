"""AAPM Report 263 (2018): our table holds the report's names and keeps the report's rules.

The names below are primary names of the report's list, checked against an independent implementation of it
(the PyPI package tg263 0.2.0); the rules are those of its sections 7 (non-target structures) and 8 (targets).
"""

from __future__ import annotations

import re

import pytest

from terasu.patient.name_table import is_listed, standard_names
from terasu.patient.names import tg263_name


def listed(text: str) -> list[str]:
    return text.split()


OF_THE_REPORT = listed("""
A_Aorta A_Aorta_Asc A_Carotid_L A_Celiac A_LAD A_Pulmonary Acetabulum_L AirWay_Prox Anus Appendix Atrium_L
Bag_Bowel BileDuct_Common Bladder Bladder_Wall BoneMarrow Bone_Mandible Bone_Pelvic_R Bowel Bowel_Large
Bowel_Small BrachialPlex_L BrachialPlexs Brain Brainstem Breast_L Breasts Bronchus_Main Canal_Anal Carina
Cartlg_Thyroid CaudaEquina Cavity_Nasal Cavity_Oral Cecum Cerebellum Cerebrum Cervix Chestwall_L Clavicle_R
Cochlea_L Colon Colon_Ascending Colon_Decending Colon_Sigmoid Colon_Transverse Cornea_R Cricoid
Cricopharyngeus Diaphragm Duodenum Ear_Internal_L Ear_Middle_R Esophagus External Eye_L Eyes Femur_Head_L
Femur_Head_R Femur_L Femur_Neck_R Femurs Gallbladder Genitals Glnd_Adrenal_L Glnd_Lacrimal_R Glnd_Submand_L
Glnd_Submands Glnd_Thyroid Glottis GreatVes Hardpalate Heart Hippocampi Hippocampus_L Humerus_R Hypothalmus
Ileum Jejunum Jejunum_Ileum Joint_TM_L Kidney_L Kidney_R Kidneys Laryngl_Pharynx Larynx Larynx_SG Lens_L Lips
Liver LN_Iliac_Ext_L LN_Inguinofem LN_Obturator_R LN_Paraaortic LN_Pelvics Lobe_Temporal_R Lung_L Lung_LLL
Lung_R Lung_RML Lungs Maxilla Mediastinum Musc_Constrict Musc_Constrict_I Musc_Masseter_L Nasopharynx Nose
OpticChiasm OpticNrv_L Orbit_R Oropharynx Ovaries Ovary_L Palate_Soft Pancreas Pancreas_Head Parametrium
Parotid_L Parotids PenileBulb Penis Pericardium Perineum Peritoneum Pharynx Pineal Pituitary Pons Prostate
ProstateBed PubicSymphys Rectal_Wall Rectum Retina_L Retinas SacralPlex Sacrum Scalp Scapula_L Scrotum
SeminalVes SeminalVes_Dist SeminalVes_Prox Sinus_Maxilry_R Skin Skull Spc_Bowel Sphincter_Anal SpinalCanal
SpinalCord Spleen Stomach Testis_R ThecalSac Tongue Tongue_Base Trachea Ureter_L Ureters Urethra
Urethra_Prostatc Uterus V_Jugular_Int_R V_Portal V_Pulmonary V_Venacava_I V_Venacava_S Vagina VaginalCuff
Ventricle_R VocalCord_L VocalCords Vulva
""")

TARGETS = listed(
    "GTV CTV PTV ITV IGTV ICTV GTVp GTVn GTVp1 CTVn2 CTVsb PTV_High PTV_Mid PTV_Low PTV_Mid01 PTV_5040"
)
MARGINS = listed("SpinalCord_PRV05 Brainstem_PRV OpticChiasm_PRV03")
LESS_TARGET = listed(
    "Lungs-GTV Lungs-CTV Lungs-ITV Lungs-PTV Liver-GTV Brain-PTV Bladder-CTV Body-PTV Kidney_L-GTV"
)


@pytest.mark.parametrize("name", OF_THE_REPORT)
def test_the_reports_names_are_known(name: str) -> None:
    found = tg263_name(name)
    assert found is not None and found.name == name and found.listed and found.stripped == ()


@pytest.mark.parametrize("name", [*TARGETS, *MARGINS, *LESS_TARGET])
def test_targets_margins_and_differences_after_the_report_stay_as_they_are(name: str) -> None:
    found = tg263_name(name)
    assert found is not None and found.name == name


def test_our_names_keep_the_reports_rules() -> None:
    names = standard_names()
    assert len(names) >= 150
    for name in names:
        assert len(name) <= 16, "7.2: at most 16 characters"
        assert re.fullmatch(r"[A-Za-z0-9_]+", name), "no spaces and no other signs"
        assert name[0].isupper() and not name.endswith("_")
    assert len({name.casefold() for name in names}) == len(names), "unique whatever the case"


def test_names_that_the_report_does_not_list_say_so() -> None:
    ours = {name for name in standard_names() if not is_listed(name)}
    assert "Anorectum" in ours and "Stomach_Duodenum" in ours
    assert not ours & set(OF_THE_REPORT)
    assert len(ours) < 25
