"""What an identifier looks like: the shapes that Safe Harbor removes (45 CFR 164.514(b)(2)), as patterns and in words.

A pattern is read as RE2 reads it, over text that `plain` has made plain.
"""

import re
import unicodedata

_START = r"(?:^|[^0-9A-Za-z])"
_END = r"(?:$|[^0-9A-Za-z])"
_YEAR = r"(?:19|20)\d\d"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_HEXTET = r"[0-9A-Fa-f]{1,4}"
_MONTH_NAME = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[A-Za-z]*"
_JOINED = r"[-_.:]?"
"""What may stand between the parts of a key."""

ANYWHERE = {
    "ssn": rf"{_START}\d{{3}}[- ]\d{{2}}[- ]\d{{4}}{_END}",
    "phone": rf"{_START}(?:1[ .-]?)?(?:\(\d{{3}}\) ?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}}{_END}|\+\d[\d ().-]{{7,}}\d",
    "email": r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}",
    "url": r"(?i)[a-z][a-z+.-]+://|(?:^|[^a-z0-9])www\.[a-z0-9]|[a-z0-9-]+\.[a-z]{2,6}/",
    "ip_address": rf"(?:^|[^0-9.])(?:{_BYTE}\.){{3}}{_BYTE}(?:$|[^0-9.])|(?:{_HEXTET}:){{4,7}}{_HEXTET}|"
    rf"(?:{_HEXTET}:){{1,6}}(?::{_HEXTET}){{1,6}}",
    "full_date": "|".join(
        (
            rf"{_START}{_YEAR}[-/.](?:{_MONTH}|[1-9])[-/.](?:{_DAY}|[1-9])(?:$|[^0-9])",
            rf"{_START}(?:{_DAY}|[1-9])[-/.](?:{_DAY}|[1-9])[-/.]{_YEAR}{_END}",
            rf"{_START}(?:{_DAY}|[1-9])/(?:{_DAY}|[1-9])/\d\d{_END}",
            rf"[^0-9A-Za-z]{_YEAR}{_MONTH}{_DAY}{_END}|{_START}{_YEAR}{_MONTH}{_DAY}[^0-9A-Za-z]",
            rf"{_START}(?:{_DAY}|[1-9])[ .-]+{_MONTH_NAME}[ .,-]+\d{{2,4}}{_END}",
            rf"{_START}(?:{_DAY}|[1-9]){_MONTH_NAME}{_YEAR}{_END}",
            rf"{_START}{_MONTH_NAME}[ .-]+(?:{_DAY}|[1-9])[ ,-]+\d{{4}}{_END}",
        )
    ),
    "record_number": r"(?i)(?:^|[^a-z])(?:mrn|medical record|med rec|patient no|account|acct|npi|ssn|dob)[ :#._-]*\d",
    "person_title": r"(?:^|[^A-Za-z])(?i:mr|mrs|ms|miss|dr|prof|herr|frau|mme)(?:\. *|\s+)\pL{2,}",
    "person_name": r"(?:^|[^\pL])\p{Lu}\p{Ll}+(?:, ?| +)\p{Lu}\p{Ll}+",
    "zip_code": rf"{_START}\d{{5}}-\d{{4}}{_END}|{_START}[A-Z]{{2}},? \d{{5}}{_END}",
}
"""What no string may show, wherever it stands in it."""

BY_CHANCE = {"record_number": ANYWHERE["record_number"]}
"""Of these, what keys drawn of digits and letters show by chance."""

WHOLE_KEY = {
    "ssn": r"^\d{9}$",
    "phone": r"^1?\d{10}$",
    "full_date": "|".join(
        (
            rf"^(?:[A-Za-z]+{_JOINED})?{_YEAR}[-_.]?{_MONTH}[-_.]?{_DAY}(?:$|[-_.:A-Za-z])",
            rf"^[A-Za-z]*{_YEAR}{_MONTH}{_DAY}\d{{4,6}}$",
            rf"^(?:[A-Za-z]+{_JOINED})?\d\d{_MONTH}{_DAY}[-_.:+]\d{{1,5}}$",
            rf"^{_YEAR}[-_.:][0-3]\d\d$",
            rf"^(?:{_DAY}|[1-9])[-_.](?:{_MONTH}|[1-9])[-_.]\d\d$",
        )
    ),
}
"""What a key may not be as a whole, since it would be derived from an identifier."""

