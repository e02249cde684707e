"""The gate: what identifies a person is found, what merely looks alike passes, and nothing is repeated."""

import base64
import hashlib
import random
import uuid
from collections.abc import Callable

import pyarrow as pa
import pytest

from outcomes.contract import TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.manifest import KeyMethod, Method
from outcomes.intake.screening import findings, screen, screen_missing_codes
from outcomes.intake.shapes import SHAPES
from outcomes.intake.words import masked

RANDOM = random.Random(7)


def table(name: str, **columns: list[str | None]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    nothing: list[str | None] = [None] * rows
    return pa.table(
        {column: pa.array(columns.get(column, nothing), pa.string()) for column in TABLES[name].schema.names}
    )


def rules(name: str, method: Method = "limited_data_set", **columns: list[str | None]) -> list[tuple[str, str, int]]:
    return [(one.column, one.rule, one.rows) for one in findings({name: table(name, **columns)}, method)]


IDENTIFYING = {
    "ssn": ("123-45-6789", "p 123 45 6789", "123456789"),
    "phone": ("(555) 123-4567", "1-555-123-4567", "+44 20 7946 0958", "5551234567", "030-1234567"),
    "email": ("jane.doe@example.org",),
    "url": ("https://example.org/jane", "www.example.org", "example.org/jane"),
    "ip_address": ("192.168.10.3", "2001:db8:85a3:8d3:1319:8a2e:370:7348", "fe80::1ff:fe23:4567"),
    "full_date": (
        *("1954-03-21", "visit-1954-03-21", "1954-03-21T10:00:00", "JD19540321", "case-19540321"),
        *("1954_03_21", "540321-1234", "V230517-17", "2023051700017", "1954-080", "21.3.54"),
        *("3/21/1954", "3/21/54", "21.03.1954", "21 March 1954", "21MAR1954", "Mar 21, 1954"),
    ),
    "record_number": ("MRN 448812", "mrn448812", "acct#12", "448812", "48812", "A123456789"),
    "grouped_number": ("4488-12", "123-456789"),
    "card_number": ("4111-1111-1111-1111", "378282246310005"),
    "medicare_number": ("1EG4-TE5-MK73", "1EG4TE5MK73"),
    "person_title": ("Dr. House", "mrs  doe"),
    "person_name": ("Doe, Jane", "Zo\u00eb \u00c5ngstr\u00f6m", "JaneDoe", "Jane-Doe", "jane.doe"),
    "zip_code": ("02139-1234", "MA 02139", "MA02139", "SW1A1AA"),
    "not_a_key": ("jane doe", "#448812", "\u738b\u5c0f\u660e", "jane(at)example"),
    "encoded": ("MTIzLTQ1LTY3ODk=", "3132332d34352d36373839", "SmFuZSBEb2U"),
}

OF_ALL_KEYS = {"sequential", "unlike_others", "hashed", "hash_undeclared"}
OF_CELLS = {"free_text", "large_number"}


def test_every_rule_is_told_in_words() -> None:
    assert SHAPES.keys() == IDENTIFYING.keys() | OF_ALL_KEYS | OF_CELLS


@pytest.mark.parametrize(("rule", "value"), [(rule, value) for rule, values in IDENTIFYING.items() for value in values])
def test_a_patient_key_that_identifies_is_found(rule: str, value: str) -> None:
    assert rules("patients", patient_id=[value, "p000001", value, None]) == [("patient_id", rule, 2)]


@pytest.mark.parametrize(
    ("column", "value"),
    [("ndi_unit", "123-45-6789"), ("day", "1954-03-21"), ("neck_pain_nrs", "5551234567"), ("numbness", "Dr. House")],
)
def test_every_column_is_scanned_whatever_its_type(column: str, value: str) -> None:
    cells: dict[str, list[str | None]] = {column: ["3", value]}
    found = findings({"follow_ups": table("follow_ups", **cells)}, "limited_data_set")
    assert [(one.column, one.rows) for one in found] == [(column, 1)]


def test_closed_lists_cannot_carry_a_zip_code() -> None:
    assert rules("procedures", approach=["02139"]) == [("approach", "zip_code", 1)]


@pytest.mark.parametrize(
    "keys",
    [
        [uuid.UUID(int=RANDOM.getrandbits(128)).hex for _ in range(20_000)],
        [str(uuid.UUID(int=RANDOM.getrandbits(128))) for _ in range(20_000)],
        *([f"{RANDOM.getrandbits(4 * size):0{size}x}" for _ in range(20_000)] for size in (6, 8, 9, 10, 12, 16)),
    ],
    ids=lambda keys: keys[0],
)
def test_opaque_keys_pass(keys: list[str]) -> None:
    nothing = list[tuple[str, str, int]]()
    assert not findings({"patients": table("patients", patient_id=list(keys))}, "limited_data_set", None, "random")
    assert rules("procedures", procedure_id=[f"{key}-2023-05-pr1" for key in keys]) == nothing


def test_numeric_row_keys_of_a_database_pass_and_numeric_person_keys_do_not() -> None:
    numbers: list[str | None] = [str(number) for number in range(1_000_000, 1_000_100)]
    assert rules("diagnoses", diagnosis_id=numbers) == []
    assert rules("diagnoses", encounter_id=numbers) == [("encounter_id", "record_number", 100)]


def test_one_social_security_number_among_other_keys_is_found() -> None:
    keys: list[str | None] = [RANDOM.randbytes(9).hex() for _ in range(500)]
    assert rules("patients", patient_id=[*keys, "123456789"]) == [("patient_id", "ssn", 1)]


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ([str(number) for number in range(500)], "record_number"),
        ([f"p{number:06d}" for number in range(20)], "record_number"),
        ([f"NORTH-{number}" for number in range(1, 61)], "record_number"),
        ([f"H{RANDOM.randrange(10**6, 10**7)}" for _ in range(60)], "record_number"),
        ([f"{number:08x}" for number in range(0x3F00, 0x3F00 + 60)], "sequential"),
        ([f"{letter}{digit}x" for letter in "abcdefgh" for digit in "12345"], "sequential"),
    ],
    ids=lambda keys: keys[0],
)
def test_keys_that_were_numbered_are_found(keys: list[str], rule: str) -> None:
    assert rules("patients", patient_id=list(keys)) == [("patient_id", rule, len(keys))]
    assert rules("patients", patient_id=list(keys[:19])) == []


