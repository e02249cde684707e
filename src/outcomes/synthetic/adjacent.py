"""Adjacent segment disease as planned: at which joint, when, whether it hurts, and what was there before surgery."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.arrays import Ints, Mask
from outcomes.synthetic import joints
from outcomes.synthetic.draws import Rng, Texts, chance, events, often, pick, some
from outcomes.synthetic.patients import NEVER, Plan

FINDINGS = ("degeneration", "disc_herniation", "stenosis")
_YEARLY_RISK = 0.044
_SYMPTOMATIC = 0.75


@dataclass(frozen=True)
class AdjacentDisease:
    """One entry per patient: the day of the change (NEVER = none), its joint, the finding, and whether it hurts."""

    day: Ints
    joint: Ints
    finding: Texts
    hurts: Mask


def draw_adjacent_disease(rng: Rng, plan: Plan) -> AdjacentDisease:
    """Draw who develops a change beside the fusion; patients without a joint above or below it never do."""
    joint = adjacent_joint(rng, plan.fused)
    day = 60 + often(rng, 365.25 / (_YEARLY_RISK * plan.factor("adjacent_disease")), plan.size)
    return AdjacentDisease(
        day=np.where(joint > 0, day, NEVER),
        joint=joint,
        finding=pick(rng, FINDINGS, plan.size, [60, 25, 15]),
        hurts=chance(rng, _SYMPTOMATIC, plan.size),
    )


def adjacent_joint(rng: Rng, fused: Ints) -> Ints:
    """The joint above (somewhat likelier) or below; 0 where there is neither."""
    above, below = joints.ABOVE[fused], joints.BELOW[fused]
    return np.where((below == 0) | chance(rng, 0.55, len(fused)), above, below)


def images_before_surgery(rng: Rng, plan: Plan) -> pd.DataFrame:
    """What images before surgery show beside the later fusion: one patient in five has a first-grade change there."""
    who = some(rng, plan.fused > 0, 0.2)
    joint = adjacent_joint(rng, plan.fused[who])
    found = events(
        who,
        -rng.integers(0, 75, len(who)),
        modality="mri",
        level=joints.TEXT[joint],
        finding=pick(rng, FINDINGS, len(who), [70, 15, 15]),
        value=pick(rng, [1.0, 2.0, None], len(who), [75, 15, 10]).astype(float),
        unit="grade",
    )
    return found[joint > 0]


def images_after_surgery(rng: Rng, plan: Plan, disease: AdjacentDisease) -> pd.DataFrame:
    """The images that show the planned change, and images that only show what was there before."""
    who = plan.everyone
    shown = events(
        who,
        disease.day,
        modality=pick(rng, ["mri", "ct", "radiograph"], plan.size, [60, 10, 30]),
        level=joints.TEXT[disease.joint],
        finding=disease.finding,
        value=pick(rng, [1.0, 2.0, 3.0, 4.0, None], plan.size, [15, 45, 22, 4, 14]).astype(float),
        unit="grade",
    )
    return shown[(disease.joint > 0) & (disease.day < NEVER)]


def unchanged_images(rng: Rng, before: pd.DataFrame) -> pd.DataFrame:
    """The same finding at the same joint and of the same grade, seen again after surgery: not a new change."""
    again = before[chance(rng, 0.5, len(before))].copy()
    again["day"] = 90 + often(rng, 400, len(again))
    return again
