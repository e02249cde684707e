"""Diagnoses: why patients are operated on, what they bring along, and what is coded afterwards."""

import numpy as np
import pandas as pd

from outcomes.arrays import Ints
from outcomes.synthetic import joints
from outcomes.synthetic.adjacent import AdjacentDisease, adjacent_joint
from outcomes.synthetic.draws import Rng, Texts, chance, events, often, pick, some
from outcomes.synthetic.patients import NEVER, Plan
from outcomes.synthetic.stays import NO_STAY
from outcomes.synthetic.surgery import NEEDS_CONTEXT

_COMORBIDITIES = (("I10", 0.42), ("E11.9", 0.15), ("E78.5", 0.3), ("F32.9", 0.16), ("Z87.891", 0.28), ("J44.9", 0.07))

_LATER = (
    ("M54.12", 0.05, 500),
    ("R20.2", 0.05, 400),
    ("M54.2", 0.12, 300),
    ("M47.22", 0.03, 700),
    ("M48.02", 0.03, 900),
    ("M43.12", 0.008, 900),
    ("M62.81", 0.02, 400),
    ("M54.81", 0.02, 500),
    ("M96.1", 0.015, 600),
    ("G96.12", 0.008, 700),
    ("R29.3", 0.012, 300),
    ("M54.16", 0.04, 600),
)
"""Code, share of patients, mean day: what is coded after surgery for whatever reason."""

_UNREVISED_NONUNION = (0.017, 0.017, 0.027, 0.133)
"""Share coded with nonunion and not revised, by number of joints (0 = not known, 3 = three or more): with the revised
about as many as Shriver 2015 and Fraser 2007 found."""

_SPECIAL = {
    "trauma": ["S12.400A", "S12.500A", "S12.64XA"],
    "tumour": ["C79.51", "D16.6"],
    "infection": ["M46.22", "M46.42"],
}


def index_diagnoses(rng: Rng, plan: Plan, admission: pd.Series) -> pd.DataFrame:
    """Main diagnosis and comorbidities of the index admission; the main one often stands before surgery too."""
    stay = admission.to_numpy()
    main = coded(plan.everyone, 0, _main_codes(rng, plan), stay=stay)
    before = main[chance(rng, 0.4, plan.size)].assign(stay=NO_STAY)
    before["day"] = -1 - often(rng, 60, len(before))
    with_cord = np.flatnonzero(plan.traits["indication"].isin(["myelopathy", "both"]) & chance(rng, 0.5, plan.size))
    cord = coded(with_cord, 0, "M48.02", position=2, stay=stay[with_cord])
    return pd.concat([main, before, cord, *_comorbidities(rng, plan, stay)])


