"""A whole registry of invented patients: landing folders for the pipeline, and an answer key, which it never reads,
of what is to become of each submission and of each planted fault."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.periods import day_number, last_day, months_until
from outcomes.settings import Settings
from outcomes.shared_locks import landing_turn, look_into_landing
from outcomes.synthetic.adjacent import draw_adjacent_disease
from outcomes.synthetic.complications import complication_diagnoses
from outcomes.synthetic.diagnoses import (
    beside_after,
    beside_before,
    fused_joint_after,
    index_diagnoses,
    later_diagnoses,
    revision_diagnoses,
    status_before,
    unrevised_nonunion,
)
from outcomes.synthetic.draws import Rng
from outcomes.synthetic.extracts import Calendar, History, as_arrow, histories
from outcomes.synthetic.faults import PlantedFault, Submission, plant_flags, plant_rows
from outcomes.synthetic.images import draw_images
from outcomes.synthetic.patients import Plan, draw_plan
from outcomes.synthetic.profiles import SiteProfile, site_profiles
from outcomes.synthetic.spoiled import FAULT_SITES, UNREGISTERED_SITE, ExpectedSubmission, write_spoiled_submissions
from outcomes.synthetic.stays import Stays, add_return_visits, add_unplanned_stays, held_as_outpatient
from outcomes.synthetic.stories import Story, planted_stories
from outcomes.synthetic.submissions import submissions, without_dots, write_submission
from outcomes.synthetic.surgery import (
    draw_revisions,
    index_procedures,
    lookalikes,
    operations_before,
    revision_procedures,
    sign,
)
from outcomes.synthetic.treatments import draw_rare_treatments, draw_treatments
from outcomes.synthetic.visits import draw_visits

Progress = Callable[[str, int, int], None]
"""Called with what has just been written, how many submissions are done, and how many there will be."""

_FAULTS = pa.schema(
    [(name, pa.string()) for name in ("site_id", "period", "source_table", "record_id", "kind", "rule", "outcome")]
)
_SUBMISSIONS = pa.schema([(name, pa.string()) for name in ("site_id", "period", "folder", "status", "code")])
_STORIES = pa.schema(
    dict.fromkeys(("site_id", "kind", "risk"), pa.string()) | {"factor": pa.float64(), "since": pa.string()}
)
_TARGETS = [
    ("pain_past_3_months", 0.25, "Registry board", "invented for the demo, at most one in four"),
    ("revision_2_years", 0.08, "Registry board", "invented for the demo, as low as at the best sites"),
    ("follow_up_12_months", 0.8, "Registry board", "invented for the demo, as many as registries ask for"),
]


@dataclass(frozen=True)
class SyntheticRegistry:
    """What was made: counts of sites, patients, submissions (the refused ones among them), rows, planted faults
    and planted stories."""

    sites: int
    patients: int
    submissions: int
    submissions_to_refuse: int
    rows: int
    planted_faults: int
    planted_stories: int


@dataclass
class _Key:
    """The answer key, as it grows."""

    faults: list[PlantedFault]
    submissions: list[ExpectedSubmission]
    stories: Sequence[Story]
    rows: int = 0

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _write_parquet(folder / "faults.parquet", map(asdict, self.faults), _FAULTS)
        _write_parquet(folder / "submissions.parquet", map(asdict, self.submissions), _SUBMISSIONS)
        _write_parquet(folder / "stories.parquet", map(asdict, self.stories), _STORIES)


@private_files()
def synthesize(  # noqa: PLR0913 - each argument is one choice about the registry
    settings: Settings,
    *,
    seed: int = 1,
    sites: int = 6,
    patients: int = 5000,
    months: int = 3,
    until: str = "2026-09",
    faults: bool = True,
    stories: bool = True,
    on_progress: Progress | None = None,
) -> SyntheticRegistry:
    """Write a registry of invented patients: one historical submission per site, then monthly ones.

    The same arguments give the same bytes.

    Args:
        settings: where to write: the landing folder, the register of sites, a few targets and, beside them, the answer
            key.
        seed: of the random streams; each site has its own.
        sites: number of sites.
        patients: number of patients over all sites.
        months: number of monthly submissions after the historical one.
        until: the last period, `YYYY-MM`.
        faults: whether to plant faulty rows, submissions to refuse, and one submission that is delivered twice.
        stories: whether some sites fare otherwise than the others; without, they differ by chance only.
        on_progress: called after each submission.

    Raises:
        OutcomesError: folder_not_empty when something has landed already.
    """
    look_into_landing(settings)
    if settings.landing.is_dir() and any(settings.landing.iterdir()):
        raise OutcomesError("folder_not_empty", str(settings.landing))
    profiles = site_profiles(sites)
    periods = months_until(until, months + 1)
    *streams, spoiling, telling = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(sites + 2))
    known = {profile.site_id for profile in profiles}
    planted = [story for story in planted_stories(telling, until) if stories and story.site_id in known]
    key = _Key([], [], planted)
    total = sites * len(periods)
    for number, (profile, stream, size) in enumerate(zip(profiles, streams, _sizes(profiles, patients), strict=True)):
        with landing_turn(settings, profile.site_id):
            for done in _write_site(settings, key, _Site(profile, number, size, periods, faults, planted), stream):
                if on_progress:
                    on_progress(f"{profile.site_id}/{periods[done]}", number * len(periods) + done + 1, total)
    if faults:
        with ExitStack() as turns:
            for site_id in (*(site.site_id for site in FAULT_SITES), UNREGISTERED_SITE):
                turns.enter_context(landing_turn(settings, site_id))
            key.submissions += write_spoiled_submissions(spoiling, settings.home, settings.landing, periods)
    registered = [*profiles, *(FAULT_SITES if faults else ())]
    _write_csv(settings.sites_file, ["site_id", "name"], [(each.site_id, each.name) for each in registered])
    _write_csv(settings.targets_file, ["measure", "target", "author", "reason"], _TARGETS)
    key.write(settings.answer_key)
    return SyntheticRegistry(
        sites=sites,
        patients=patients,
        submissions=len(key.submissions),
        submissions_to_refuse=sum(one.status == "refused" for one in key.submissions),
        rows=key.rows,
        planted_faults=len(key.faults),
        planted_stories=len(planted),
    )


def draw_tables(
    *, seed: int, profiles: Sequence[SiteProfile], patients: int, until: str, stories: Sequence[Story] = ()
) -> Iterator[tuple[SiteProfile, dict[str, pa.Table]]]:
    """The contract tables of each site as the lake holds them after one delivery, without landing and intake.

    Args:
        seed: of the random streams; each site has its own.
        profiles: the sites.
        patients: number of patients over all sites.
        until: the month of the delivery, `YYYY-MM`.
        stories: what is planted, at any of the sites.
    """
    streams = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(len(profiles)))
    for profile, stream, size in zip(profiles, streams, _sizes(profiles, patients), strict=True):
        history = _drawn(_Site(profile, 0, size, [until], faults=False, stories=stories), *stream.spawn(2))
        yield profile, {name: without_dots(as_arrow(TABLES[name], frame)) for name, frame in history.items()}


@dataclass(frozen=True)
class _Site:
    """One site to be made: `number` counts from 0, `size` is its number of patients."""

    profile: SiteProfile
    number: int
    size: int
    periods: list[str]
    faults: bool
    stories: Sequence[Story]

    @property
    def delivers_twice(self) -> bool:
        """Whether the last submission was delivered a first time with rows missing: so at the first site."""
        return self.faults and self.number == 0 and len(self.periods) > 1


def _sizes(profiles: Sequence[SiteProfile], patients: int) -> list[int]:
    """Share the patients out by the sites' volume; rounding goes by the running total."""
    ends = np.round(np.cumsum([0.0] + [profile.volume for profile in profiles]) * patients / _volume(profiles))
    return [int(size) for size in np.diff(ends)]


