"""The files that an installation writes by hand: access.csv, annotations.csv, deliveries.csv, digests.csv, sites.csv,
targets.csv; and annotations_withdrawn.csv, which the dashboards write.

All are read alike: CSV in UTF-8 (a byte order mark may lead), exactly the columns of the model in its order, no
incomplete line, no line twice. Blank lines and white space around a cell do not count.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from outcomes.errors import OutcomesError
from outcomes.locks import one_at_a_time
from outcomes.periods import MONTH
from outcomes.whole_files import write_whole

SITE_ID = r"[a-z0-9][a-z0-9_-]{0,62}"
"""The pattern of what can name a site: lower-case letters, digits, `-` and `_`, 63 at most."""

SiteId = Annotated[str, Field(pattern=f"^{SITE_ID}$")]
Role = Literal["quality", "clinical"]


def _one_of(known: str, *others: str) -> AfterValidator:
    """A cell that is in the context's collection of this name, or one of the others."""

    def check(cell: str, info: ValidationInfo) -> str:
        if cell not in others and cell not in _context(info)[known]:
            raise PydanticCustomError("unknown", "there is no such one")
        return cell

    return AfterValidator(check)


def _context(info: ValidationInfo) -> Mapping[str, Any]:
    if info.context is None:
        raise LookupError("this site file is read with a context")
    context: Mapping[str, Any] = info.context
    return context


_Stated = Annotated[str, Field(min_length=1)]
_Measure = Annotated[str, _one_of("measures")]
_Month = Annotated[str, Field(pattern=f"^{MONTH}$")]


