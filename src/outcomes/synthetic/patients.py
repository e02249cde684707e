"""Who is operated on, when, where in the neck, and for how long the registry can see them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.arrays import Floats, Ints, Mask
from outcomes.periods import Grain, as_text, first_days, last_days
from outcomes.synthetic import joints
from outcomes.synthetic.draws import Rng, Texts, chance, keys, often, pick, with_gaps
from outcomes.synthetic.profiles import SiteProfile
from outcomes.synthetic.stories import Risk, Story, factor_of

YEARS_OF_SURGERY = 6
_OLDEST_AGE = 90
_DAYS_PER_YEAR = 365.25
NEVER = 10**6
"""A day that no registry reaches."""

GOOD, PARTIAL, POOR = range(3)
NO_STAGE, SAME_ADMISSION, MARKED, MARKED_TOO_LATE = range(4)


@dataclass(frozen=True)
class Plan:
    """What is to happen to the patients of one site; each array has one entry per patient, days count from index.

    `stories` are those planted at the site. `index_day` is the day of the index fusion and `period_end` the last day of
    the index period, in days since 1970-01-01. The days from it to the data cut, which
    all patients share, are those from surgery to the patient's own cut: they do not tell the day of surgery. `cut` is
    the day of the patient's own last cut, `lost` the day after which the site hears no more, `seen_until` the last day
    of which anything can be recorded, `discharge` the end of the index admission. `fused` holds the joints fused over
    all stages, `first_fused` those of the first stage. `recovery` is GOOD, PARTIAL or POOR. `out` says why a patient is
    not to be in the cohort (empty for the others).
    """

    profile: SiteProfile
    stories: tuple[Story, ...]
    key: Texts
    index_day: Ints
    period_end: Ints
    cut: Ints
    death: Ints
    lost: Ints
    seen_until: Ints
    discharge: Ints
    traits: pd.DataFrame
    stratum: Texts
    approach: Texts
    first_fused: Ints
    fused: Ints
    levels_known: Mask
    stage: Ints
    stage_day: Ints
    recovery: Ints
    out: Texts

    @property
    def size(self) -> int:
        """The number of patients."""
        return len(self.key)

    @property
    def everyone(self) -> Ints:
        """The positions of all patients."""
        return np.arange(self.size)

    def factor(self, risk: Risk) -> Floats:
        """By what the site's stories multiply the risk of each patient."""
        return factor_of(self.stories, risk, self.index_day)


def draw_plan(rng: Rng, profile: SiteProfile, size: int, last_cut: int, stories: Iterable[Story] = ()) -> Plan:
    """Draw the patients of one site.

    Args:
        rng: the site's own stream.
        profile: the site.
        size: the number of patients.
        last_cut: the last data cut, in days since 1970-01-01.
        stories: the planted stories, those of other sites among them.
    """
    own = tuple(story for story in stories if story.site_id == profile.site_id)
    grain: Grain = "Y" if profile.method == "safe_harbor" else "M"
    # Whoever is operated on in the month (the year) of the last cut comes with a later submission.
    last_index = first_days(np.array(last_cut), grain) - 1
    index_date = last_index - rng.integers(0, round(_DAYS_PER_YEAR * YEARS_OF_SURGERY), size)
    cut = last_cut - last_days(index_date, grain)
    traits = _traits(rng, size) | {"index_period": as_text(index_date, grain)}
    stratum = pick(rng, ["degenerative", "trauma", "tumour", "infection"], size, [0.915, 0.05, 0.02, 0.015])
    traits["indication"] = np.where(stratum == "degenerative", traits["indication"], "other")
    approach = pick(rng, ["anterior", "posterior", "combined"], size, [0.72, 0.2, 0.08])
    first_fused = _fused(rng, size)
    stage, stage_day = _stages(rng, size)
    is_stage = (stage == SAME_ADMISSION) | (stage == MARKED)
    discharge = np.where(stage == SAME_ADMISSION, stage_day + 2, pick(rng, range(1, 7), size, [55, 22, 10, 7, 4, 2]))
    death = _death(rng, np.asarray(traits["age_years"], dtype=float))
    lost = _lost(rng, factor_of(own, "visits", index_date))
    traits["age_years"] = _without_ages_over_89(traits["age_years"], cut)
    seen_until = np.minimum(np.minimum(death, lost), cut)
    return Plan(
        profile=profile,
        stories=own,
        key=keys(rng, size),
        index_day=index_date,
        period_end=last_days(index_date, grain),
        cut=cut,
        death=death,
        lost=lost,
        seen_until=seen_until,
        discharge=np.minimum(discharge.astype(np.int64), seen_until),
        traits=pd.DataFrame(traits),
        stratum=stratum,
        approach=approach,
        first_fused=first_fused,
        fused=np.where(is_stage & (stage_day <= seen_until), widened(first_fused), first_fused),
        levels_known=chance(rng, (1 - profile.levels_missing) * factor_of(own, "levels", index_date), size),
        stage=stage,
        stage_day=stage_day,
        recovery=_recovery(rng, traits, factor_of(own, "pain", index_date)),
        out=pick(
            rng,
            ["", "no_fusion", "later_fusion", "earlier_fusion", "fused_before", "fused_long_before"],
            size,
            [96.2, 0.6, 0.6, 1.1, 1.1, 0.4],
        ),
    )


