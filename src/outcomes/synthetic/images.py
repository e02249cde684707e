"""Images: adjacent joints, routine before and after surgery, healing of the fusion and trouble with hardware."""

import numpy as np
import pandas as pd

from outcomes.synthetic import joints
from outcomes.synthetic.adjacent import AdjacentDisease, images_after_surgery, images_before_surgery, unchanged_images
from outcomes.synthetic.draws import Rng, chance, events, often, pick, some
from outcomes.synthetic.patients import Plan

_HEALING = (
    # finding, share of the images, unit, lowest and highest value (none where the finding has no measure)
    ("normal", 95, None, None),
    ("bridging_bone", 57, None, None),
    ("interspinous_motion", 9, "mm", (0.1, 2.4)),
    ("superjacent_motion", 7, "mm", (3.0, 9.0)),
    ("subsidence", 4, "mm", (0.5, 5.0)),
    ("c2_7_sva", 6, "mm", (8.0, 55.0)),
    ("no_bridging_bone", 3, None, None),
    ("screw_back_out", 0.6, None, None),
    ("residual_stenosis", 1.2, "grade", (1.0, 3.0)),
    ("epidural_scar", 0.6, None, None),
)


def draw_images(rng: Rng, plan: Plan, disease: AdjacentDisease, visits: pd.DataFrame) -> pd.DataFrame:
    """All rows of `imaging`."""
    before = images_before_surgery(rng, plan)
    return pd.concat(
        [
            before,
            unchanged_images(rng, before),
            images_after_surgery(rng, plan, disease),
            _around_surgery(rng, plan),
            _routine(rng, plan, visits),
            _elsewhere(rng, plan),
        ],
        ignore_index=True,
    )


def _around_surgery(rng: Rng, plan: Plan) -> pd.DataFrame:
    """What most have, without a finding: an MRI before surgery and a radiograph before going home."""
    before, after = some(rng, plan.fused > 0, 0.85), some(rng, plan.discharge > 0, 0.75)
    return pd.concat(
        [
            events(before, -rng.integers(0, 90, len(before)), modality="mri", finding="normal"),
            events(after, plan.discharge[after], modality="radiograph", finding="normal"),
        ]
    )


def _routine(rng: Rng, plan: Plan, visits: pd.DataFrame) -> pd.DataFrame:
    """Radiographs at nine of ten visits after surgery, read for the healing of the fusion."""
    seen = visits[(visits["day"] > 0) & chance(rng, 0.9, len(visits))]
    who, day = seen["who"].to_numpy(), seen["day"].to_numpy()
    which = pick(rng, range(len(_HEALING)), len(seen), [share for _, share, _, _ in _HEALING]).astype(np.int64)
    finding, unit = (np.array([row[column] for row in _HEALING], dtype=object)[which] for column in (0, 2))
    low, high = (np.array([row[3][end] if row[3] else np.nan for row in _HEALING])[which] for end in (0, 1))
    fused = plan.fused[who]
    return events(
        who,
        day,
        modality=np.where(finding == "epidural_scar", "mri", pick(rng, ["radiograph", "ct"], len(who), [85, 15])),
        level=np.where(np.isin(finding, ["normal", "c2_7_sva"]), None, joints.TEXT[fused & -fused]),
        finding=finding,
        value=np.round(low + (high - low) * rng.random(len(who)), 1),
        unit=unit,
    )


def _elsewhere(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Degeneration that is not adjacent: at a fused joint, or two joints above."""
    who = some(rng, plan.fused > 0, 0.1)
    fused = plan.fused[who]
    far = joints.ABOVE[joints.ABOVE[fused]]
    return events(
        who,
        120 + often(rng, 600, len(who)),
        modality="mri",
        level=joints.TEXT[np.where((far > 0) & chance(rng, 0.5, len(who)), far, fused & -fused)],
        finding=pick(rng, ["degeneration", "stenosis"], len(who)),
        value=2.0,
        unit="grade",
    )
