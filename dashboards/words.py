"""How numbers and codes are said: percent, counts, periods, and one plain sentence for every share."""

from calendar import month_name

from dashboards.queries import Share

NBSP = "\u00a0"
DASH = "–"

CATEGORIES = (
    "recovery timeline",
    "suspected causes",
    "red flags",
    "conservative care",
    "care that followed",
    "revision",
)
"""The parts of the guide, in its order."""

_CODES = {
    # why a patient could not be assessed
    "no_assessment_in_window": "No usable assessment in the window",
    "window_not_closed": "Window not closed yet",
    "died_before_window": "Died before the window",
    "revised_before_window": "Revised before the window",
    "no_follow_up": "Not followed up long enough",
    "no_source_data": "Site delivers no table that could show it",
    "level_unknown": "Level of the fusion not recorded",
    "treatment_data_incomplete": "Site does not see all treatments",
    "not_revised": "Never revised",
    "no_red_flag": "No red flag",
    "no_pain_past_3_months": "No pain past 3 months",
    "painful_before_revision": "Pain began before the revision",
    "no_baseline": "Not assessed before surgery",
    "not_applicable": "Best possible score before surgery",
    # kinds
    "recurrent": "Recurrent or late onset",
    "probable": "Probable (imaging and a symptom)",
    "possible": "Possible (diagnosis code only)",
    "fusion_revision_level_unknown": "Fusion again, level not recorded",
    # submissions
    "full": "Full",
    "incremental": "Incremental",
}


def in_words(code: str | None) -> str:
    """A code as a phrase in sentence case; codes without a phrase of their own lose their underscores.

    None stands for several codes that are hidden together, their names included.
    """
    if code is None:
        return "All together"
    return _CODES.get(code, sentence_case(code.replace("_", " ")))


def sentence_case(text: str) -> str:
    """A text with a capital at its start; what is in capitals already stays so."""
    return text[:1].upper() + text[1:]


def percent(share: float, n: int) -> str:
    """A share from 0 to 1 as percent: whole numbers under n = 1,000, one decimal above."""
    return f"{_number(share, n)}{NBSP}%"


def interval(share: Share) -> str:
    """The 95 % interval of a share, in percent, in parentheses; empty where there is none."""
    if share.share_low is None or share.share_high is None or share.assessed is None:
        return ""
    return f"({_number(share.share_low, share.assessed)}–{_number(share.share_high, share.assessed)})"


def count(number: int) -> str:
    """A count with thousands separated."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """A count with its noun: 1 site, 6 sites."""
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")


def period(code: str) -> str:
    """A period `YYYY-MM` as month and year."""
    year, month = code.split("-")
    return f"{month_name[int(month)]}{NBSP}{year}"


def hidden(threshold: int) -> str:
    """What stands in place of a suppressed number."""
    return f"{DASH} fewer than {threshold}"


def hidden_note(threshold: int) -> str:
    """Why a number is hidden, as a footnote."""
    return (
        f"{DASH} fewer than {threshold}: a count behind this number is between 1 and {threshold - 1}, "
        "or would reveal one that is. Other counts of patients are shown to the nearest 5."
    )


def no_year(is_hidden: bool, threshold: int) -> str:
    """Why no year can be shown, and what would change it."""
    if is_hidden:
        return (
            f"{hidden(threshold)}: in every year a count is between 1 and {threshold - 1}, "
            "or would reveal one that is. Years appear as more patients are followed."
        )
    return "Nobody could be assessed yet. Years appear as assessments are delivered."


def share_value(share: Share, threshold: int) -> str:
    """A share as it stands in a cell: percent and interval, or why there is none."""
    if share.is_suppressed:
        return hidden(threshold)
    if share.share is None or share.assessed is None:
        return "None assessed"
    return f"{percent(share.share, share.assessed)} {interval(share)}"


def basis(share: Share) -> str:
    """What a share rests on: how many were assessed, and how many could not be."""
    if share.is_suppressed or share.assessed is None or share.not_assessable is None:
        return ""
    patients = share.assessed + share.not_assessable
    if patients == 0:
        return "no patients yet"
    left_out = percent(share.not_assessable / patients, patients)
    return f"{count(share.assessed)} of {count(patients)} assessed; {left_out} could not be assessed"


def sentence(title: str, share: Share, threshold: int) -> str:
    """The whole statement of a label in one line, as a screen reader says it."""
    rest = basis(share)
    return f"{title}: {share_value(share, threshold)}" + (f", {rest}." if rest else ".")


def _number(share: float, n: int) -> str:
    return f"{100 * share:.{1 if n >= 1000 else 0}f}"
