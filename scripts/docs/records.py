"""The module of the dashboards that holds a row of each mart that pages read, typed as the mart is declared."""

from outcomes.sql.catalog.marts import Column, Mart, protected_marts, research_marts

_READ = (
    "alarms",
    "attrition",
    "blanked_cells",
    "completeness",
    "control_charts",
    "cumulative_incidence",
    "cusum",
    "improvement_rates",
    "label_definitions",
    "measure_definitions",
    "measures",
    "missing_answers",
    "release_info",
    "rule_definitions",
    "rule_history",
    "score_trajectories",
    "site_comparison",
    "sites",
    "submissions",
    "table_counts",
    "validation_results",
)
"""Marts that pages read: protected where they exist so, for then a site's own exact rows are shown the same way."""

_TYPES = {"text": "str", "integer": "int", "number": "float", "boolean": "bool"}
_HEADER = '''"""Rows of the marts that pages read, as declared. Built by `python -m scripts.docs`; do not edit."""

from dataclasses import dataclass
'''


def module() -> str:
    """The source of `dashboards/data/records.py`."""
    marts = {mart.name: mart for mart in (*research_marts(), *protected_marts())}
    return "\n\n".join([_HEADER, *(_record(marts[name]) for name in _READ)])


def _record(mart: Mart) -> str:
    name = "".join(word.capitalize() for word in mart.name.split("_"))
    grain = f"{mart.grain[0].upper()}{mart.grain[1:]}."
    fields = (f"    {column.name}: {_type(column)}\n" for column in mart.columns)
    return f'@dataclass(frozen=True)\nclass {name}Row:\n    """{grain}"""\n\n{"".join(fields)}'


def _type(column: Column) -> str:
    return _TYPES[column.type] + (" | None" if column.may_be_null else "")
