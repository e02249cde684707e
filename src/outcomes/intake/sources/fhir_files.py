"""FHIR exports as files: NDJSON, packed or not, and Bundles in JSON, as relations of resources by type.

Of a resource only the elements that `sql/sources/fhir/elements.json` lists by type are handed on. The files are read as
a stream, first for what they hold, then once for each view. The reader's own errors quote resources, so none of them
is ever chained or logged.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import duckdb

from outcomes.errors import OutcomesError
from outcomes.intake.sources.dated import LeftOut, NotMapped
from outcomes.intake.sources.files import unpacked
from outcomes.sql.quoting import literal
from outcomes.sql.shipped import shipped
from outcomes.sql.view_definitions import ViewDefinition

SUFFIXES = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz", ".json", ".json.gz")
"""Of the files that are read, in any case."""

_MANIFEST = "manifest.json"
"""What a client of the bulk export writes beside the files; it holds no resource."""

_LONGEST_LINE = 32 * 2**20
"""Bytes of a line, at the least; the reader's buffers hold two objects."""

_MOST_BROKEN = 0.01
_FEW = 10
"""As many lines may be broken whatever their share, unless they are all."""

_IDENTIFYING = (
    *("name", "address", "telecom", "identifier", "photo", "contact", "text"),
    *("note", "conclusion", "presentedForm", "valueString"),
)
"""Elements of any resource that identify a person, or are free text that may."""

_IDENTIFYING_BELOW = {
    f"{reference}.{element}": f"$.{reference}.{element}"
    for reference in ("subject", "patient", "author", "source", "recorder", "asserter", "informationSource")
    for element in ("display", "identifier")
}
_NAMING = {
    "$.performer[*].display": "performer.display",
    "$.performer[*].actor.display": "performer.actor.display",
    "$.link[*].other.display": "link.other.display",
}
"""Where lists of references may display a name."""

_TELLING = "String|Markdown|HumanName|Address|ContactPoint|Identifier|Attachment|Base64Binary|Annotation"
"""Types of values of extensions that identify a person, or are free text that may."""

_PERSONS = ("Patient", "Person", "RelatedPerson", "Practitioner")

_ALWAYS = ("resourceType", "id", "meta", "implicitRules", "language", "extension", "modifierExtension", "contained")
_NEEDLESS = ("hasMember",)
"""Elements that nothing is lost without: the members of a panel are read by themselves."""

_IN_UTF_16 = "it looks like UTF-16, and FHIR is UTF-8: save it so"

_DELETED = r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})$"
"""The type and the id in the address of a resource that was deleted."""

_MESSAGES = "OperationOutcome"
"""Resources in which a server says what it could not do."""

_NO_LINES = "select '' as file, cast(null as json) as line, false as line_is_json where false"

# A line of a Bundle is as many resources as it has entries. What cannot be read as JSON is null.
_ENTRIES = """
select
    file, line_is_json,
    unnest(
        case
            when line ->> '$.resourceType' = 'Bundle'
                then list_transform(
                    json_extract(line, '$.entry[*]'),
                    lambda entry: {{
                        'full_url': entry ->> '$.fullUrl',
                        'resource': json_extract(entry, '$.resource'),
                        'deleted': case
                            when entry ->> '$.request.method' = 'DELETE' then coalesce(entry ->> '$.request.url', '')
                        end
                    }}
                )
            else [{{'full_url': cast(null as varchar), 'resource': line, 'deleted': cast(null as varchar)}}]
        end,
        max_depth := 2
    )
from ({lines})
"""

# The name in a URN stands in for an id that an entry does not have. A deletion is the last version of a resource, one
# without content.
_INDEX = """
create table fhir_index as
select
    file, full_url,
    nullif(
        if(deleted is null, regexp_extract(facts[1], '^[A-Z][A-Za-z]+$'), regexp_extract(deleted, '{deleted}', 1)), ''
    ) as type,
    if(
        deleted is null,
        coalesce(facts[2], regexp_extract(full_url, '^urn:(?:uuid|oid):(.+)$', 1)),
        nullif(regexp_extract(deleted, '{deleted}', 2), '')
    ) as id,
    facts[3] as version, if(deleted is null, try_cast(facts[4] as timestamptz), 'infinity') as updated,
    if(deleted is null, hash(cast(resource as varchar)), 0) as content,
    deleted is not null as is_deleted, type is not null or deleted is not null as is_read,
    contains(cast(resource as varchar), '"modifierExtension"') or list_contains(elements, 'implicitRules')
        as is_modified,
    {kinds} as kinds, elements
from (
    select
        file, full_url, resource, deleted,
        json_extract_string(resource, ['$.resourceType', '$.id', '$.meta.versionId', '$.meta.lastUpdated']) as facts,
        case when json_type(resource) = 'OBJECT' then json_keys(resource) else [] end as elements
    from ({entries})
    where resource is not null or deleted is not null or not line_is_json
)
"""