@pytest.mark.parametrize(
    ("algorithm", "secret"),
    [("md5", "448812"), ("md5", "004488"), ("sha1", "1954-03-21"), ("sha256", "19540321"), ("sha256", "7")],
)
def test_a_hash_of_a_short_number_or_a_date_is_found(algorithm: str, secret: str) -> None:
    plain, salted = (hashlib.new(algorithm, f"{salt}{secret}".encode()).hexdigest() for salt in ("", "pepper"))
    assert rules("patients", patient_id=[plain.upper(), salted]) == [("patient_id", "hashed", 1)]


SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64": lambda digest: base64.b64encode(digest).decode(),
    "base64url": lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="),
}


@pytest.mark.parametrize(
    ("algorithm", "digits", "spelling"), [("md5", 7, "hex"), ("sha1", 8, "base64"), ("sha256", 9, "base64url")]
)
def test_hashes_of_long_numbers_are_found_among_many(algorithm: str, digits: int, spelling: str) -> None:
    numbers = RANDOM.sample(range(10**digits), 40_000)
    digests = (hashlib.new(algorithm, b"%0*d" % (digits, one)).digest() for one in numbers)
    keys: list[str | None] = [SPELLINGS[spelling](digest) for digest in digests]
    assert [rule for _, rule, _ in rules("patients", patient_id=keys)] == ["hashed"]


@pytest.mark.parametrize(("algorithm", "length"), [("md5", 12), ("sha1", 16), ("sha256", 24), ("sha256", 40)])
def test_the_beginnings_of_hashes_are_found(algorithm: str, length: int) -> None:
    numbers = RANDOM.sample(range(440_000, 500_000), 300)
    keys: list[str | None] = [hashlib.new(algorithm, b"%d" % one).hexdigest()[:length] for one in numbers]
    assert [rule for _, rule, _ in rules("patients", patient_id=keys)] == ["hashed"]


