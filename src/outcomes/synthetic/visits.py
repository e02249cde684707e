"""Visits: who comes when, how much it hurts, and the scores that say so."""

from typing import Any

import numpy as np
import pandas as pd

from outcomes.arrays import Floats, Ints, Mask
from outcomes.synthetic.adjacent import AdjacentDisease
from outcomes.synthetic.draws import Rng, chance, events, often, only, pick, some, with_gaps
from outcomes.synthetic.patients import NEVER, Plan

_SCHEDULE = (
    # target day, spread in days, share of those due who come
    (-14, 12, 0.93),
    (42, 6, 0.85),
    (91, 8, 0.81),
    (182, 15, 0.76),
    (365, 22, 0.72),
    (730, 28, 0.58),
    (1096, 30, 0.50),
    (1461, 30, 0.44),
    (1826, 30, 0.40),
    (2191, 30, 0.36),
)
"""Follow-up fades; at twelve months 71 % answer (NORspine)."""

_NECK_LEFT = np.array([0.2, 0.6, 0.97])
_NDI_LEFT = np.array([0.32, 0.57, 1.8])
"""Share of the baseline that stays, by recovery: NDI 37 % falls to about 21 % at one year (CSRS registry), the pain
item included, and about 64 % are better by the MCID at five (QOD)."""

_MJOA_DOMAINS = (("upper_motor", 5), ("lower_motor", 7), ("sensory", 3), ("sphincter", 3))


def draw_visits(rng: Rng, plan: Plan, disease: AdjacentDisease) -> pd.DataFrame:
    """All visits with their scores, as rows of `follow_ups`."""
    visits = pd.concat(
        [_scheduled(rng, plan), _unscheduled(rng, plan), _for_adjacent_pain(rng, disease)], ignore_index=True
    )
    visits = visits[(visits["day"] <= plan.seen_until[visits["who"]])]
    twice = visits[chance(rng, 0.01, len(visits))]
    visits = pd.concat([visits, twice], ignore_index=True)
    return pd.concat([visits[["who", "day"]], pd.DataFrame(_scores(rng, plan, visits))], axis=1)


def _scheduled(rng: Rng, plan: Plan) -> pd.DataFrame:
    rounds, kept = [], plan.factor("visits")
    for target, spread, share in _SCHEDULE:
        still_here = (plan.lost >= target).mean()
        comes = np.flatnonzero(chance(rng, min(share / max(still_here, 0.01), 0.97) * kept, plan.size))
        day = np.round(rng.normal(target, spread, len(comes))).astype(np.int64)
        rounds.append(events(comes, np.minimum(day, 0) if target < 0 else np.maximum(day, 1), for_pain=False))
    return pd.concat(rounds)


