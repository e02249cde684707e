"""Conservative treatments before and after surgery, by code or by class."""

import pandas as pd

from outcomes.synthetic.draws import Rng, events, often, some
from outcomes.synthetic.patients import Plan

_COURSES = (
    # class, system, code, share of patients, first day, mean of the days after it, mean length
    ("exercise_therapy", "CPT", "97110", 0.45, 14, 40, 45),
    ("exercise_therapy", "CPT", "97161", 0.2, 7, 30, 1),
    ("opioid", "ATC", "N02AA05", 0.6, 0, 3, 20),
    ("opioid", "ATC", "N02AX02", 0.12, 60, 300, 60),
    ("nsaid", "ATC", "M01AE01", 0.4, 0, 60, 30),
    ("muscle_relaxant", "ATC", "M03BX02", 0.3, 0, 20, 21),
    ("topical", "ATC", "N01BX04", 0.05, 10, 120, 30),
    ("heat_ice_manual", "CPT", "97140", 0.12, 20, 90, 30),
    ("injection", "CPT", "62321", 0.06, 90, 400, 1),
    ("tens", "HCPCS", "E0730", 0.03, 30, 200, 90),
    ("traction", "CPT", "97012", 0.02, 30, 200, 20),
    ("complementary", "CPT", "97810", 0.04, 60, 300, 30),
)

_RARE_COURSES = (
    ("gabapentinoid", "ATC", "N02BF01", 0.18, 0, 60, 60),
    ("duloxetine", "ATC", "N06AX21", 0.05, 20, 150, 120),
    ("oral_steroid", "ATC", "H02AB07", 0.06, 5, 90, 6),
    ("radiofrequency", "CPT", "64633", 0.01, 150, 400, 1),
)


def draw_treatments(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Rows of `treatments`; some were given in the months before surgery."""
    return _drawn(rng, plan, _COURSES)


def draw_rare_treatments(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Rows of `treatments` of the classes that fewer patients get."""
    return _drawn(rng, plan, _RARE_COURSES)


def _drawn(rng: Rng, plan: Plan, courses: tuple[tuple[str, str, str, float, int, int, int], ...]) -> pd.DataFrame:
    rows = []
    for name, system, code, share, first, mean, length in courses:
        for sign in (1, -1):
            who = some(rng, plan.fused > 0, share if sign > 0 else share / 3)
            start = sign * (first + often(rng, mean, len(who))) - (sign < 0)
            end = start + often(rng, length, len(who))
            rows.append(
                events(who, end, start_day=start, end_day=end, code_system=system, code=code, treatment_class=name)
            )
    return pd.concat(rows, ignore_index=True)
