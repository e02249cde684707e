"""Rows of marts, as pages read them, of which a test states only what it is about."""

from dataclasses import fields
from typing import Any, TypeVar, get_args

Record = TypeVar("Record")


def a(record: type[Record], **stated: Any) -> Record:
    """A shown row: what is not stated is None where it may be, else what is empty of its type."""
    empty = {
        field.name: None if type(None) in get_args(field.type) else field.type()  # type: ignore[operator]
        for field in fields(record)  # type: ignore[arg-type]
    }
    state = {"state": "shown"} if "state" in empty else {}
    return record(**empty | state | stated)