@pytest.mark.parametrize(
    ("algorithm", "stated", "passes"),
    [
        *(("md5", None, False), ("md5", "random", True), ("md5", "salted_hash", True)),
        *(("sha1", None, False), ("sha1", "salted_hash", True), ("sha256", None, True)),
    ],
)
def test_keys_that_look_like_hashes_pass_only_where_it_is_stated_how_they_were_made(
    algorithm: str, stated: KeyMethod | None, *, passes: bool
) -> None:
    keys: list[str | None] = [hashlib.new(algorithm, b"pepper%d" % number).hexdigest() for number in range(60)]
    found = findings({"patients": table("patients", patient_id=keys)}, "limited_data_set", None, stated)
    assert [(one.rule, one.rows) for one in found] == ([] if passes else [("hash_undeclared", 60)])


@pytest.mark.parametrize("spell", [str, lambda one: one.hex], ids=["hyphens", "none"])
def test_a_uuid_that_is_drawn_looks_like_no_hash_and_one_made_of_a_hash_does(spell: Callable[[uuid.UUID], str]) -> None:
    drawn: list[str | None] = [spell(uuid.UUID(int=RANDOM.getrandbits(128), version=4)) for _ in range(60)]
    assert rules("patients", patient_id=drawn) == []
    for make in (uuid.uuid3, uuid.uuid5):
        made: list[str | None] = [spell(make(uuid.NAMESPACE_DNS, f"{number}.example")) for number in range(60)]
        assert rules("patients", patient_id=made) == [("patient_id", "hash_undeclared", 60)]


def test_a_statement_does_not_excuse_a_hash_that_can_be_worked_back() -> None:
    keys: list[str | None] = [hashlib.sha1(b"%d" % number).hexdigest() for number in range(448_812, 448_872)]
    found = findings({"patients": table("patients", patient_id=keys)}, "limited_data_set", None, "salted_hash")
    assert [(one.rule, one.rows) for one in found] == [("hashed", 60)]


@pytest.mark.parametrize("stray", ["janedoe", "A7B", "bcdfghjkmnpQRS", "bcd-fghjkmnpqr", "bcdfghjkmnpqr1"])
def test_a_key_unlike_all_others_is_found(stray: str) -> None:
    keys = ["".join(RANDOM.choices("bcdfghjkmnpqrstvwxz", k=14)) for _ in range(60)]
    assert rules("diagnoses", diagnosis_id=[*keys, stray]) == [("diagnosis_id", "unlike_others", 1)]


@pytest.mark.parametrize(
    ("table_name", "column", "cell", "rule"),
    [
        ("patients", "smoking", "lives at 12 elm street", "free_text"),
        ("patients", "indication", "jane doe", "free_text"),
        ("patients", "bmi", "jane doe", "free_text"),
        ("procedures", "levels", "C5-6;JANE", "free_text"),
        ("procedures", "modifier", "SN99812", "record_number"),
        ("diagnoses", "code", "M50.1 doe jane", "free_text"),
        ("diagnoses", "code", "JANEDOE", "free_text"),
        ("diagnoses", "position", "45063", "large_number"),
        ("patients", "bmi", "-45063.0", "large_number"),
        ("imaging", "value", "4111111111111111", "large_number"),
        ("follow_ups", "day", "45063", "large_number"),
        ("patients", "smoking", "never smoker", None),
        ("patients", "smoking", "given over", "free_text"),
        ("patients", "bmi", "99999", None),
        ("patients", "bmi", "not recorded", None),
        ("encounters", "start_day", "first week", None),
        ("follow_ups", "day", "20000", None),
        ("procedures", "levels", "C5 and C6", None),
        ("procedures", "levels", "Occiput-C2", None),
        ("procedures", "modifier", "LEFT", None),
        ("imaging", "finding", "shadow", None),
    ],
)
def test_words_and_large_numbers_of_other_columns(table_name: str, column: str, cell: str, rule: str | None) -> None:
    cells: dict[str, list[str | None]] = {column: [cell]}
    found = findings({table_name: table(table_name, **cells)}, "limited_data_set")
    assert [(one.column, one.rule, one.rows) for one in found] == ([(column, rule, 1)] if rule else [])