def _volume(profiles: Sequence[SiteProfile]) -> float:
    return sum(profile.volume for profile in profiles)


def _write_site(settings: Settings, key: _Key, site: _Site, rng: Rng) -> Iterable[int]:
    """Write all submissions of one site and note what was planted; yields the number of each period when written."""
    drawing, lagging, planting = rng.spawn(3)
    history = _drawn(site, drawing, lagging)
    if site.faults:
        history["diagnoses"], flags = plant_flags(planting, site.profile.site_id, site.periods, history)
        key.faults += flags
    for turn, submission in enumerate(submissions(site.profile, site.number, history, site.periods)):
        _write_one(settings, key, site, submission, planting)
        yield turn


def _write_one(settings: Settings, key: _Key, site: _Site, submission: Submission, rng: Rng) -> None:
    tables, is_last = submission.tables, submission.period == site.periods[-1]
    if site.faults:
        tables, planted = plant_rows(rng, submission, typed=site.profile.file_format == "parquet")
        key.faults += planted
    kind = "full" if submission.period == site.periods[0] else "incremental"
    place = Path(site.profile.site_id) / submission.period
    if site.delivers_twice and is_last:
        earlier = settings.answer_key / "earlier_deliveries" / place
        write_submission(site.profile, earlier, submission.period, kind=kind, tables=_half(tables))
        key.submissions.append(_expected(settings, submission, earlier, "superseded"))
    folder = settings.landing / place
    key.rows += write_submission(site.profile, folder, submission.period, kind=kind, tables=tables)
    key.submissions.append(_expected(settings, submission, folder, "accepted"))