# Of what each resource holds, which is nine tenths of the index, the sums are kept.
_SUMS = (
    "create table fhir_elements as select distinct type, unnest(elements) as element from fhir_index where is_read",
    "create table fhir_identified as select type, kind, count(*) as resources "
    "from (select type, unnest(kinds) as kind from fhir_index) group by type, kind",
    "alter table fhir_index drop column elements",
    "alter table fhir_index drop column kinds",
)

_CONTENT_IN_FORCE = """
create table fhir_repeated as
select
    type, id,
    arg_max(
        content,
        (coalesce(updated, '-infinity'), coalesce(try_cast(version as bigint), -1), coalesce(version, ''), content)
    ) as content,
    count(*) - 1 as rows_superseded
from fhir_index
where id is not null and is_read
group by type, id
having count(*) > 1
"""

_OF_TYPE = """
select
    coalesce(resource ->> '$.id', regexp_extract(full_url, '^urn:(?:uuid|oid):(.+)$', 1)) as id, resource
from ({entries})
where
    deleted is null
    and resource ->> '$.resourceType' = '{type}'
    and not contains(cast(resource as varchar), '"modifierExtension"')
    and resource ->> '$.implicitRules' is null
"""

# Only where a resource has come in several versions are the files read once more for them.
_IN_FORCE = """
from ({of_type}) as of_type
anti join (from fhir_repeated where type = '{type}') as repeated on of_type.id = repeated.id
union all
select of_type.id, any_value(of_type.resource) as resource
from ({of_type}) as of_type
inner join (from fhir_repeated where type = '{type}') as repeated
    on of_type.id = repeated.id and hash(cast(of_type.resource as varchar)) = repeated.content
group by of_type.id
"""

_RESOURCES = """
create or replace view {relation} as
select *
from (select to_json(id) as id, from_json(resource, {structure}) as resource from ({in_force}))
where {readable}
"""

_ALIASES = """
create table fhir_aliases as
select distinct type, regexp_extract(full_url, '^urn:(?:uuid|oid):(.+)$', 1) as alias, id
from fhir_index
where full_url like 'urn:%' and id is not null and alias <> '' and alias <> id
"""