def _unscheduled(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Visits between the scheduled ones; some of them just before and just after three months."""
    who = some(rng, plan.lost > 0, 0.1)
    near = some(rng, plan.lost > 80, 0.03)
    day = pick(rng, [80, 91, 92, 93], len(near)).astype(np.int64)
    return pd.concat([events(who, 5 + often(rng, 300, len(who)), for_pain=False), events(near, day, for_pain=False)])


def _for_adjacent_pain(rng: Rng, disease: AdjacentDisease) -> pd.DataFrame:
    """Visits for the pain of an adjacent segment; some come too early or too late to belong to the image."""
    who = some(rng, disease.hurts & (disease.day < NEVER), 0.75)
    gap = pick(rng, [-200, -181, -180, -90, -20, 0, 7, 30, 120, 180, 181, 240], len(who)).astype(np.int64)
    visits = events(who, disease.day[who] + gap, for_pain=True)
    return visits[visits["day"] > 0]


def _scores(rng: Rng, plan: Plan, visits: pd.DataFrame) -> dict[str, Any]:
    who, day, for_pain = (visits[name].to_numpy() for name in ("who", "day", "for_pain"))
    relapsed = day >= (90 + often(rng, 9000 / plan.factor("pain"), plan.size))[who]
    neck = _pain(rng, plan, visits, 6.2, relapsed)
    arm = np.where(for_pain, 5.0, 0.0) + 0.8 * _pain(rng, plan, visits, 5.6, relapsed)
    disability = _disability(rng, plan, visits, relapsed)
    after = day > 0
    return {
        "neck_pain_nrs": with_gaps(rng, _on_scale(neck, plan.profile.nrs_step), 0.08),
        "arm_pain_nrs": with_gaps(rng, _on_scale(arm, plan.profile.nrs_step), 0.1),
        **_ndi(rng, plan, disability, neck),
        **_mjoa(rng, plan, who, after),
        **_general_health(rng, disability),
        "satisfaction": _satisfaction(rng, disability, day),
        **_red_flags(rng, after, for_pain),
        "opioid_use": pick(rng, [True, False, None], len(who), [18, 74, 8]),
        "working": pick(rng, [True, False, None], len(who), [55, 35, 10]),
    }


def _left(plan: Plan, visits: pd.DataFrame, share_left: Floats, weeks: float) -> Floats:
    """Share of the baseline that is left at each visit: it falls from 1 towards `share_left` within some weeks."""
    left = share_left[plan.recovery[visits["who"]]]
    day = visits["day"].to_numpy().clip(0)
    return np.asarray(left + (1 - left) * np.exp(-day / (7 * weeks)), dtype=float)


def _pain(rng: Rng, plan: Plan, visits: pd.DataFrame, mean: float, relapsed: Mask) -> Floats:
    baseline = rng.normal(mean, 1.8, plan.size).clip(1, 10)[visits["who"]]
    pain = baseline * _left(plan, visits, _NECK_LEFT, 4) + 3 * relapsed + rng.normal(0, 0.9, len(visits))
    return np.asarray(pain, dtype=float)


def _disability(rng: Rng, plan: Plan, visits: pd.DataFrame, relapsed: Mask) -> Floats:
    """The Neck Disability Index in percent, before it is put on a form."""
    baseline = rng.normal(34.6, 13, plan.size).clip(4, 88)[visits["who"]]
    index = baseline * _left(plan, visits, _NDI_LEFT, 5) + 8 * relapsed + rng.normal(0, 3, len(visits))
    return np.asarray(index.clip(0, 100), dtype=float)


def _on_scale(pain: Floats, step: float) -> Floats:
    # As many reach a whole number by a fine step as by a coarse one: else a site would differ by its scale.
    return np.clip(np.floor((pain + 0.5) / step) * step, 0, 10)


def _ndi(rng: Rng, plan: Plan, disability: Floats, neck: Floats) -> dict[str, Any]:
    """The form as the site sends it. A total stands beside the items only where all ten are answered."""
    size = len(disability)
    given = ~chance(rng, 0.07, size)
    items = rng.binomial(5, disability[:, None] / 100, (size, 10)).astype(float)
    # The pain item reaches 2 where the numeric scale reaches 4: else sites that send the items would have more pain.
    items[:, 0] = np.clip(np.round(neck / 2 - 0.25 + rng.normal(0, 0.4, size)), 0, 5)
    if plan.profile.ndi_form != "items":
        points = np.where(given, items.sum(axis=1), np.nan)
        percent = plan.profile.ndi_form == "percent"
        unit = only(given, plan.profile.ndi_form)
        return {"ndi_total": points * 2 if percent else points, "ndi_unit": unit}
    missing = pick(rng, [0, 1, 2, 3, 5], size, [90, 4, 3, 2, 1]).astype(np.int64)
    order = rng.random((size, 10)).argsort(axis=1)
    items[(order < missing[:, None]) | ~given[:, None]] = np.nan
    total = items.sum(axis=1)
    return {f"ndi_item_{i}": items[:, i - 1] for i in range(1, 11)} | {
        "ndi_total": total,
        "ndi_unit": only(~np.isnan(total), "points"),
    }


def _mjoa(rng: Rng, plan: Plan, who: Ints, after: Mask) -> dict[str, Any]:
    """mJOA, taken where the cord is involved; it gains about two points after surgery."""
    asked = plan.traits["indication"].isin(["myelopathy", "both"]).to_numpy()[who]
    share = np.where(after, 0.86, 0.74)
    domains = {f"mjoa_{name}": rng.binomial(most, share).astype(float) for name, most in _MJOA_DOMAINS}
    scores = domains | {"mjoa_total": np.sum(list(domains.values()), axis=0)}
    return {name: np.where(asked, score, np.nan) for name, score in scores.items()}


def _general_health(rng: Rng, disability: Floats) -> dict[str, Any]:
    size = len(disability)
    answered = chance(rng, 0.7, size)
    levels = {f"eq5d_{i}": 1.0 + rng.binomial(4, disability / 120) for i in range(1, 6)}
    scores = levels | {
        "eq_vas": np.clip(np.round(88 - 0.6 * disability + rng.normal(0, 8, size)), 0, 100),
        "promis_pf_t": np.clip(np.round(51 - 0.25 * disability + rng.normal(0, 4, size), 1), 20, 80),
        "promis_pi_t": np.clip(np.round(49 + 0.3 * disability + rng.normal(0, 4, size), 1), 20, 80),
    }
    return {name: np.where(answered, score, np.nan) for name, score in scores.items()}


def _satisfaction(rng: Rng, disability: Floats, day: Ints) -> Floats:
    """From 6 months on 67 % are fully satisfied and 20 % mostly (Asher 2019); the less disabled the likelier."""
    feeling = disability + rng.normal(0, 12, len(disability))
    settled = feeling[day > 180]
    steps = np.quantile(settled, [0.67, 0.87, 0.94]) if settled.size else np.zeros(3)
    return np.where(day > 0, 1.0 + (feeling[:, None] > steps).sum(axis=1), np.nan)


def _red_flags(rng: Rng, after: Mask, for_pain: Mask) -> dict[str, Any]:
    """Examined at six visits of ten; rare after surgery unless the visit is for pain."""
    size = len(after)
    examined = chance(rng, 0.6, size)
    likelier = np.select([for_pain, after], [4.0, 1.0], 3.0)

    def flag(share: float) -> Any:
        return only(examined, rng.random(size) < share * likelier)

    strength = np.where(rng.random(size) < 0.012 * likelier, rng.integers(2, 5, size), 5)
    return {
        "radiating_pain": flag(0.02),
        "numbness": flag(0.025),
        "occipital_headache": flag(0.012),
        "mrc_grade_min": np.where(examined, strength, np.nan),
        "neck_rotation_deg": np.where(examined, np.round(rng.normal(58, 10, size).clip(15, 90)), np.nan),
    }
