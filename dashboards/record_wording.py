"""How a patient's records and deciding values are said: the codes of the contract in the words of the field."""

import re

from dashboards.wording import NBSP, plural, sentence_case

_TABLES = {
    "patients": "Patient",
    "encounters": "Stay or visit",
    "procedures": "Procedure",
    "diagnoses": "Diagnosis",
    "follow_ups": "Follow-up",
    "imaging": "Image",
    "treatments": "Treatment",
}
_CODES = {
    # systems of codes
    "ICD10CM": "ICD-10-CM",
    "ICD9CM": "ICD-9-CM",
    "ICD10PCS": "ICD-10-PCS",
    "ICD9PCS": "ICD-9-PCS",
    "RXNORM": "RxNorm",
    # images
    "radiograph": "radiograph:",
    "ct": "CT:",
    "mri": "MRI:",
    "normal": "nothing abnormal",
    "degeneration": "degeneration of the disc",
    "stenosis": "stenosis of the canal",
    "residual_stenosis": "stenosis that was left",
    "interspinous_motion": "motion between the spinous processes",
    "superjacent_motion": "motion at the level above",
    "perineural_scar": "scar around the nerve",
    "recurrent_disc": "recurrent disc herniation",
    "screw_back_out": "a screw backing out",
    "plate_fracture": "fracture of the plate",
    "c2_7_sva": "C2–7 sagittal vertical axis (SVA)",
    # stays
    "inpatient": "inpatient stay",
    "outpatient": "outpatient visit",
    "emergency": "emergency visit",
    "rehabilitation": "rehabilitation stay",
    # treatments
    "nsaid": "anti-inflammatory drug (NSAID)",
    "tens": "electrical nerve stimulation (TENS)",
    "heat_ice_manual": "heat, ice or manual therapy",
    "radiofrequency": "radiofrequency treatment",
    "complementary": "acupuncture or chiropractic care",
}
"""Of `outcomes.contract.tables`; what is not here only loses its underscores."""
_KEYS = re.compile(r"(?:^|, )(?:surgeon|encounter) [^,\s;]+")
"""Random keys of the site, which say nothing to who reads."""
_WORD = re.compile(r"\w+")
_OF_TABLES_WITH_CODES = ("imaging", "encounters", "treatments")
"""Tables whose first words are codes; the others have sentences of their own, in which a code would be a word."""

_COUNTED = {"observed_days": ("day", " observed"), "revisions": ("revision", ""), "records": ("record", "")}
_DECIDING = {
    "neck_pain_nrs": "neck pain {} of 10",
    "arm_pain_nrs": "arm pain {} of 10",
    "ndi_percent": f"neck disability (NDI) {{}}{NBSP}%",
    "days_between_image_and_symptom": "{} days between image and symptom",
}


def table(source_table: str) -> str:
    """What a record of a contract table is."""
    return _TABLES[source_table]


def record(source_table: str, description: str) -> str:
    """What a record says, without keys."""
    said = _KEYS.sub("", description).removeprefix(", ").replace(";", ", ")
    return _WORD.sub(lambda found: _in_words(found[0], source_table), said).removesuffix(":")


def _in_words(word: str, source_table: str) -> str:
    if word.isupper() or "_" in word or source_table in _OF_TABLES_WITH_CODES:
        return _CODES.get(word, word.replace("_", " "))
    return word


def deciding(name: str | None, value: float | None) -> str:
    """The value that decided an answer, with its unit; of a finding its name alone, as records have its unit.

    Args:
        name: of the value, as the label gives it; None where there is none.
        value: None where a name says it all.
    """
    if name is None:
        return ""
    if value is not None and name in _COUNTED:
        noun, rest = _COUNTED[name]
        return f"{plural(round(value), noun)}{rest}".replace(" ", NBSP)
    if value is not None and name in _DECIDING:
        return sentence_case(_DECIDING[name].format(f"{value:g}"))
    if value is not None and name == "days_to_care":
        when = "before" if value < 0 else "after"
        return f"Care {plural(abs(round(value)), 'day')} {when}"
    return sentence_case(_CODES.get(name, name.replace("_", " ")))