@dataclass(frozen=True)
class FhirFiles:
    """The files of an export, once `read_files` has made of them `fhir_index`, its sums, and `fhir_aliases`.

    Attributes:
        lines: by file, the SQL that gives its lines: file, line and line_is_json.
        readable: by type, the SQL of whether a resource has the shape that the views read, where some have another.
        misshapen: by type, how many have another.
    """

    lines: dict[str, str]
    readable: dict[str, str] = field(default_factory=dict)
    misshapen: dict[str, int] = field(default_factory=dict)

    def resources(self, con: duckdb.DuckDBPyConnection, view: ViewDefinition) -> str:
        """The SQL of a view's rows: of the resources of its type, each in its last version, with the listed elements.

        A resource with a modifier that nobody here knows is left out.
        """
        return view.select(self._relation(con, view.resource), _RESOURCE, _columns(view))

    def refuse_misshapen(self, con: duckdb.DuckDBPyConnection, views: Iterable[ViewDefinition]) -> None:
        """Leave out resources of another shape than one of the views reads, and count them.

        Raises:
            OutcomesError: source_malformed when they are many of their type.
        """
        for view in views:
            readable = view.is_readable(_RESOURCE, _columns(view))
            total, misshapen = con.execute(
                f"select count(*), count(*) filter (where not ({readable})) from {self._relation(con, view.resource)}"
            ).fetchall()[0]
            if not misshapen:
                continue
            kind, before = view.resource, self.misshapen.get(view.resource, 0)
            self.misshapen[kind] = before + misshapen
            self.readable[kind] = " and ".join(filter(None, (self.readable.get(kind), readable)))
            if _are_many(self.misshapen[kind], before + total):
                raise OutcomesError(
                    "source_malformed",
                    f"{kind}: {self.misshapen[kind]:,} of {before + total:,} have an element twice that FHIR has once, "
                    f"or nested too deep; up to {_MOST_BROKEN:.0%} are left out and counted",
                )

    def _relation(self, con: duckdb.DuckDBPyConnection, kind: str) -> str:
        """Make the view of the resources of a type: id, and a struct of listed elements as JSON."""
        files = con.execute("select distinct file from fhir_index where type = ? order by file", [kind]).fetchall()
        relation = f"fhir_resources_{kind}"
        lines = " union all ".join(self.lines[file] for (file,) in files) or _NO_LINES
        in_force = of_type = _OF_TYPE.format(entries=_ENTRIES.format(lines=lines), type=kind)
        if con.execute("select count(*) from fhir_repeated where type = ?", [kind]).fetchall()[0][0]:
            in_force = _IN_FORCE.format(of_type=of_type, type=kind)
        structure = literal(json.dumps(dict.fromkeys(("resourceType", "id", *_elements()[kind]), "JSON")))
        readable = self.readable.get(kind, "true")
        con.execute(_RESOURCES.format(relation=relation, structure=structure, in_force=in_force, readable=readable))
        return relation

    def left_out(self, con: duckdb.DuckDBPyConnection, *, stripped: bool) -> list[LeftOut]:
        """Lines and resources that are not handed on, and, when they were stripped, identifying elements."""
        broken = con.execute("select count(*) from fhir_index where not is_read").fetchall()[0][0]
        superseded = con.execute("select type, sum(rows_superseded) from fhir_repeated group by type order by type")
        found = [LeftOut("lines", "no_resource", broken)]
        found += [LeftOut(kind, "superseded", int(rows)) for kind, rows in superseded.fetchall()]
        messages = con.execute("select count(*) from fhir_index where type = ?", [_MESSAGES]).fetchall()[0][0]
        found.append(LeftOut(_MESSAGES, "message", messages))
        modified = con.execute(
            "select type, count(*) from fhir_index where is_modified and is_read group by type order by type"
        ).fetchall()
        found += [LeftOut(kind, "modified", rows) for kind, rows in modified]
        found += [LeftOut(kind, "misshapen", rows) for kind, rows in self.misshapen.items()]
        if stripped:
            found += [LeftOut(kind, "stripped", rows, element) for kind, element, rows in identified(con)]
        return found

    def not_mapped(self, con: duckdb.DuckDBPyConnection) -> list[NotMapped]:
        """Types of resources, and elements of those that are read, that nothing here reads."""
        known = _elements()
        pairs = con.execute("from fhir_elements order by all").fetchall()
        ignored = {*_ALWAYS, *_IDENTIFYING, *_NEEDLESS}
        found = [
            NotMapped(kind, element)
            for kind, element in pairs
            if kind in known and element not in ignored and element not in known[kind]
        ]
        unknown = {kind for kind, _ in pairs} - {*known, _MESSAGES}
        return found + [NotMapped(kind, "every element") for kind in sorted(unknown)]


def read_files(con: duckdb.DuckDBPyConnection, source: Path) -> FhirFiles:
    """Read what an export holds: `fhir_index`, one row per resource, deletion or broken line, its sums, `fhir_aliases`.

    Args:
        con: where the relations are made.
        source: a file, or the folder of the files.

    Raises:
        OutcomesError: source_malformed; names the file, and how many of its lines are broken.
    """
    paths = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    paths = [path for path in paths if path.name.lower().endswith(SUFFIXES) and path.name.lower() != _MANIFEST]
    if not paths:
        raise OutcomesError("source_malformed", f"no file of {', '.join(SUFFIXES)} in the folder")
    files = FhirFiles({str(path): _lines(path) for path in paths})
    entries = _ENTRIES.format(lines=" union all ".join(files.lines.values()))
    with readable_resources():
        con.execute(_INDEX.format(entries=entries, kinds=_kinds(), deleted=_DELETED))
    for sql in _SUMS:
        con.execute(sql)
    _check_share(con)
    if not con.execute("select count(*) from fhir_index where type = 'Patient' and not is_deleted").fetchall()[0][0]:
        raise OutcomesError("source_malformed", "no resource of the export is a Patient")
    con.execute(_CONTENT_IN_FORCE)
    con.execute(_ALIASES)
    return files


def identified(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int]]:
    """Elements that identify persons: type, element, how many resources have it."""
    return con.execute("from fhir_identified order by type, kind").fetchall()


def refuse_identified(con: duckdb.DuckDBPyConnection) -> None:
    """Refuse an export that identifies persons, by kinds and counts.

    Raises:
        OutcomesError: source_identified.
    """
    by_type: dict[str, list[str]] = {}
    for kind, element, rows in identified(con):
        by_type.setdefault(kind, []).append(f"{element} {rows:,}")
    if by_type:
        found = "; ".join(f"{kind}: {', '.join(elements)}" for kind, elements in by_type.items())
        raise OutcomesError("source_identified", found)


