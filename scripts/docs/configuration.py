"""The page of all settings."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from dashboards.settings import DashboardSettings
from outcomes.settings import Settings, Url
from scripts.docs.markdown import document, section, table

_HEADER = ("variable", "what it holds", "by default", "meaning")
_KINDS: dict[Any, str] = {
    Path: "a path",
    Path | None: "a path",
    Url | None: "a URL",
    str: "text",
    int: "a whole number",
    float: "a number",
}


def page() -> str:
    """Every variable that an installation may set, and every place below OUTCOMES_HOME."""
    return document(
        "Configuration",
        "Environment variables; nothing else configures the pipeline or the dashboards. A value that does not fit is "
        "refused at the start, by the variable's name. How an installation hands them on: "
        "[deploy/](../deploy/README.md). Code lists and thresholds are data, see [For data engineers]"
        "(data-engineers.md#settings); Airflow's own variables are in its documentation.",
        section("Pipeline", table(_HEADER, _settings(Settings))),
        section(
            "Dashboards",
            "Which of them a login needs: [Who may see what](access.md#choose-a-way-to-log-in).",
            table(_HEADER, _settings(DashboardSettings)),
        ),
        section("What OUTCOMES_HOME holds", table(("path", "meaning"), _places())),
    )


def _settings(settings: type[BaseSettings]) -> Iterator[tuple[str, str, str, str]]:
    meanings = _meanings(settings)
    for name, field in settings.model_fields.items():
        variable = f"{settings.model_config['env_prefix']}{name}".upper()
        yield f"`{variable}`", _kind(field), _default(field.default), _one_line(meanings[name])


def _meanings(settings: type[BaseSettings]) -> dict[str, str]:
    """What stands as a string under each field, which the running program need not know."""
    (declared,) = ast.parse(inspect.getsource(settings)).body
    assert isinstance(declared, ast.ClassDef)
    return {
        field.target.id: str(meaning.value.value)
        for field, meaning in pairwise(declared.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(meaning, ast.Expr) and isinstance(meaning.value, ast.Constant)
    }


def _kind(field: FieldInfo) -> str:
    """What may stand in the variable, in words."""
    if field.annotation is bool:
        return "`true` or `false`"
    if field.annotation is SecretStr:
        return "a secret"
    if field.annotation in _KINDS:
        return ", ".join([_KINDS[field.annotation], *_limits(field)])
    return " or ".join(f"`{value}`" for value in get_args(field.annotation))


def _limits(field: FieldInfo) -> Iterator[str]:
    for words, name in (("at least", "ge"), ("at most", "le")):
        yield from (f"{words} {getattr(limit, name):g}" for limit in field.metadata if hasattr(limit, name))


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None or str(value) == "":
        return ""
    return f"`{value}`"


def _places() -> Iterator[tuple[str, str]]:
    home = Settings(home=Path())
    for name, place in vars(Settings).items():
        if isinstance(place, property):
            yield f"`{getattr(home, name)}`", _one_line(place.__doc__)


def _one_line(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()
