"""The project's conventions, and the texts that name them in braces, so that a number that decides stands once.

A text may name any threshold of `sql/definitions/thresholds.yaml`, with a format where it needs one
(`{arm_pain_drop:.0%}`); the text of a label of the timeline also the days of its period
(`sql/reference/pain_periods.csv`: `{first_day}`, `{last_day}`, `{closing_day}`). The names that the patient guide uses
(pain past 3 months, discomfort at 6 to 12 weeks) are names and keep their numbers.
"""

from collections.abc import Mapping
from typing import Any

from outcomes.sql.reference import reference_rows, thresholds


def with_thresholds(value: Any, words: Mapping[str, Any] | None = None) -> Any:
    """A text, or all texts in a list or mapping, with what stands in braces filled in from the thresholds and `words`.

    Raises:
        KeyError: a name in braces is neither.
    """
    if isinstance(value, str):
        return value.format_map({**thresholds(), **(words or {})})
    if isinstance(value, list):
        return [with_thresholds(each, words) for each in value]
    if isinstance(value, dict):
        return {name: with_thresholds(each, words) for name, each in value.items()}
    return value


def days_of_period(label: str) -> dict[str, str]:
    """The days of the period of the timeline that a label is about; none for other labels."""
    return {
        name: day for row in reference_rows("pain_periods") if row["label"] == label for name, day in row.items() if day
    }
