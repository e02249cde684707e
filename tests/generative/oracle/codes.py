"""The code lists of the clinical specification, as it writes them: with dots, `*` for any ending.

They stand here a second time on purpose: a wrong code in `sql/codelists` must not be wrong in both.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from tests.generative.oracle.records import JOINTS, Record


def starts_with_any(code: str, patterns: tuple[str, ...]) -> bool:
    """Is the code one of the patterns, or does it begin like one that ends with `*`?"""
    return any(code == p or (p.endswith("*") and code.startswith(p[:-1])) for p in patterns)


@dataclass(frozen=True)
class Codes:
    """Codes by code system."""

    systems: dict[str, tuple[str, ...]]

    @property
    def examples(self) -> set[tuple[str, str]]:
        """Each code with its system; a code that begins like it for each prefix."""
        return {(system, code.replace("*", "A")) for system, listed in self.systems.items() for code in listed}

    def __contains__(self, record: Record) -> bool:
        return starts_with_any(record["code"] or "", self.systems.get(record["code_system"], ()))


def codes(**systems: str) -> Codes:
    """Read lists of codes separated by blanks, one for each code system."""
    return Codes({system: tuple(text.replace(".", "").split()) for system, text in systems.items()})


# Section 0: the index fusion, and the arthrodesis status that tells of an earlier one.
# An add-on never defines an event.
FUSION = codes(CPT="22551 22554 22600 22548 22590 22595", ICD10PCS="0RG0* 0RG1* 0RG2* 0RG4*")
FUSION_ADD_ON = codes(CPT="22552 22585 22614")
ARTHRODESIS_STATUS = codes(ICD10CM="Z98.1")

# What makes a code without a region a cervical one: a diagnosis that names the neck.
CERVICAL_CONTEXT = codes(
    ICD10CM="M50* M47.12 M47.22 M47.812 M47.892 M48.02 M48.03 M43.12 M43.13 M53.2X2 M53.2X3 M54.12 M54.13 M54.2 M40.03"
    " S12* S13* S14*"
)

# Section 3: suspected causes. A disc disorder of each kind: level not given, C2-4, C4-5, C5-6, C6-7, C7-T1.
MYELOPATHY, RADICULOPATHY, DISPLACEMENT, DEGENERATION = (
    " ".join(f"{kind}{level}" for level in ("0", "1", "20", "21", "22", "23", "3"))
    for kind in ("M50.0", "M50.1", "M50.2", "M50.3")
)
PSEUDARTHROSIS = codes(ICD10CM="M96.0")
NONUNION = codes(ICD10CM="M96.0 M53.2X2 M53.2X3")
NONUNION_SUPPORT = codes(ICD10CM="T84.216* T84.226*")
ADJACENT_SEGMENT = codes(
    ICD10CM=f"{MYELOPATHY} {RADICULOPATHY} {DISPLACEMENT} {DEGENERATION} M47.12 M47.22 M48.02 M48.03 M43.12 M43.13"
)
SCAR_TISSUE = codes(ICD10CM="G96.12 T84.82X* M96.1 M99.41")
HARDWARE = codes(ICD10CM="T84.216* T84.226* T84.296* T84.498* T84.84X* T84.89X* M96.69")
POSTURE = codes(ICD10CM="R29.3 M40.03 M96.3 M79.12 M79.18 M62.838 M99.01")
PREOPERATIVE_FAMILIES = tuple(
    codes(ICD10CM=family)
    for family in (
        *(MYELOPATHY, RADICULOPATHY, DISPLACEMENT, "M47.12", "M47.22", "M48.02", "G99.2"),
        *("M99.31", "M99.51", "M99.61", "M99.71"),
    )
)
NEEDS_CERVICAL_CONTEXT = codes(ICD10CM="M96.0 M96.1 T84*")

# Section 4: red flags
RED_FLAGS = {
    "radiating_pain": codes(
        ICD10CM="M54.12 M54.13 M50.1* M47.22 M79.2 R20.8 M79.60* M79.62* M25.511 M25.512",
    ),
    "numbness": codes(ICD10CM="R20.0 R20.1 R20.2 R20.9"),
    "weakness": codes(ICD10CM="M62.81 R53.1 R29.898"),
    "limited_motion": codes(ICD10CM="M43.6 M25.60 M25.69"),
    "headache": codes(ICD10CM="R51.9 G44.86 M54.81"),
}

# Section 5: conservative treatment
TREATMENTS = {
    "nsaid": codes(ATC="M01A*"),
    "muscle_relaxant": codes(ATC="M03B*"),
    "topical": codes(ATC="M02AB01 N01BX04 D04AB01 N01BB02"),  # capsaicin twice, lidocaine twice
    "injection": codes(
        ATC="H02AB*",
        CPT="62320 62321 64479 64480 64490 64491 64492 64405 20552 20553",
        ICD10PCS="3E0R33Z 3E0T33Z",
    ),
    "opioid": codes(ATC="N02A*"),
    "exercise_therapy": codes(CPT="97161 97162 97163 97164 97110 97112 97530"),
    "heat_ice_manual": codes(CPT="97010 97140 97124"),
    "tens": codes(CPT="97014 97032", HCPCS="G0283 E0720 E0730"),
    "traction": codes(CPT="97012", HCPCS="E0840 E0849 E0850 E0855 E0856 E0860"),
    "complementary": codes(CPT="97810 97811 97813 97814 98940 98941 98942"),
}

# Section 6: revisions. `{0,1,4}x4Z` is written out: any approach.
HARDWARE_REMOVAL = codes(
    CPT="22855 22850 22852",
    ICD10PCS="0RP004Z 0RP034Z 0RP044Z 0RP0X4Z 0RP104Z 0RP134Z 0RP144Z 0RP1X4Z 0RP404Z 0RP434Z 0RP444Z 0RP4X4Z"
    " 0RP10AZ 0PP304Z 0PP334Z 0PP344Z 0PP3X4Z",
)
FIXATION_REVISION = codes(CPT="22849 22830", ICD10PCS="0RW0* 0RW1* 0RW4* 0PW3*")
DISC_REPLACEMENT = codes(
    CPT="22856 22858 22861 0098T 22864 0095T", ICD10PCS="0RR30JZ 0RR50JZ 0RW3* 0RW5* 0RP30JZ 0RP50JZ"
)
FORAMINOTOMY = codes(CPT="63020 63035 63040 63043 63045 63048", ICD10PCS="01N10ZZ 01N13ZZ 01N14ZZ")
LAMINOPLASTY = codes(CPT="63050 63051")
CORD_RELEASE = codes(ICD10PCS="00NW0ZZ 00NW3ZZ 00NW4ZZ")
LAMINA_RESHAPED = codes(ICD10PCS="0PU3* 0PS3*")
OTHER_REVISION = codes(CPT="63001 63015 63075 63081", ICD10PCS="0RB3* 0RT3* 0PB3*")
# Used at other parts of the spine too: the five that section 6 names, and two add-ons of which the same is true.
NOT_CERVICAL_SPECIFIC = codes(CPT="22830 22849 22850 22852 22855 63035 63048")

# Codes younger than the oldest fusions, with the day on which they came into force (yearly updates of ICD-10-CM each
# October, of CPT each January).
IN_FORCE_FROM = {
    date(2016, 10, 1): codes(ICD10CM=" ".join(f"M50.{kind}2{level}" for kind in "0123" for level in "0123")),
    date(2018, 10, 1): codes(ICD10CM="M79.12 M79.18"),
    date(2020, 10, 1): codes(ICD10CM="R51.9 M25.69"),
    date(2021, 10, 1): codes(ICD10CM="G44.86"),
    date(2005, 1, 1): codes(CPT="63050 63051 97810 97811 97813 97814"),
    date(2009, 1, 1): codes(CPT="22856 22861 22864"),
    date(2010, 1, 1): codes(CPT="64490 64491 64492"),
    date(2011, 1, 1): codes(CPT="22551 22552"),
    date(2015, 1, 1): codes(CPT="22858"),
    date(2017, 1, 1): codes(CPT="62320 62321 97161 97162 97163 97164"),
}


def is_in_force(record: Record, index_period: str | None) -> bool:
    """Can the code have been in force on the record's day, however late in its period the index fusion was?"""
    starts = [day for day, young in IN_FORCE_FROM.items() if record in young]
    if not starts:
        return True
    if index_period is None:
        return False
    year, month = int(index_period[:4]), int(index_period[5:] or 12)
    latest_index = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return latest_index + timedelta(days=record.day) >= max(starts)