@pytest.mark.parametrize(
    ("table_name", "column", "cell", "kept"),
    [
        ("patients", "smoking", "never smoker Jane Doe", "never smoker xxxx xxx"),
        ("patients", "smoking", "Okonkwo", "xxxxxxx"),
        ("patients", "smoking", "not J\u00e9r\u00f4me", "not xxxxxx"),
        ("patients", "smoking", "\u738b\u5c0f\u660e", "xxx"),
        ("patients", "smoking", "never", "never"),
        ("patients", "sex", "X", "X"),
        ("patients", "bmi", "27.448812", "27.448812"),
        ("patients", "bmi", "about 30", "about 30"),
        *(("patients", "diabetes", word, word) for word in ("true", "FALSE", "Yes", "no")),
        ("patients", "diabetes", None, None),
        ("encounters", "start_day", "19803", "xxxxx"),
        ("encounters", "start_day", "-19803.0", "-xxxxx.0"),
        ("encounters", "start_day", "99999", "99999"),
        ("encounters", "start_day", "10957x", "xxxxxx"),
        ("procedures", "levels", "C5 and C6", "C5 and C6"),
        ("procedures", "levels", "C5 Jane", "C5 xxxx"),
        ("procedures", "code", "22551", "22551"),
        ("procedures", "code", "LOINC", "LOINC"),
        ("procedures", "code", "0RG10A0", "0RG10A0"),
        ("procedures", "code", "4488121", "xxxxxxx"),
        ("procedures", "code_system", "CPT", "CPT"),
        ("procedures", "code_system", "Schmidt", "xxxxxxx"),
    ],
)
def test_what_may_name_a_person_is_masked(table_name: str, column: str, cell: str | None, kept: str | None) -> None:
    (declared,) = [one for one in TABLES[table_name].columns if one.name == column]
    assert masked(declared, pa.chunked_array([[cell]], pa.string())).to_pylist() == [kept]


ANYBODYS = (
    *("123-45-6789", "MRN 448812", "Jane Doe", "Doe, Jane", "Dr. House", "1954-03-21", "21 March 1954", "19540321"),
    *("555-123-4567", "5551234567", "+44 20 7946 0958", "jane@example.org", "https://example.org/j", "192.168.10.3"),
    *("1234 Main St", "MA 02139", "\u738b\u5c0f\u660e \u5148\u751f", "jane doe", "van der Berg"),
)
ROW_KEYS = frozenset((each.name, each.key) for each in TABLES.values() if each.name not in {"patients", "encounters"})
CODES = frozenset((name, "code") for name in ("procedures", "diagnoses", "treatments"))
KEYS = frozenset((name, one) for name, each in TABLES.items() for one in each.schema.names if one.endswith("_id"))
MAY_STAND_IN = {
    **{"5551234567": ROW_KEYS, "MA 02139": CODES, "448812": ROW_KEYS | CODES, "4111111111111111": ROW_KEYS | CODES},
    "A448812": KEYS | CODES,
}
"""A code is a number too, and so is the key that a database gives a row; one key alone may be letters and digits."""


@pytest.mark.parametrize("value", [*ANYBODYS, "448812", "4111111111111111", "A448812"])
def test_an_identifier_in_any_column_refuses_the_submission(value: str) -> None:
    cell: list[str | None] = [value]
    tables = {name: table(name, **dict.fromkeys(each.schema.names, cell)) for name, each in TABLES.items()}
    found = {(one.table, one.column) for one in findings(tables, "limited_data_set") if one.code == "identifier_found"}
    columns = {(name, column) for name, each in TABLES.items() for column in each.schema.names}
    assert columns - found - MAY_STAND_IN.get(value, frozenset()) == {("patients", "index_period")} - found