class SiteFileRow(BaseModel):
    """A line of a site file: its fields are the columns. No two lines are the same in those of `key`, or in all."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    key: ClassVar[tuple[str, ...]] = ()


class Access(SiteFileRow):
    """A line of access.csv: a user of the dashboards, one site that is theirs, and their role."""

    key = ("user", "site_id")

    user: _Stated
    site_id: SiteId
    role: Role


class DigestAddress(SiteFileRow):
    """A line of digests.csv: an e-mail address to which the digest of a site goes."""

    site_id: SiteId
    address: Annotated[str, Field(pattern=r"^[!-;=?A-~]+@[A-Za-z0-9.-]+$", max_length=254)]


class Site(SiteFileRow):
    """A line of sites.csv: a site that may deliver, and its name for people, if it has one."""

    key = ("site_id",)

    site_id: SiteId
    name: str


class ExpectedDeliveries(SiteFileRow):
    """A line of deliveries.csv: the months that a site delivers, each by this day of the month after.

    `last_period` is empty as long as the site goes on. 28 is the last day that every month has.
    """

    key = ("site_id",)

    site_id: SiteId
    first_period: _Month
    last_period: Annotated[str, Field(pattern=f"^({MONTH})?$")]
    due_day: Annotated[int, Field(ge=1, le=28)]

    @field_validator("last_period")
    @classmethod
    def _not_before_the_first(cls, last: str, info: ValidationInfo) -> str:
        if last and last < info.data.get("first_period", ""):
            raise PydanticCustomError("before_first", "it comes before first_period")
        return last


class Annotation(SiteFileRow):
    """A line of annotations.csv, a note on a chart or the month from which its limits are worked out anew.

    `site_id` is empty when it holds for all sites, together and each. A note has a text, a rebase a reason.
    """

    site_id: Annotated[str, _one_of("sites", "")]
    measure: _Measure
    period: _Month
    kind: Literal["rebase", "note"]
    text: str
    author: _Stated
    reason: str

    @field_validator("text", "reason")
    @classmethod
    def _stated_where_needed(cls, text: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind")
        if not text and (kind, info.field_name) in {("note", "text"), ("rebase", "reason")}:
            raise PydanticCustomError("unstated", "a line of this kind needs it")
        return text


class WithdrawnAnnotation(SiteFileRow):
    """A line of annotations_withdrawn.csv: a line that annotations.csv held, who took it back, when and why.

    A history: it may name sites and measures that there are no more.
    """

    site_id: str
    measure: str
    period: str
    kind: str
    text: str
    author: str
    reason: str
    withdrawn_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    withdrawn_by: _Stated
    withdrawn_reason: _Stated


class Target(SiteFileRow):
    """A line of targets.csv: what a measure should reach, a fraction or of a rate events per 100 person-years."""

    key = ("measure",)

    measure: _Measure
    target: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    author: _Stated
    reason: _Stated

    @field_validator("target")
    @classmethod
    def _fraction_of_a_share(cls, target: float, info: ValidationInfo) -> float:
        if target > 1 and _context(info)["measures"].get(info.data.get("measure")) == "share":
            raise PydanticCustomError("no_fraction", "the target of a share is a fraction from 0 to 1")
        return target


Row = TypeVar("Row", bound=SiteFileRow)


def read_site_file(path: Path, model: type[Row], code: str, context: Mapping[str, Any] | None = None) -> dict[int, Row]:
    """Read a site file.

    Args:
        path: the file, which has to exist.
        model: of its lines.
        code: of the mistake that a file which cannot be used is.
        context: what the model's checks need: `measures`, the unit (`share` or `rate`) of each measure that there is,
            and `sites`, those that there are.

    Returns:
        The rows, each with the number of its line.

    Raises:
        OutcomesError: `code`, with the file, the line and the column, never a value.
    """
    columns = list(model.model_fields)
    (_, header), *lines = _lines(path, code) or [(1, [])]
    if header != columns:
        raise OutcomesError(code, f"{path.name}, line 1: the columns are {', '.join(columns)}")
    rows: dict[int, Row] = {}
    seen: set[tuple[object, ...]] = set()
    for line, cells in lines:
        place = f"{path.name}, line {line}"
        if len(cells) != len(columns):
            raise OutcomesError(code, f"{place}: not {len(columns)} columns")
        try:
            row = model.model_validate(dict(zip(columns, cells, strict=True)), context=context)
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            raise OutcomesError(code, f"{place}, {fault['loc'][0]}: {fault['msg']}") from None
        identity = tuple(getattr(row, column) for column in model.key or columns)
        if identity in seen:
            raise OutcomesError(code, f"{place}, {' and '.join(model.key) or 'all columns'}: as in an earlier line")
        seen.add(identity)
        rows[line] = row
    return rows


def add_line(path: Path, row: SiteFileRow, code: str, context: Mapping[str, Any] | None = None) -> bool:
    """Add a line to a site file, which is made where there is none; whole or not at all, one process at a time.

    Args:
        path: the file.
        row: the line.
        code: of the mistake that a file which cannot be used is.
        context: as for `read_site_file`.

    Returns:
        Whether it was added; not where the file has such a line already.

    Raises:
        OutcomesError: `code` - the file as it stands cannot be used; it is left alone.
    """
    return bool(add_lines(path, [row], code, context))


def add_lines(path: Path, added: Sequence[SiteFileRow], code: str, context: Mapping[str, Any] | None = None) -> int:
    """As `add_line`, several of one file at once; how many it did not have yet."""
    model = type(added[0])
    with one_at_a_time(path.with_suffix(".lock")):
        rows = list(read_site_file(path, model, code, context).values()) if path.exists() else []
        new = [one for one in added if one not in rows]
        if new:
            _write(path, model, [*rows, *new])
        return len(new)


@contextmanager
def taking_out(path: Path, row: SiteFileRow, code: str, context: Mapping[str, Any] | None = None) -> Iterator[bool]:
    """Take a line out of a site file once what is done within is done, one process at a time; where that fails it
    stays. Arguments as for `add_line`.

    Yields:
        Whether the file has the line; not where another process has just taken it out.

    Raises:
        OutcomesError: `code` - the file as it stands cannot be used; it is left alone.
    """
    with one_at_a_time(path.with_suffix(".lock")):
        rows = list(read_site_file(path, type(row), code, context).values())
        yield row in rows
        if row in rows:
            _write(path, type(row), [one for one in rows if one != row])


def _write(path: Path, model: type[SiteFileRow], rows: Sequence[SiteFileRow]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(model.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(one.model_dump() for one in rows)
    write_whole(path, text.getvalue().encode())  # it may name users


def site_names(path: Path) -> dict[str, str] | None:
    """The sites that sites.csv names, each with its name for people; None without the file: every site is known.

    Raises:
        OutcomesError: sites_malformed.
    """
    if not path.exists():
        return None
    return {site.site_id: site.name or site.site_id for site in read_site_file(path, Site, "sites_malformed").values()}


def _lines(path: Path, code: str) -> list[tuple[int, list[str]]]:
    """The cells of each line that is not blank, with its number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            return [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, ValueError, csv.Error):
        raise OutcomesError(code, f"{path.name} is not a CSV file in UTF-8") from None