WHOLE_PERSON_KEY = {
    "record_number": r"^\d{5,12}$|^[A-Za-z]{1,4}[-_.]?\d{9,10}$",
    "phone": r"^0\d{1,4}[-/.]\d{5,8}$|^(?i:tel|phone|fon|fax|cell|mobile)[-_.:]?\d{6,}$",
    "card_number": r"^[3-6]\d{3}(?:[-_.]?\d{4}){2}[-_.]?\d{1,4}$",
    "medicare_number": r"^[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
    r"[AC-HJKMNP-RT-Y]{2}\d\d$",
    "person_name": r"^\p{Lu}\p{Ll}+[-_.]?\p{Lu}\p{Ll}+$|^\p{Ll}{2,}\.\p{Ll}{2,}$",
    "zip_code": r"^[A-Z]{2}[-_]?\d{5}$|^[A-Z]{1,2}\d[A-Z\d]?[-_]?\d[A-Z]{2}$",
    "grouped_number": r"^(?:\d[-_.:/]?){4,11}\d$",
}
"""What the key of a person or a stay may not be besides."""

ENCODED = "|".join(
    (
        r"^\d[-0-9 ]{4,14}\d$",
        r"^[0-9A-Za-z._-]+@[0-9A-Za-z-]+\.[A-Za-z]{2,}$",
        rf"^{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}|^\d\d?[-/.]\d\d?[-/.](?:\d\d)?\d\d$",
        r"^(?i:mrn|acct|npi|ssn)[ :#_-]?\d{4,}$",
        r"^[A-Za-z][a-z]+(?:, ?| +)[A-Za-z][a-z]+$|^[A-Z][a-z]+[A-Z][a-z]+$",
    )
)
"""What a key may not hold in another encoding: a number, an address, a date, a name."""

WHOLE_TEXT = {
    "ssn": r"^\d{9}$",
    "phone": r"^1?\d{10}$",
    "full_date": rf"^{_YEAR}{_MONTH}{_DAY}$",
    "zip_code": r"^\d{5}$",
}
"""What other text may not be as a whole."""

FINER_THAN_MONTH = rf"^{_YEAR}\D?(?:{_MONTH}\D?{_DAY}|[Ww][0-5]\d|[0-3]\d\d(?:$|\D))"
"""A period that is a day, a week or a day of the year."""

PLACEHOLDER = re.compile(r"-?(?:9+\d|(\d)\1*)")
"""A number that is nobody's: one digit again and again, or nines and a last digit (9998)."""

SHAPES = {
    "ssn": "nine digits, with or without hyphens or blanks as in a Social Security number",
    "phone": "ten or eleven digits in groups, or as a whole; of a key of a person also a 0, its area and a number, or "
    "`tel` before digits",
    "email": "text with an @ and a domain",
    "url": "an address of the web, also without its beginning",
    "ip_address": "an address of the internet protocol, or of a network card",
    "full_date": "a date to the day in any usual order, with a month's name, or as eight digits, also beside letters; "
    "of a key also as six digits before others, by the day of the year, or with a year of two digits",
    "record_number": "a word such as MRN, account or NPI before digits; of a patient, stay or surgeon also five to "
    "twelve digits alone, nine or ten after letters, and in 20 keys or more any digits after the same beginning",
    "grouped_number": "of a patient, stay or surgeon five to twelve digits in groups, where not all keys are such",
    "card_number": "of a patient, stay or surgeon 13 to 16 digits as on a payment card",
    "medicare_number": "of a patient, stay or surgeon a Medicare beneficiary identifier",
    "person_title": "Mr, Dr, Frau and the like before a word",
    "person_name": "two words in capitals and small letters, as a name has; of a key also joined, or `jane.doe`",
    "zip_code": "five digits and four, or a state and five digits; of a key of a person also a British postcode",
    "not_a_key": "of a key letters or digits beside blanks or signs other than `. _ : / + = -`, or letters beyond "
    "ASCII",
    "encoded": "of a key base64 or hexadecimal of text that has a shape of this list",
    "hashed": "of a patient the MD5, SHA-1 or SHA-256, without salt, of a number of up to six digits or of a date; "
    "among many keys also of a number of up to nine digits, and the beginning of such a hash",
    "hash_undeclared": "of patients keys that all have the length of an MD5 or SHA-1 in hexadecimal digits, or are the "
    "UUIDs made of them (versions 3 and 5), while the manifest does not say (`key_method`) that they are random or "
    "hashed with a secret salt",
    "sequential": "of a patient, stay or surgeon 20 keys or more that fill more than one in 64 of what they can be, "
    "as numbers given in sequence do",
    "unlike_others": "of 20 keys or more a few that differ from 95 % in length, in the places of their signs, or by "
    "having digits, capitals or small letters at all",
    "free_text": "two words or more, none of which the contract has; of codes, joints and modifiers one such word",
    "large_number": "among measures a number of five digits or more, as a record number and a spreadsheet's date have; "
    "among days one from 30000 on",
}
"""What each rule on identifiers refuses, in words."""


def plain(text: str) -> str:
    """Text in which dashes, blanks and digits of any script are those of ASCII."""
    characters = unicodedata.normalize("NFKC", text)
    return "".join(map(_plain_character, characters))


def _plain_character(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if unicodedata.category(character) == "Pd" or character in "\u2212\u00b7\u2022":
        return "-"
    return " " if character.isspace() else character
