"""The report of a check: one HTML file without a network, for the people of a site. It holds counts, and no value."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from outcomes.intake.checking import Checked
from outcomes.intake.shapes import SHAPES
from outcomes.lake import RuleResult

_COSTS = {
    "critical": "the row: it goes to quarantine",
    "waiting": "nothing yet: the row waits for the patient or the stay that it names",
    "warning": "nothing: the row is marked",
    "info": "nothing: it is counted",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
.verdict {{ border-left: 6px solid {colour}; padding: .6rem 1rem; background: #f5f6f7; }}
table {{ border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #d5d9de; }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; color: #4a5159; }}
@media print {{ body {{ margin: 0; max-width: none; }} }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
_ACCEPTED, _REFUSED = "#2f6f4e", "#a3342c"

Row = Sequence[str | int]


def report_html(checked: Checked) -> str:
    """The report of a check, as a page.

    Args:
        checked: what `check_submission` found.
    """
    title = f"Check of {checked.place}"
    parts = [f"<h1>{escape(title)}</h1>", _verdict(checked)]
    if not checked.refusal:
        parts += ["<h2>Rows</h2>", _rows(checked)]
    if checked.rules:
        parts += ["<h2>Rules that rows break</h2>", *_rules(checked)]
    colour = _REFUSED if checked.refusal else _ACCEPTED
    return _PAGE.format(title=escape(title), colour=colour, body="\n".join(parts))


def _verdict(checked: Checked) -> str:
    if checked.refusal:
        said = [f"It would be refused: {checked.refusal}"]
        said += [f"{rule}: {shape}." for rule, shape in SHAPES.items() if f": {rule}," in f"{checked.refusal}"]
    else:
        accepted, rows = (sum(getattr(one, name) for one in checked.tables) for name in ("rows_accepted", "rows_in"))
        said = [f"It would be accepted: {accepted:,} of {rows:,} rows."]
    if checked.kind == "incremental":
        said.append("It was judged without the earlier months, so rows of patients who came in one of them wait here.")
    return f'<div class="verdict">{"".join(f"<p>{escape(each)}</p>" for each in said)}</div>'


def _rows(checked: Checked) -> str:
    head = ("table", "rows", "accepted", "to quarantine", "waiting")
    rows = [
        (one.source_table, one.rows_in, one.rows_accepted, one.rows_quarantined, one.rows_pending)
        for one in checked.tables
    ]
    return _table("Rows by table, and where they would go", head, rows)


def _rules(checked: Checked) -> Iterable[str]:
    """A table of rules for each contract table; what costs most comes first."""
    order = list(_COSTS)
    head = (
        "rule",
        "because",
        "costs",
        "broken by",
        "of rows it applies to",
        "the first, by row of the file; the header is row 1",
    )
    for name, rules in groupby(checked.rules, key=lambda rule: rule.source_table):
        rows = [_rule(checked, rule) for rule in sorted(rules, key=lambda rule: order.index(rule.severity))]
        yield _table(name, head, rows)


def _rule(checked: Checked, rule: RuleResult) -> Row:
    first = ", ".join(map(str, (checked.first_rows or {}).get(rule.rule, ())))
    return (rule.rule, rule.reason, _costs(checked, rule), rule.rows_failed, rule.rows_checked, first)


def _costs(checked: Checked, rule: RuleResult) -> str:
    place = (rule.source_table, rule.rule)
    lost = [f"{one.column_name} ({one.cells:,})" for one in checked.cells if (one.source_table, one.rule) == place]
    return f"the cells of {', '.join(lost)}" if lost else _COSTS[rule.severity]


def _table(caption: str, head: Sequence[str], rows: Sequence[Row]) -> str:
    kinds = [' class="number"' if isinstance(cell, int) else "" for cell in rows[0]]
    names = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True))
    lines = [f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows]
    parts = [f"<table><caption>{escape(caption)}</caption>", f"<thead><tr>{names}</tr></thead>", "<tbody>"]
    return "\n".join([*parts, *lines, "</tbody></table>"])


def _cell(cell: str | int) -> str:
    if isinstance(cell, int):
        return f'<td class="number">{cell:,}</td>'
    return f"<td>{escape(cell)}</td>"