def status_before(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Arthrodesis status (Z98.1) from before day 0; only the last 365 days count."""
    recent, long_ago = np.flatnonzero(plan.out == "fused_before"), np.flatnonzero(plan.out == "fused_long_before")
    last_year = pick(rng, [-365, -364, -1, -30, -200], len(recent)).astype(np.int64)
    earlier = pick(rng, [-366, -367, -800], len(long_ago)).astype(np.int64)
    return pd.concat([coded(recent, last_year, "Z98.1"), coded(long_ago, earlier, "Z98.1")])


def beside_before(rng: Rng, plan: Plan) -> pd.DataFrame:
    """A disc already symptomatic beside the later fusion, in about one patient of twenty; the last day counted is 0."""
    who = some(rng, plan.fused > 0, 0.05)
    joint = adjacent_joint(rng, plan.fused[who])
    day = pick(rng, [0, -1, -30, -120, -700], len(who)).astype(np.int64)
    return coded(who, day, _disc_codes(joint, pick(rng, "0123", len(who))), position=3)[joint > 0]


def beside_after(rng: Rng, plan: Plan, disease: AdjacentDisease) -> pd.DataFrame:
    """Discs coded at an adjacent joint afterwards: with the image, around it, or without any image."""
    joint = adjacent_joint(rng, plan.fused)
    coded_only = some(rng, joint > 0, 0.008)
    alone = coded(coded_only, 30 + often(rng, 700, len(coded_only)), _codes_at(rng, joint[coded_only]))
    sick = some(rng, (disease.day < NEVER) & disease.hurts, 0.35)
    gap = pick(rng, [-200, -181, -180, -60, 0, 20, 90, 180, 181, 220], len(sick)).astype(np.int64)
    seen = coded(sick, disease.day[sick] + gap, _codes_at(rng, disease.joint[sick]))
    return pd.concat([alone, seen[seen["day"] > 0]])


def fused_joint_after(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Discs coded at a fused joint afterwards, of half of them again later: unresolved, but not adjacent."""
    who = some(rng, plan.fused > 0, 0.04)
    once = coded(who, 60 + often(rng, 500, len(who)), _codes_at(rng, plan.fused[who] & -plan.fused[who]))
    again = once[chance(rng, 0.5, len(once))].copy()
    again["day"] += pick(rng, [14, 29, 30, 60, 120], len(again)).astype(np.int64)
    return pd.concat([once, again])


def later_diagnoses(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Codes that appear after surgery for whatever reason, red flags among them."""
    rows = []
    for code, share, mean in _LATER:
        who = some(rng, plan.fused > 0, share)
        rows.append(coded(who, 7 + often(rng, mean, len(who)), code))
    return pd.concat(rows)


def revision_diagnoses(rng: Rng, plan: Plan, procedures: pd.DataFrame) -> pd.DataFrame:
    """What is coded with a revision: nonunion, the adjacent disc, or a reason that only places it in the neck.

    Nonunion (M96.0) is coded in four of five nonunion revisions, and in all that only a diagnosis places in the neck.
    """
    first = procedures.drop_duplicates(["who", "day"])
    is_vague = first["code"].isin(NEEDS_CONTEXT)
    nonunion = first[(first["kind"] == "nonunion") & (is_vague | chance(rng, 0.8, len(first)))]
    beside = first[(first["kind"] == "adjacent_fusion") & (first["joints"] > 0) & chance(rng, 0.7, len(first))]
    vague = procedures[procedures["code"].isin(NEEDS_CONTEXT) & procedures["levels"].isna()]
    placed = vague[chance(rng, 0.8, len(vague))]
    return pd.concat(
        [
            _with(nonunion, "M96.0"),
            _with(beside, _codes_at(rng, beside["joints"].to_numpy())),
            _with(placed, "M47.22", position=2),
        ]
    )


def unrevised_nonunion(rng: Rng, plan: Plan, procedures: pd.DataFrame) -> pd.DataFrame:
    """Nonunion that is coded beside neck pain, which tells the region, and left alone."""
    revised = np.isin(plan.everyone, procedures["who"])
    share = np.array(_UNREVISED_NONUNION)[np.minimum(joints.COUNT[plan.fused], 3)]
    who = some(rng, ~revised, share)
    day = 180 + often(rng, 250, len(who))
    return pd.concat([coded(who, day, "M96.0"), coded(who, day, "M54.2", position=2)])


def _main_codes(rng: Rng, plan: Plan) -> Texts:
    operated = plan.fused & -plan.fused
    family = np.select([plan.traits["indication"].isin(["myelopathy", "both"])], ["0"], "1").astype(object)
    codes = _disc_codes(operated, family)
    spondylosis = chance(rng, 0.35, plan.size)
    codes[spondylosis] = np.where(family[spondylosis] == "0", "M47.12", "M47.22")
    for stratum, options in _SPECIAL.items():
        mine = plan.stratum == stratum
        codes[mine] = pick(rng, options, int(mine.sum()))
    return codes


def _comorbidities(rng: Rng, plan: Plan, stay: Ints) -> list[pd.DataFrame]:
    rows = []
    for position, (code, share) in enumerate(_COMORBIDITIES, 4):
        who = some(rng, plan.fused > 0, share)
        rows.append(coded(who, 0, code, position=position, stay=stay[who]))
    return rows


def _disc_codes(joint: Ints, family: Texts) -> Texts:
    codes = [joints.disc_code(max(int(one), 1), kind) for one, kind in zip(joint, family, strict=True)]
    return np.array(codes, dtype=object)


def _codes_at(rng: Rng, joint: Ints) -> Texts:
    return _disc_codes(joint, pick(rng, "123", len(joint)))


def coded(
    who: Ints, day: Ints | int, code: Texts | str, *, position: int = 1, stay: Ints | int = NO_STAY
) -> pd.DataFrame:
    """Diagnoses of some patients, in ICD-10-CM."""
    return events(who, day, code_system="ICD10CM", code=code, position=position, stay=stay)


def _with(procedures: pd.DataFrame, code: Texts | str, position: int = 1) -> pd.DataFrame:
    who, day, stay = (procedures[name].to_numpy() for name in ("who", "day", "stay"))
    return coded(who, day, code, position=position, stay=stay)
