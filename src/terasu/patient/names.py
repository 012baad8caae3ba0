"""What a clinic calls a structure, and what AAPM TG-263 calls it.

A name is read in parts: words, a side, and suffixes that say who drew it or on which image. What is left
must be a known spelling *exactly*: "Bladder" is never found inside of "Gallbladder", nor an organ in a
ring around a target. A name that is not understood whole has no standard name.

Source: AAPM Report 263 (2018), Standardizing Nomenclatures in Radiation Oncology, sections 7 and 8;
Mayo et al. 2018, doi 10.1016/j.ijrobp.2017.12.013.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from terasu.patient.name_table import Role as Role
from terasu.patient.name_table import is_known_organ, is_listed, look_up
from terasu.patient.name_words import Words, compact, cores, is_planning_aid, words
from terasu.patient.target_names import names_target_type, read_target

_TARGET_LESS = re.compile(r"TV\w*\s*-\s*[^\W\d]{2}", re.IGNORECASE)
"""``PTV-Rectum``: a target cut for the optimiser."""


@dataclass(frozen=True)
class StandardName:
    """A structure's name after TG-263.

    Attributes:
        name: the primary name: ``Femur_Head_L``, ``PTV_4140``, ``SpinalCord_PRV05``.
        roi_name: as it stands in the file.
        stripped: the words of it that say nothing about what is drawn (``DL``, ``CBCT``, ``v2``).
        role: ``target``, ``oar``, ``external`` or ``support``.
        listed: False for a name formed after the report's rules that is not in its list.
    """

    name: str
    roi_name: str
    stripped: Words = ()
    role: Role = "oar"
    listed: bool = True


def tg263_name(roi_name: str) -> StandardName | None:
    """The TG-263 name of an ROI, or None if it is not understood whole.

    Args:
        roi_name: ROI Name in English, Italian or Japanese, any spelling: ``Femore_Sin``, ``右肺``,
            ``FemoralHead (Left)_MBS``, ``PTV 41.4 Gy``.
    Returns:
        The standard name with what was stripped. None for planning aids (rings, optimisation and
        overlap structures), for one of a pair without its side, and for everything unknown.
    """
    plain, custom = _before_custom(roi_name)
    if plain.startswith(("_", "z_", "Z_")) or "+" in plain or _TARGET_LESS.search(plain):
        return None
    for core, stripped in cores(words(plain)):
        found = _organ_less_target(plain) or _margin_around(core) or look_up(core) or _target(core)
        if found is not None:
            name, role = found
            shown = _partial(name) if "~" in plain else name
            return StandardName(shown, roi_name, (*stripped, *custom), role, is_listed(name))
    return None


def role_of(roi_name: str, interpreted_type: str = "") -> Role:
    """What an ROI is for: ``target``, ``oar``, ``external``, ``support`` or ``other``.

    The clinic's RT ROI Interpreted Type goes before the name, but a planning aid (``PTV_opt``, a ring)
    is ``other`` whatever its type says: no dose is prescribed or reported to it.

    Args:
        roi_name: ROI Name.
        interpreted_type: RT ROI Interpreted Type (3006,00A4), empty where unknown.
    """
    known = tg263_name(roi_name)
    if known is None and is_planning_aid(roi_name):
        return "other"
    by_type = _role_of_type(interpreted_type.strip().upper())
    if by_type is not None:
        return by_type
    if known is not None:
        return known.role
    if names_target_type(words(roi_name)):
        return "target"
    return "oar" if any(is_known_organ(core) for core, _ in cores(words(roi_name))) else "other"


def _role_of_type(interpreted_type: str) -> Role | None:
    if interpreted_type in ("PTV", "CTV", "GTV"):
        return "target"
    if interpreted_type in ("ORGAN", "OAR", "AVOIDANCE"):
        return "oar"
    if interpreted_type in ("SUPPORT", "FIXATION", "BOLUS", "DEVICE"):
        return "support"
    return "external" if interpreted_type == "EXTERNAL" else "other" if interpreted_type else None


def _before_custom(roi_name: str) -> tuple[str, Words]:
    """The name, and what stands behind ``^``, which TG-263 leaves to the clinic."""
    plain, _, custom = roi_name.partition("^")
    return plain.strip(), (custom.strip(),) if custom.strip() else ()


def _partial(name: str) -> str:
    """``Lung_L`` as ``Lung~_L``: not the whole organ is drawn."""
    side = name[-2:] if name.endswith(("_L", "_R")) else ""
    return f"{name.removesuffix(side)}~{side}"


def _organ_less_target(plain: str) -> tuple[str, Role] | None:
    """``Lungs-GTV``: an organ without the target in it."""
    match = re.fullmatch(r"(.+?)\s*-\s*(GTV|CTV|ITV|PTV)", plain, re.IGNORECASE)
    organ = look_up(words(match[1])) if match else None
    if match is None or organ is None or organ[1] not in ("oar", "external"):
        return None
    name = "Body" if organ[1] == "external" else organ[0]
    return f"{name}-{match[2].upper()}", "oar"


def _margin_around(parts: Words) -> tuple[str, Role] | None:
    """``SpinalCord_PRV05``: an organ with a margin of so many mm."""
    for count in (1, 2, 3):
        match = re.fullmatch(r"prv(\d{1,2})?(mm)?", compact(parts[-count:]))
        organ = look_up(parts[:-count]) if match and len(parts) > count else None
        if match is not None and organ is not None and organ[1] == "oar":
            return f"{organ[0]}_PRV{match[1].zfill(2) if match[1] else ''}", "oar"
    return None


def _target(parts: Words) -> tuple[str, Role] | None:
    """A target, and the organ that it names."""
    read = read_target(parts)
    if read is None:
        return None
    head, organ_words, tail = read
    organ = look_up(organ_words) if organ_words else None
    if organ_words and (organ is None or organ[1] != "oar"):
        return None
    return "_".join((head, *((organ[0],) if organ else ()), *tail)), "target"
