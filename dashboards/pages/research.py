"""How researchers get at the tables behind the dashboards: what a release holds, how to open and cite it."""

from collections import Counter

from dashboards import wording
from dashboards.cards import Card, Table
from dashboards.data.suppression import cells_of_measures
from dashboards.pages.frame import Page, View
from dashboards.rendering import part

_MARTS = (
    ("episodes", "index fusion of a patient in the cohort, with its strata"),
    ("follow_ups", "visit, with its scores and its visit window"),
    ("labels", "episode and label: status, reason, onset day, deciding value, definition version"),
    ("label_evidence", "record that a label rests on: table, record id, submission"),
    ("revisions", "day with a revision"),
    ("visit_windows", "episode and visit window: done, lost, due, not yet due, died or revised before it"),
    ("responders", "episode, instrument and window: change from baseline, and whether it is clinically important"),
    ("sensitivity", "label, convention and value tried: how much the share changes"),
    ("attrition", "site and step at which patients left the cohort"),
    ("submissions", "attempt of a site to deliver a month"),
)
"""The marts to begin with, and what one row of each is (docs/researchers.md)."""

_FILES = (
    ("research.duckdb", "every mart as a table of a DuckDB database, with what each column means as its comment"),
    ("parquet/", "the same marts, one Parquet file each, for everything that does not read DuckDB"),
    ("datapackage.json", "the codebook as a Data Package: types, units, keys and closed lists of every column"),
    ("manifest.json", "what the release was made of: submissions, versions of code and definitions"),
    (
        "privacy-report.md",
        "how many cells of each protected mart are shown and suppressed, and what the audit looked at",
    ),
    ("SHA256SUMS", "for checking that others hold the same files"),
    (
        "dashboard.duckdb",
        "the protected tables that these pages show of all sites; it has no row about a single patient",
    ),
)

_PYTHON = """import outcomes

with outcomes.connect("{release}") as con:
    labels = con.sql("from labels where label = 'suspected_asd'").df()"""

_SHELL = """duckdb -readonly releases/{release}/research.duckdb
D from episodes;"""

_R = """library(DBI)
con <- dbConnect(duckdb::duckdb(), "releases/{release}/research.duckdb", read_only = TRUE)
labels <- dbGetQuery(con, "select * from labels where label = 'suspected_asd'")"""


_BREAKDOWNS = (("whole", "all patients"), ("year", "by year"), ("stratum", "by stratum"))


def research(view: View) -> Page:
    """Access for research, in plain text; it holds no number of patients."""
    release = view.reader.release_id
    cards = [_access(), _contents(release), _opening(release), _marts(), _suppressed(view), _citing(view, release)]
    return Page("Research access", cards)


def _access() -> Card:
    said = (
        "These pages show counts. Research needs rows: one per patient, visit and label. They are in the release's "
        "folder on the server that holds the data; whoever can read that folder can read all of it, for every site.",
        "Who decides: those responsible for the data of the sites, under their agreements and ethics approvals. They "
        "have a person given access to the folder, for a purpose and a limited time. A login to these pages does not "
        "include it.",
        "The patients are de-identified, but each row is about one person: keep the rows where they are, do not try to "
        "identify anyone, and before you publish, suppress small counts and every count that they could be worked out "
        "from.",
    )
    return Card("access", "Who may use the rows", body=said)


def _contents(release: str) -> Card:
    return Card(
        "contents",
        "What a release holds",
        sentence=f"A release is a folder that never changes. This one is releases/{release}; releases/current points "
        "at the newest.",
        body=[part("files", _FILES)],
    )


def _opening(release: str) -> Card:
    ways = (("Python", _PYTHON), ("DuckDB", _SHELL), ("R", _R))
    body = [part("code", name, text.format(release=release)) for name, text in ways]
    notes = [
        "Python finds the folder through OUTCOMES_HOME. Without an id it opens the current release.",
        "Name the id in an analysis: then it gives the same numbers after the next release too.",
    ]
    return Card("opening", "How to open it", body=body, notes=notes)


def _marts() -> Card:
    return Card(
        "marts",
        "Where to begin",
        sentence="A mart is a published table. These are the ones to begin with; the codebook has them all.",
        table=Table("Marts", ("Mart", "One row per"), [[mart, row] for mart, row in _MARTS]),
        is_table=True,
        notes=[
            "The answer to a label is yes, no or not assessable. Divide by yes and no among the rows with is_counted, "
            "and report not assessable beside it: a missing visit is never a no."
        ],
    )


def _suppressed(view: View) -> Card:
    """Risk and utility: what suppression costs, and what it keeps."""
    counted = cells_of_measures(view.reader)
    rows = [
        [f"{'All sites' if is_of_all else 'A site'}, {words}", *_cells(counted.get((is_of_all, breakdown), Counter()))]
        for is_of_all in (True, False)
        for breakdown, words in _BREAKDOWNS
    ]
    of_all = sum(counted.values(), Counter[str]())
    least = view.minimum_cell_count
    return Card(
        "suppressed",
        "What is suppressed",
        sentence=f"{_share(of_all)} of the measures' cells that have patients are suppressed: they hold 1 to "
        f"{least - 1} patients, or protect one that does.",
        table=Table("Cells of measures", ("Cells", "Shown", "Zero", "Suppressed", "Share suppressed"), rows, numbers=4),
        is_table=True,
        notes=[
            f"A release is published only if the audit finds no count of 1 to {least - 1} patients that can be worked "
            "out from it, nor from it and the releases before it that are kept. privacy-report.md names these."
        ],
    )


def _cells(by_state: Counter[str]) -> list[str]:
    counts = (by_state[state] for state in ("shown", "zero", "suppressed"))
    return [*(f"{count:,}" for count in counts), _share(by_state)]


def _share(by_state: Counter[str]) -> str:
    with_patients = by_state["shown"] + by_state["zero"] + by_state["suppressed"]
    return wording.percent(by_state["suppressed"] / with_patients, with_patients) if with_patients else "None"


def _citing(view: View, release: str) -> Card:
    words_of_it = (
        f"Outcomes after cervical fusion, release {release} (data to {view.info.data_to}; "
        "code and definitions: as in its manifest.json)."
    )
    return Card(
        "citing",
        "How to cite it",
        body=[
            f"This is release {release}, with data to {wording.period(view.info.data_to)}.",
            part("quotation", words_of_it),
            "Add the code version and the versions of the definitions that you used: the same submissions and the same "
            "code give the same id and the same tables.",
            *(["The patients of this release are invented."] if view.info.is_synthetic else []),
        ],
    )
