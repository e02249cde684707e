"""Complications of the first weeks, as they are coded."""

import numpy as np
import pandas as pd

from outcomes.synthetic.diagnoses import coded
from outcomes.synthetic.draws import Rng, chance, often
from outcomes.synthetic.patients import Plan

_KINDS = (
    # code, share after an anterior approach, share after a posterior one, first day, mean of the days after it
    ("R13.10", 0.035, 0.01, 1, 6),
    ("G83.21", 0.01, 0.03, 1, 3),
    ("T81.41XA", 0.006, 0.02, 7, 10),
    ("T81.42XA", 0.002, 0.012, 9, 12),
    ("M96.840", 0.006, 0.006, 0, 2),
    ("I26.99", 0.002, 0.004, 2, 14),
    ("I82.411", 0.002, 0.004, 2, 14),
)
"""Near what has been published, and no more exact than that; docs/calibration.md has the sources beside them. Where
none is known (swallowing after a posterior approach, both of venous thromboembolism) the share is a choice, and so are
all days. Shares of claims lie below those of studies that ask or examine every patient. No figure says anything new
about real patients."""


def complication_diagnoses(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Rows of `diagnoses`, at most one of each kind for a patient; combined approaches count as posterior."""
    is_anterior = plan.approach == "anterior"
    rows = []
    for code, anterior, posterior, first, mean in _KINDS:
        has_it = (plan.fused > 0) & chance(rng, np.where(is_anterior, anterior, posterior), plan.size)
        who = np.flatnonzero(has_it)
        rows.append(coded(who, first + often(rng, mean, len(who)), code, position=2))
    return pd.concat(rows)
