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
# An add-on never defines an event; a refusion is a fusion, but never the first.
FUSION = codes(
    CPT="22551 22554 22600 22548 22590 22595",
    ICD10PCS="0RG0* 0RG1* 0RG2* 0RG4* XRG0* XRG1* XRG2* XRG4*",
    ICD9PCS="81.01 81.02 81.03",
)
FUSION_ADD_ON = codes(CPT="22552 22585 22614")
# Two of the add-ons name a further joint of any region.
ADD_ON_OF_ANY_REGION = codes(CPT="22585 22614")
REFUSION = codes(ICD9PCS="81.31 81.32 81.33")
ARTHRODESIS_STATUS = codes(ICD10CM="Z98.1", ICD9CM="V45.4")
# Fusions of the thoracic and lumbar spine and of the sacrum, and of deformities, which are hardly ever of the neck:
# they explain an arthrodesis status, and hardware (C6, B5).
OTHER_REGION_FUSION = codes(
    CPT="22532 22533 22534 22556 22558 22586 22610 22612 22630 22632 22633 22634 22800 22802 22804 22808 22810"
    " 22812 27278 27279 27280",
    ICD10PCS="0RG6* 0RG7* 0RG8* 0RGA* 0SG0* 0SG1* 0SG3* 0SG5* 0SG6* 0SG7* 0SG8*"
    " XRG6* XRG7* XRG8* XRGA* XRGB* XRGC* XRGD* XRGE* XRGF*",
    ICD9PCS="81.04 81.05 81.06 81.07 81.08 81.34 81.35 81.36 81.37 81.38",
)

# What makes a code without a region a cervical one: a diagnosis that names the neck.
CERVICAL_CONTEXT = codes(
    ICD10CM="M50* M47.12 M47.13 M47.22 M47.23 M47.812 M47.813 M47.892 M47.893 M48.02 M48.03 M43.12 M43.13"
    " M53.2X2 M53.2X3 M54.12 M54.13 M54.2 M40.03 S12* S13* S14*",
    ICD9CM="721.0 721.1 722.0 722.4 722.71 722.81 722.91 723* 805.0* 805.1* 806.0* 806.1* 839.0* 839.1* 847.0 952.0*"
    " 953.0",
)

# Section 3: suspected causes. A disc disorder of each kind: level not given, C2-4, C4-7 (until 2016), C4-5, C5-6,
# C6-7, C7-T1.
MYELOPATHY, RADICULOPATHY, DISPLACEMENT, DEGENERATION = (
    " ".join(f"{kind}{level}" for level in ("0", "1", "2", "20", "21", "22", "23", "3"))
    for kind in ("M50.0", "M50.1", "M50.2", "M50.3")
)
# Of an orthopaedic device: not specified, and of another one than an artificial joint (996.41 to 996.47).
MECHANICAL_COMPLICATION = "996.40 996.49"
PSEUDARTHROSIS = codes(ICD10CM="M96.0", ICD9CM="733.82")
NONUNION = codes(ICD10CM="M96.0 M53.2X2 M53.2X3", ICD9CM="733.82")
NONUNION_SUPPORT = codes(ICD10CM="T84.216* T84.226*")
ADJACENT_SEGMENT = codes(
    ICD10CM=f"{MYELOPATHY} {RADICULOPATHY} {DISPLACEMENT} {DEGENERATION} M47.12 M47.13 M47.22 M47.23 M48.02 M48.03"
    " M43.12 M43.13",
    ICD9CM="721.0 721.1 722.0 722.4 722.71 723.0",
)
SCAR_TISSUE = codes(ICD10CM="G96.12 T84.82X* M96.1 M99.41", ICD9CM="722.81")
HARDWARE = codes(ICD10CM="T84.216* T84.226* T84.296* T84.498* T84.84X* T84.89X* M96.69", ICD9CM=MECHANICAL_COMPLICATION)
PAINFUL_HARDWARE = codes(ICD10CM="T84.84X* T84.89X* T84.498*")
POSTURE = codes(ICD10CM="R29.3 M40.03 M96.3 M79.1 M79.10 M79.12 M79.18 M62.838 M99.01")
# What is the same condition again; ICD-9-CM does not tell a radiculopathy from a displaced disc.
PREOPERATIVE_FAMILIES = (
    codes(ICD10CM=MYELOPATHY, ICD9CM="722.71"),
    codes(ICD10CM=RADICULOPATHY, ICD9CM="722.0"),
    codes(ICD10CM=DISPLACEMENT, ICD9CM="722.0"),
    codes(ICD10CM="M47.12 M47.13", ICD9CM="721.1"),
    codes(ICD10CM="M47.22 M47.23", ICD9CM="721.0"),
    codes(ICD10CM="M48.02 M48.03", ICD9CM="723.0"),
    *(codes(ICD10CM=code) for code in ("G99.2", "M99.31", "M99.51", "M99.61", "M99.71")),
)
# Hardware of unknown place, of which B5 says more.
DEVICE_COMPLICATION = codes(ICD10CM="T84*", ICD9CM=MECHANICAL_COMPLICATION)
NEEDS_CERVICAL_CONTEXT = codes(
    ICD10CM="M96.0 M96.1 M96.69 T84* M62.838 M79.1 M79.10 M79.18 R53.1 R29.898",
    ICD9CM=f"733.82 {MECHANICAL_COMPLICATION}",
)
# Complications of the surgery itself: of the index stay's diagnoses the only ones that speak of what came after (C7).
COMPLICATION = codes(ICD10CM="T84* T81* G97* M96*", ICD9CM="722.8* 996.4* 997.0* 998*")