def _half(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The submission with the first half of the visits only."""
    visits = tables["follow_ups"]
    return tables | {"follow_ups": visits.slice(0, max(visits.num_rows // 2, 1))}


def _expected(settings: Settings, submission: Submission, folder: Path, status: str) -> ExpectedSubmission:
    relative = folder.relative_to(settings.home).as_posix()
    return ExpectedSubmission(submission.site_id, submission.period, relative, status)


def _drawn(site: _Site, drawing: Rng, lagging: Rng) -> History:
    calendar = Calendar(np.array([day_number(last_day(period)) for period in site.periods]))
    plan = draw_plan(drawing, site.profile, site.size, int(calendar.cuts[-1]), site.stories)
    return _history(drawing, lagging, plan, calendar)


def _history(drawing: Rng, lagging: Rng, plan: Plan, calendar: Calendar) -> History:
    """Everything that happens to the patients of one site, spread over its submissions."""
    stays = Stays()
    # Streams of their own: what is drawn from them moves nothing else.
    complicating, treating, healing = drawing.spawn(3)
    disease = draw_adjacent_disease(drawing, plan)
    operated, admission = index_procedures(drawing, plan, stays)
    revised = revision_procedures(drawing, plan, draw_revisions(drawing, plan, disease), admission, stays)
    visits = draw_visits(drawing, plan, disease)
    visits = held_as_outpatient(visits, stays)
    add_unplanned_stays(drawing, plan, stays)
    procedures = [operated, operations_before(drawing, plan), lookalikes(drawing, plan), revised]
    diagnoses = [
        index_diagnoses(drawing, plan, admission),
        status_before(drawing, plan),
        beside_before(drawing, plan),
        beside_after(drawing, plan, disease),
        fused_joint_after(drawing, plan),
        later_diagnoses(drawing, plan),
        revision_diagnoses(drawing, plan, revised),
        unrevised_nonunion(healing, plan, revised),
        complication_diagnoses(complicating, plan),
    ]
    frames = {
        "procedures": sign(drawing, plan, pd.concat(procedures, ignore_index=True)),
        "diagnoses": pd.concat(diagnoses, ignore_index=True),
        "follow_ups": visits,
    }
    if plan.profile.has_imaging:
        frames["imaging"] = draw_images(drawing, plan, disease, visits)
    if plan.profile.has_treatments:
        frames["treatments"] = pd.concat([draw_treatments(drawing, plan), draw_rare_treatments(treating, plan)])
    add_return_visits(drawing, visits, stays)
    frames["encounters"] = stays.frame()
    return histories(lagging, plan, calendar, frames, stays.keys(lagging))


def _write_csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _write_parquet(path: Path, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> None:
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