def widened(fused: Ints) -> Ints:
    """The joints of a second stage: one joint more at the lower end, where there is one."""
    return fused | joints.BELOW[fused]


def _without_ages_over_89(age: Floats, cut: Ints) -> Floats:
    """90 for everyone who turns 90 by the last cut too: from the first submission on, so that no age ever changes."""
    return np.where(age + cut // _DAYS_PER_YEAR >= _OLDEST_AGE, _OLDEST_AGE, age)


def _traits(rng: Rng, size: int) -> dict[str, Any]:
    return {
        "sex": pick(rng, ["female", "male", "other", "unknown"], size, [50.5, 48.5, 0.3, 0.7]),
        "age_years": np.clip(rng.normal(57, 13, size).round(), 18, _OLDEST_AGE),
        "bmi": with_gaps(rng, np.clip(rng.normal(29.5, 5.5, size).round(1), 16, 58), 0.05),
        "smoking": pick(rng, ["never", "former", "current", "unknown"], size, [48, 28, 20, 4]),
        "diabetes": pick(rng, [True, False, None], size, [17, 81, 2]),
        "asa_class": with_gaps(rng, pick(rng, [1, 2, 3, 4], size, [7, 52, 38, 3]), 0.04),
        "prior_cervical_surgery": pick(rng, [True, False, None], size, [7, 91, 2]),
        "indication": pick(rng, ["radiculopathy", "myelopathy", "both", "other"], size, [52, 27, 13, 8]),
        "workers_compensation": pick(rng, [True, False, None], size, [6, 90, 4]),
        "preop_opioid_use": pick(rng, [True, False, None], size, [34, 62, 4]),
    }


def _fused(rng: Rng, size: int) -> Ints:
    """Mostly one or two joints around C5-6; about one set in a hundred skips a joint."""
    count = pick(rng, [1, 2, 3, 4], size, [46, 35, 14, 5]).astype(np.int64)
    lowest = pick(rng, [1, 3, 4, 5, 6, 7], size, [1, 4, 9, 37, 43, 6]).astype(np.int64)
    highest = np.maximum(lowest - count + 1, 0)
    run = (2 << lowest) - (1 << highest)
    with_skip = (1 << lowest) + (1 << np.maximum(lowest - 2, 0))
    return np.where((count == 2) & (lowest >= 2) & chance(rng, 0.03, size), with_skip, run)


def _stages(rng: Rng, size: int) -> tuple[Ints, Ints]:
    stage = pick(rng, [NO_STAGE, SAME_ADMISSION, MARKED, MARKED_TOO_LATE], size, [96.4, 1.6, 1.6, 0.4])
    day = np.select(
        [stage == SAME_ADMISSION, stage == MARKED, stage == MARKED_TOO_LATE],
        [rng.integers(1, 5, size), rng.integers(5, 15, size), rng.integers(15, 22, size)],
        NEVER,
    )
    return stage.astype(np.int64), day


def _death(rng: Rng, age: Floats) -> Ints:
    """About 0.4 % a year at 50, doubling every nine years."""
    yearly = 0.004 * 2 ** ((age - 50) / 9)
    return 1 + (rng.exponential(365.25 / yearly)).clip(0, NEVER).astype(np.int64)


def _lost(rng: Rng, factor: Floats) -> Ints:
    """One in twenty is gone within weeks; of the others about half within five years, times the factor."""
    size = len(factor)
    return np.where(chance(rng, 0.05, size), 1 + often(rng, 30, size), 40 + often(rng, 2600 * factor, size))


def _recovery(rng: Rng, traits: dict[str, Any], factor: Floats) -> Ints:
    """Poor recovery is likelier in smokers, under workers' compensation and after opioids before surgery."""
    odds = (
        factor
        * np.where(traits["smoking"] == "current", 1.5, 1.0)
        * np.where(traits["workers_compensation"] == True, 1.8, 1.0)  # noqa: E712 - holds None
        * np.where(traits["preop_opioid_use"] == True, 1.4, 1.0)  # noqa: E712
    )
    draw = rng.random(len(odds))
    poor = np.minimum(0.09 * odds, 0.6)
    partial = np.minimum(poor + 0.24 * odds, 0.9)
    return np.select([draw < poor, draw < partial], [POOR, PARTIAL], GOOD).astype(np.int64)