# Section 4: red flags
RED_FLAGS = {
    "radiating_pain": codes(
        ICD10CM="M54.12 M54.13 M50.1* M47.22 M47.23 M79.2 R20.8 M79.601 M79.602 M79.603 M79.621 M79.622 M79.631 M79.632"
        " M79.641 M79.642 M25.511 M25.512 M25.519",
        ICD9CM="723.4",
    ),
    "numbness": codes(ICD10CM="R20.0 R20.1 R20.2 R20.9", ICD9CM="782.0"),
    "weakness": codes(ICD10CM="M62.81 R53.1 R29.898 G83.2*", ICD9CM="728.87"),
    "limited_motion": codes(ICD10CM="M43.6 M25.60 M25.69"),
    "headache": codes(ICD10CM="R51 R51.9 G44.86 M54.81", ICD9CM="784.0"),
}

# Section 5: conservative treatment. The route moves a steroid (H02AB) to the injections.
TREATMENTS = {
    "nsaid": codes(ATC="M01A*"),
    "muscle_relaxant": codes(ATC="M03B*"),
    "topical": codes(ATC="M02AB01 N01BX04 D04AB01 N01BB02 M02AA*"),  # capsaicin twice, lidocaine twice, NSAID
    "oral_steroid": codes(ATC="H02AB*"),
    "injection": codes(
        CPT="62310 62320 62321 64479 64480 64490 64491 64492 64405 20552 20553",
        ICD10PCS="3E0R33Z 3E0T33Z 3E0U33Z",
    ),
    "radiofrequency": codes(CPT="64633 64634"),
    "opioid": codes(ATC="N02A*"),
    "gabapentinoid": codes(ATC="N02BF* N03AX12 N03AX16"),  # the same two drugs, as antiepileptics until 2022
    "duloxetine": codes(ATC="N06AX21"),
    "exercise_therapy": codes(CPT="97001 97002 97161 97162 97163 97164 97110 97112 97530"),
    "heat_ice_manual": codes(CPT="97010 97140 97124"),
    "tens": codes(CPT="97014 97032", HCPCS="G0283 E0720 E0730"),
    "traction": codes(CPT="97012", HCPCS="E0840 E0849 E0850 E0855 E0856 E0860"),
    "complementary": codes(CPT="97810 97811 97813 97814 98940 98941 98942"),
}
TOPICAL_BY_ROUTE = codes(ATC="N01BB02")