def test_codes_levels_periods_and_measures_pass() -> None:
    assert not rules("procedures", code=["22551", "63020", "0RG10A0", "G0283", "99213"], levels=["C5-6;C6-7"] * 5)
    assert not rules("diagnoses", code=["M50.121", "Z98.1", "T84.84XA", "S12.9XXA", "721.0"])
    assert not rules("treatments", code=["M01AE01", "N02A", "97110", "E0720", "3E0R33Z"])
    assert not rules(
        "patients", index_period=["2023-05", "2023", "2026-12", "1999-01"], bmi=["27.4", "3e1", "19.0555", "-1"]
    )
    assert not rules("follow_ups", day=["-10957", "10957"], ndi_total=["37.199999999999996", "44"])
    assert not rules("follow_ups", numbness=["true", "FALSE"], working=["0", "1"], ndi_unit=["points", "percent"])


@pytest.mark.parametrize(
    "age",
    [
        *("91", "90.5", "104", " 120 ", "+91", "0000091", "120.0"),
        *("95 years", "95y", ">95", "95,5", "age 95", "95+", "\uff19\uff15", "95/100", "095-"),
    ],
)
def test_ages_above_90(age: str) -> None:
    found = rules("patients", age_years=[age, "90", "89", None, "old"])
    assert found == [("age_years", "age_over_89", 1)]


@pytest.mark.parametrize("age", ["1931", "1931.0", "born 1931", "2026"])
def test_years_of_birth(age: str) -> None:
    assert rules("patients", age_years=[age, "90", None]) == [("age_years", "year_of_birth", 1)]


@pytest.mark.parametrize("age", ["999", "9999", "999.0", "-99", "-9", "121", "150", "540", "54 years", "90+", "n=90"])
def test_what_can_be_no_age_over_90_is_left_to_validation(age: str) -> None:
    assert rules("patients", age_years=[age, "90", None]) == []


@pytest.mark.parametrize(
    ("method", "period", "is_too_fine"),
    [
        ("safe_harbor", "2023", False),
        ("safe_harbor", "2023-05", True),
        ("safe_harbor", "202305", True),
        ("safe_harbor", "05/2023", True),
        ("safe_harbor", "2023-05-17", True),
        ("limited_data_set", "2023-05", False),
        ("limited_data_set", "2023-05-17", True),
        ("limited_data_set", "20230517", True),
        ("limited_data_set", "17.05.2023", True),
        ("expert_determination", "2023-05", False),
        ("expert_determination", "2023-05-17", True),
    ],
)
def test_index_period(method: Method, period: str, is_too_fine: bool) -> None:
    expected = [("index_period", "index_period_too_fine", 1)] if is_too_fine else []
    assert rules("patients", method, index_period=[period, None]) == expected


def test_the_refusal_names_table_column_rule_and_rows_and_no_value() -> None:
    tables = {
        "patients": table("patients", patient_id=["123-45-6789", "p2"], age_years=["95", "60"]),
        "follow_ups": table("follow_ups", patient_id=["123-45-6789"] * 3, ndi_unit=[None, None, "Dr. House"]),
    }
    with pytest.raises(SubmissionRefused) as refused:
        screen(tables, "limited_data_set")
    assert refused.value.code == "identifier_found"
    assert refused.value.where == (
        "patients.patient_id: ssn, 1 row; follow_ups.patient_id: ssn, 3 rows; follow_ups.ndi_unit: person_title, 1 row"
    )


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        *(
            ("surgeon_id=jane@example.org", "email"),
            ("123-45-6789", "ssn"),
            ("123456789", "ssn"),
            ("02139", "zip_code"),
        ),
        *(("1954-03-21", "full_date"), ("*_id=448812", "record_number"), ("5551234567", "phone")),
    ],
)
def test_a_code_for_missing_that_identifies_is_found(code: str, rule: str) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        screen_missing_codes(["99", code])
    assert refused.value.code == "identifier_found"
    assert rule in refused.value.where.removeprefix("manifest.missing_codes: ").split(", ")


def test_codes_for_missing_pass() -> None:
    screen_missing_codes(
        ["9", "99", "-9", "-99", "99999", "-999999999", "bmi=999", "UNK", "n.d.", "9998", "99.9", "2000", "99998"]
    )


def test_a_clean_submission_passes() -> None:
    screen({"patients": table("patients", patient_id=["p1"], age_years=["90"])}, "safe_harbor")