@contextmanager
def readable_resources() -> Iterator[None]:
    """Say the likely cause where files cannot be read, without what they hold.

    Raises:
        OutcomesError: source_malformed.
    """
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
        raise OutcomesError("source_malformed", _cause(str(error))) from None


def _cause(text: str) -> str:
    file = re.search(r'file "([^"]+)"|GZIP stream: (.+)$', text)
    name = PurePath(file[1] or file[2]).name if file else "a file"
    if "maximum_object_size" in text:
        return f"{name}: a line, or the whole of a .json file, is longer than {_LONGEST_LINE // 2**20} MiB"
    return f"{name}: it is damaged, or not JSON in UTF-8"


_RESOURCE = "to_json(resource)"
"""A resource of a type as JSON, of its listed elements."""


def _columns(view: ViewDefinition) -> dict[str, str]:
    """The elements of the resources that a view reads.

    Raises:
        OutcomesError: definition_malformed when they are of a type of which none is listed.
    """
    kind = view.resource
    if kind not in _elements():
        raise OutcomesError("definition_malformed", f"{view.name}: elements.json lists nothing of {kind}")
    return {name: f'resource."{name}"' for name in ("resourceType", *_elements()[kind])} | {"id": "id"}


def _elements() -> dict[str, list[str]]:
    elements: dict[str, list[str]] = json.loads(
        shipped("sql", "sources", "fhir", "elements.json").read_text(encoding="utf-8")
    )
    return elements


def _lines(path: Path) -> str:
    """The SQL of a file's lines; a .json file may be one object over many lines, or an array."""
    name = literal(path)
    if path.name.lower().removesuffix(".gz").endswith(".json"):
        read = f"read_json_objects({name}, format = 'auto', maximum_object_size = {_LONGEST_LINE // 2})"
    else:
        read = f"read_ndjson_objects({name}, ignore_errors = true, maximum_object_size = {_LONGEST_LINE // 2})"
    return f"select {name} as file, json as line, json is not null as line_is_json from {read}"


def _kinds() -> str:
    """The SQL of the kinds of identifying elements that a resource has."""
    names = ", ".join(literal(name) for name in _IDENTIFYING)
    paths = ", ".join(literal(path) for path in _IDENTIFYING_BELOW.values())
    below = ", ".join(literal(name) for name in _IDENTIFYING_BELOW)
    found = [
        *(
            _found("contained", f"""contains(resource ->> '$.contained', '"resourceType":"{person}"')""", person)
            for person in _PERSONS
        ),
        *(
            _found(kind.split(".")[0], f"len(json_extract(resource, {literal(path)})) > 0", kind.partition(".")[2])
            for path, kind in _NAMING.items()
        ),
        _found("extension", f"""regexp_matches(resource ->> '$.extension', '"value(?:{_TELLING})"')""", "value"),
        _found("item", """contains(resource ->> '$.item', '"valueString"')""", "answer.valueString"),
        _found("component", """contains(resource ->> '$.component', '"valueString"')""", "valueString"),
    ]
    return (
        f"list_intersect(elements, [{names}]) || list_filter("
        f"list_transform(list_zip(json_extract(resource, [{paths}]), [{below}]), "
        f"lambda one: case when one[1] is not null then one[2] end) || [{', '.join(found)}], "
        "lambda kind: kind is not null)"
    )


def _found(element: str, condition: str, below: str) -> str:
    """The SQL of a kind below an element; only what has the element is looked into."""
    return f"case when list_contains(elements, '{element}') then case when {condition} then '{element}.{below}' end end"


def _check_share(con: duckdb.DuckDBPyConnection) -> None:
    """See that few lines are broken.

    Raises:
        OutcomesError: source_malformed.
    """
    found = con.execute(
        "select file, count(*) filter (where not is_read), count(*) from fhir_index group by file order by file"
    ).fetchall()
    for file, broken, lines in found:
        if broken < lines and not _are_many(broken, lines):
            continue
        raise OutcomesError(
            "source_malformed",
            f"{PurePath(file).name}: {broken:,} of {lines:,} lines are no FHIR resources in JSON; "
            + (_IN_UTF_16 if _is_utf_16(Path(file)) else f"up to {_MOST_BROKEN:.0%} are left out and counted"),
        )


def _are_many(broken: int, of: int) -> bool:
    return broken > _FEW and broken > _MOST_BROKEN * of


def _is_utf_16(path: Path) -> bool:
    """Whether a file looks so: of JSON in UTF-8 no byte is NUL."""
    with unpacked(path) as content:
        return b"\0" in content.read(4)