# The same drugs by RxNorm ingredient, which names no form (D5). Most are given in one: muscle relaxants, opioids,
# gabapentin (25480), pregabalin (187832), duloxetine.
INGREDIENTS = {
    "muscle_relaxant": codes(RXNORM="21949 57258 6845 1292 2101 2410 7715"),
    "opioid": codes(RXNORM="7804 5489 7052 3423 10689 787390 2670 7814 6754 8001 1841 7238"),
    "gabapentinoid": codes(RXNORM="25480 187832"),
    "duloxetine": codes(RXNORM="72625"),
}
# Fentanyl injected belongs to an anaesthetic, buprenorphine swallowed treats dependence.
FENTANYL, BUPRENORPHINE = codes(RXNORM="4337"), codes(RXNORM="1819")
# Ibuprofen, naproxen, diclofenac, flurbiprofen, tolmetin are rubbed in too; meloxicam, celecoxib, mefenamic acid not.
ANTI_INFLAMMATORY = codes(RXNORM="5640 7258 3355 4502 10636 41493 140587 6693")
ANTI_INFLAMMATORY_ON_SKIN = codes(RXNORM="5640 7258 3355 4502 10636")
LIDOCAINE = codes(RXNORM="6387")
# Prednisone is swallowed only; the others (prednisolone, its methyl, dexamethasone, hydrocortisone, triamcinolone,
# betamethasone) are injected too, and most often given in creams, sprays and drops.
PREDNISONE, OTHER_STEROIDS = codes(RXNORM="8640"), codes(RXNORM="8638 6902 3264 5492 10759 1514")

# Section 6: revisions. `{0,1,4}x4Z` is written out: any approach. What was only looked at (7th character X, F) is no
# revision: excisions are written out too.
HARDWARE_REMOVAL = codes(
    CPT="22855 22850 22852",
    ICD10PCS="0RP0X4Z 0RP1X4Z 0RP4X4Z 0PP304Z 0PP334Z 0PP344Z 0PP3X4Z "
    + " ".join(f"0RP{joint}{way}{device}Z" for joint in "014" for way in "034" for device in "478AJK"),
    ICD9PCS="78.69",
)
EXPLORATION = codes(CPT="22830")
# New fixation revises an old one only where the bone is fused again.
_INSERTIONS = " ".join(
    [f"0PH3{way}4Z" for way in "034"]
    + [f"0RH{joint}{way}{device}Z" for joint in "014" for way in "034" for device in "4BCD"]
)
NEW_FIXATION = codes(ICD10PCS=_INSERTIONS)
FIXATION_REVISION = codes(CPT="22849 22830", ICD10PCS=f"0RW0* 0RW1* 0RW4* 0PW3* {_INSERTIONS}")
DISC_REPLACEMENT = codes(
    CPT="22856 22858 22861 0098T 22864 0095T",
    ICD10PCS="0RR30JZ 0RR50JZ 0RW3* 0RW5* 0RP30JZ 0RP33JZ 0RP34JZ 0RP50JZ 0RP53JZ 0RP54JZ",
    ICD9PCS="84.61 84.62 84.66",
)
FORAMINOTOMY = codes(CPT="63020 63035 63040 63043 63045 63048", ICD10PCS="01N10ZZ 01N13ZZ 01N14ZZ")
LAMINOPLASTY = codes(CPT="63050 63051")
CORD_RELEASE = codes(ICD10PCS="00NW0ZZ 00NW3ZZ 00NW4ZZ")
LAMINA_RESHAPED = codes(ICD10PCS="0PU3* 0PS3*")
OTHER_REVISION = codes(
    CPT="63001 63015 63075 63081",
    ICD10PCS="0RT30ZZ 0RT50ZZ " + " ".join(f"{part}{way}ZZ" for part in ("0RB3", "0RB5", "0PB3") for way in "034"),
    ICD9PCS="80.51 03.09",
)
# Used at other parts of the spine too: the five that section 6 names, two add-ons of which the same is true, and the
# ICD-9 procedures of which B4 says so.
NOT_CERVICAL_SPECIFIC = codes(CPT="22830 22849 22850 22852 22855 63035 63048", ICD9PCS="78.69 80.51 03.09")
# Devices taken out or put right: where of nobody knows (B5), so soon after the index that they were put in there (C4).
DEVICE_WITHOUT_REGION = codes(CPT="22849 22850 22852 22855")
DEVICE_REVISED = codes(CPT="22849 22850 22852 22855", ICD10PCS="0RP* 0RW*")
# What shows that the fusion fused again had failed (C5).
FAILED_FUSION_DEVICE = codes(CPT="22849", ICD10PCS="0RW0* 0RW1* 0RW4* 0RP0* 0RP1* 0RP4*")