_JOINT_OF_DISC_CODE = {"21": ("C4-5",), "22": ("C5-6",), "23": ("C6-7",)}
_JOINTS_OF_FIFTH_CHARACTER = {"1": ("C2-3", "C3-4"), "3": ("C7-T1",)}


def coded_joints(diagnosis: Record) -> frozenset[int]:
    """The joints that a diagnosis code names (section 3); empty when it names none.

    M50.021 is C4-5, M50.022 C5-6, M50.023 C6-7; M50.01 is C2 to C4, so two joints; M50.03 is C7-T1.
    """
    if diagnosis not in ADJACENT_SEGMENT:
        return frozenset()
    code = diagnosis["code"]
    named: tuple[str, ...] = ()
    if code in ("M4803", "M4313"):
        named = ("C7-T1",)
    elif code.startswith("M50"):
        named = _JOINT_OF_DISC_CODE.get(code[4:]) or _JOINTS_OF_FIFTH_CHARACTER.get(code[4:5], ())
    return frozenset(JOINTS.index(joint) for joint in named)


def in_same_stay(one: Record, other: Record) -> bool:
    """Do the two belong to the same day or the same encounter?"""
    same_encounter = one["encounter_id"] is not None and one["encounter_id"] == other["encounter_id"]
    return one.day == other.day or same_encounter


def has_cervical_context(record: Record, diagnoses: tuple[Record, ...]) -> bool:
    """Was a cervical diagnosis recorded on the same day or in the same encounter?"""
    return any(other in CERVICAL_CONTEXT and in_same_stay(record, other) for other in diagnoses)