def is_fusion(record: Record) -> bool:
    """Is it a fusion of the neck, the first or not, in its own right or as an add-on?"""
    return record in FUSION or record in FUSION_ADD_ON or record in REFUSION


@dataclass(frozen=True)
class Era:
    """Codes with the first and the last day on which they were in force."""

    codes: Codes
    first: date = date.min
    last: date = date.max


# Codes younger than the oldest fusions, and codes that are no longer in force (yearly updates of ICD-10 each October,
# of CPT each January).
ERAS = (
    Era(codes(ICD9CM="*", ICD9PCS="*"), last=date(2015, 9, 30)),
    Era(codes(ICD10PCS="XRG0* XRG1* XRG2* XRG4* XRG6* XRG7* XRG8*"), date(2015, 10, 1), date(2021, 9, 30)),
    Era(codes(ICD10PCS="XRGE* XRGF*"), date(2022, 10, 1)),
    Era(codes(ICD10CM="M50.02 M50.12 M50.22 M50.32"), last=date(2016, 9, 30)),
    Era(codes(ICD10CM=" ".join(f"M50.{kind}2{level}" for kind in "0123" for level in "0123")), date(2016, 10, 1)),
    Era(codes(ICD10CM="M79.1"), last=date(2018, 9, 30)),
    Era(codes(ICD10CM="M79.10 M79.12 M79.18"), date(2018, 10, 1)),
    Era(codes(ICD10CM="R51"), last=date(2020, 9, 30)),
    Era(codes(ICD10CM="R51.9 M25.69"), date(2020, 10, 1)),
    Era(codes(ICD10CM="G44.86"), date(2021, 10, 1)),
    Era(codes(CPT="22532 22533 22534"), date(2004, 1, 1)),
    Era(codes(CPT="63050 63051 97810 97811 97813 97814"), date(2005, 1, 1)),
    Era(codes(CPT="22856 22861 22864"), date(2009, 1, 1)),
    Era(codes(CPT="64490 64491 64492"), date(2010, 1, 1)),
    Era(codes(CPT="22551 22552"), date(2011, 1, 1)),
    Era(codes(CPT="22633 22634 64633 64634"), date(2012, 1, 1)),
    Era(codes(CPT="22586"), date(2013, 1, 1)),
    Era(codes(CPT="22858 27279"), date(2015, 1, 1)),
    Era(codes(CPT="62310 97001 97002"), last=date(2016, 12, 31)),
    Era(codes(CPT="62320 62321 97161 97162 97163 97164"), date(2017, 1, 1)),
    Era(codes(ATC="N03AX12 N03AX16"), last=date(2022, 12, 31)),
    Era(codes(CPT="27278"), date(2024, 1, 1)),
)


def is_in_force(record: Record, index_period: str | None) -> bool:
    """Can the code have been in force on the record's day? Without an index period nobody can say that it was not."""
    if index_period is None:
        return True
    first_month, last_month = (int(index_period[5:] or month) for month in (1, 12))
    year = int(index_period[:4])
    earliest = date(year, first_month, 1) + timedelta(days=record.day)
    latest = date(year + last_month // 12, last_month % 12 + 1, 1) + timedelta(days=record.day - 1)
    return all(era.first <= latest and earliest <= era.last for era in ERAS if record in era.codes)


_JOINT_OF_DISC_CODE = {"21": ("C4-5",), "22": ("C5-6",), "23": ("C6-7",)}
_JOINTS_OF_FIFTH_CHARACTER = {"1": ("C2-3", "C3-4"), "3": ("C7-T1",)}


def coded_joints(diagnosis: Record) -> frozenset[int]:
    """The joints that a diagnosis code names (section 3); empty when it names none.

    M50.021 is C4-5, M50.022 C5-6, M50.023 C6-7; M50.01 is C2 to C4, so two joints; M50.03 is C7-T1. ICD-9-CM names
    no level.
    """
    if diagnosis not in ADJACENT_SEGMENT:
        return frozenset()
    code = diagnosis["code"]
    named: tuple[str, ...] = ()
    if code in ("M4713", "M4723", "M4803", "M4313"):
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
