"""Procedures: the index fusion and its stages, revisions of every type, and look-alikes that are no revision."""

import numpy as np
import pandas as pd

from outcomes.arrays import Floats, Ints, Mask
from outcomes.synthetic import joints
from outcomes.synthetic.adjacent import AdjacentDisease, adjacent_joint
from outcomes.synthetic.draws import Rng, Texts, chance, events, keys, often, only, pick, some
from outcomes.synthetic.patients import MARKED, MARKED_TOO_LATE, NEVER, NO_STAGE, SAME_ADMISSION, Plan, widened
from outcomes.synthetic.stays import NO_STAY, Stays

_SURGEONS = 9

_NONUNION_RISK = (0.011, 0.011, 0.018, 0.045)
"""Share revised for nonunion by number of joints (0 = not known): Shriver 2015 and Fraser 2007 set the order."""

_PLANNED = {
    "return": (0.009, 1, 12),
    "hardware_removal": (0.005, 40, 320),
    "foraminotomy": (0.004, 40, 380),
    "disc_replacement": (0.003, 90, 450),
    "laminoplasty": (0.002, 60, 300),
    "other": (0.004, 30, 350),
    "remote_fusion": (0.002, 200, 600),
}
"""By type: the share of patients, the first day, and the mean of the days after it."""

_CODES: dict[str, dict[str, list[str]]] = {
    "CPT": {
        "return": ["22551", "22855", "63001"],
        "nonunion": ["22600", "22551", "22849", "22830"],
        "adjacent_fusion": ["22551", "22554"],
        "remote_fusion": ["22600"],
        "hardware_removal": ["22855", "22850", "22852"],
        "foraminotomy": ["63020", "63045", "63040"],
        "disc_replacement": ["22856"],
        "laminoplasty": ["63050", "63051"],
        "other": ["63075", "63015", "63081"],
    },
    "ICD10PCS": {
        "return": ["0RP104Z", "0RP10AZ"],
        "nonunion": ["0RG1071", "0RG10A0"],
        "adjacent_fusion": ["0RG10A0", "0RG20A0"],
        "remote_fusion": ["0RG1071"],
        "hardware_removal": ["0RP104Z", "0RP10AZ"],
        "foraminotomy": ["01N10ZZ", "01N13ZZ"],
        "disc_replacement": ["0RR30JZ"],
        "laminoplasty": ["01N14ZZ"],
        "other": ["0RB30ZZ", "0RT30ZZ"],
    },
}

NEEDS_CONTEXT = ("22830", "22849", "22850", "22852", "22855")


def index_procedures(rng: Rng, plan: Plan, stays: Stays) -> tuple[pd.DataFrame, pd.Series]:
    """The procedures of the index admission and of later stages; also the number of each index admission."""
    who = plan.everyone
    admission = stays.add(who, np.zeros(plan.size, dtype=np.int64), plan.discharge, "inpatient")
    day = np.where(plan.out == "later_fusion", rng.integers(3, 40, plan.size), 0)
    operated = _operation(plan, who, day, plan.first_fused, plan.approach).assign(stay=admission)
    operated = pd.concat([operated, _add_ons(plan, operated), *_stage_operations(rng, plan, admission, stays)])
    return operated[~_lacks_fusion(plan, operated)], admission


def operations_before(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Cervical fusions from before day 0, of patients who are therefore not to be in the cohort."""
    who = np.flatnonzero(plan.out == "earlier_fusion")
    approach = np.full(len(who), "anterior", dtype=object)
    return _operation(plan, who, -rng.integers(1, 3000, len(who)), plan.first_fused[who], approach)


def lookalikes(rng: Rng, plan: Plan) -> pd.DataFrame:
    """Later procedures that are no cervical revision, or may be none: lumbar fusions, hardware without context."""
    who = some(rng, plan.fused > 0, 0.02)
    cpt = plan.profile.code_system == "CPT"
    code = pick(rng, ["22612", "22850", "22845"] if cpt else ["0SG00AJ", "0RG70A0", "0RPJ04Z"], len(who))
    return _procedures(plan, who, 30 + often(rng, 500, len(who)), code=code)


def draw_revisions(rng: Rng, plan: Plan, disease: AdjacentDisease) -> pd.DataFrame:
    """Up to three revisions per patient: who, day, type and the mask of the joints (0 = not recorded)."""
    day, kind = _first_revisions(rng, plan, disease)
    rounds = []
    for _ in range(3):
        who = np.flatnonzero(day <= plan.seen_until)
        rounds.append(events(who, day[who], kind=kind[who]))
        again = chance(rng, 0.16, plan.size) & (day < NEVER)
        day = np.where(again, day + 45 + often(rng, 600, plan.size), NEVER)
        kind = pick(rng, ["adjacent_fusion", "hardware_removal", "foraminotomy", "other"], plan.size, [40, 25, 20, 15])
    revisions = pd.concat(rounds, ignore_index=True)
    revisions["joints"] = _revised_joints(rng, plan, disease, revisions)
    return revisions


def revision_procedures(
    rng: Rng, plan: Plan, revisions: pd.DataFrame, admission: pd.Series, stays: Stays
) -> pd.DataFrame:
    """The procedure rows of the planned revisions; `kind` and `joints` stay on them for the diagnoses."""
    who, day, kind = (revisions[name].to_numpy() for name in ("who", "day", "kind"))
    inside = (kind == "return") & (day <= plan.discharge[who])
    stay = stays.add(who, day, day + rng.integers(1, 4, len(who)), "inpatient").to_numpy()
    cpt = plan.profile.code_system == "CPT"
    done = _procedures(
        plan,
        who,
        day,
        code=_revision_codes(rng, plan.profile.code_system, kind),
        modifier=only((kind == "return") & cpt, "78"),
        levels=joints.TEXT[revisions["joints"].to_numpy()],
        stay=np.where(inside, admission.to_numpy()[who], stay),
        kind=kind,
        joints=revisions["joints"].to_numpy(),
    )
    plates = done[done["kind"].isin(["nonunion", "adjacent_fusion"]) & chance(rng, 0.25, len(done))]
    removal = "22855" if cpt else "0RP104Z"
    return pd.concat([done, plates.assign(code=removal, levels=None, joints=0, kind="plate")], ignore_index=True)


def sign(rng: Rng, plan: Plan, procedures: pd.DataFrame) -> pd.DataFrame:
    """Give each procedure its surgeon; one in twenty is not known."""
    surgeons = [*keys(rng, _SURGEONS), None]
    mine = pick(rng, surgeons, plan.size, [*([0.95 / _SURGEONS] * _SURGEONS), 0.05])
    return procedures.assign(surgeon_id=mine[procedures["who"]])


def _procedures(plan: Plan, who: Ints, day: Ints, **columns: object) -> pd.DataFrame:
    unset = {"modifier": None, "levels": None, "approach": None, "planned_stage": None, "stay": NO_STAY}
    return events(who, day, code_system=plan.profile.code_system, **(unset | columns))


def _operation(plan: Plan, who: Ints, day: Ints, fused: Ints, approach: Texts) -> pd.DataFrame:
    codes = _cpt_fusion if plan.profile.code_system == "CPT" else _pcs_fusion
    return _procedures(
        plan,
        who,
        day,
        code=codes(fused, approach),
        approach=approach,
        levels=only(plan.levels_known[who], joints.TEXT[fused]),
        planned_stage=False,
        joints=fused,
    )


def _cpt_fusion(fused: Ints, approach: Texts) -> Texts:
    posterior = approach == "posterior"
    upper = [fused & 1 > 0, (fused & 2 > 0) & posterior, (fused & 2 > 0) & ~posterior]
    return np.select([*upper, posterior], ["22590", "22595", "22548", "22600"], "22551").astype(object)


def _pcs_fusion(fused: Ints, approach: Texts) -> Texts:
    region = np.select([fused & 1 > 0, joints.COUNT[fused] > 1, fused == 128], ["0", "2", "4"], "1").astype(object)
    ending = np.select([approach == "anterior", approach == "posterior"], ["0A0", "071"], "0AJ").astype(object)
    return np.asarray("0RG" + region + ending, dtype=object)


def _add_ons(plan: Plan, operated: pd.DataFrame) -> pd.DataFrame:
    """CPT's further rows of one operation: each further joint, instrumentation, the second approach."""
    if plan.profile.code_system != "CPT":
        return operated.iloc[:0]
    further = operated[joints.COUNT[operated["joints"]] > 1]
    combined = operated[operated["approach"] == "combined"]
    add_on = np.where(further["approach"] == "posterior", "22614", "22552")
    return pd.concat([further.assign(code=add_on), operated.assign(code="22845"), combined.assign(code="22600")])


def _stage_operations(rng: Rng, plan: Plan, admission: pd.Series, stays: Stays) -> list[pd.DataFrame]:
    """Second stages: in the same admission without a mark, or marked; a marked one after day 14 is none."""
    who = np.flatnonzero((plan.stage != NO_STAGE) & (plan.stage_day <= plan.seen_until))
    day, stage = plan.stage_day[who], plan.stage[who]
    elsewhere = stays.add(who, day, day + 2, "inpatient").to_numpy()
    stay = np.where(stage == SAME_ADMISSION, admission.to_numpy()[who], elsewhere)
    approach = np.full(len(who), "posterior", dtype=object)
    staged = _operation(plan, who, day, widened(plan.first_fused[who]), approach).assign(stay=stay)
    marked = np.isin(stage, [MARKED, MARKED_TOO_LATE])
    cpt = plan.profile.code_system == "CPT"
    staged["modifier"] = only(marked & cpt, "58")
    staged["planned_stage"] = marked & (not cpt)
    decompressed = staged[chance(rng, 0.4, len(staged)) & (stage != MARKED_TOO_LATE)]
    return [staged, decompressed.assign(code="63045" if cpt else "01N10ZZ", modifier=None)]


def _lacks_fusion(plan: Plan, operated: pd.DataFrame) -> Mask:
    """Rows to leave out so that these patients have no fusion at all."""
    is_fusion = ~operated["code"].isin(["22845", "63045", "01N10ZZ"]).to_numpy()
    return np.asarray((plan.out == "no_fusion")[operated["who"]] & is_fusion, dtype=bool)


def _first_revisions(rng: Rng, plan: Plan, disease: AdjacentDisease) -> tuple[Ints, Texts]:
    """The earliest of what each patient is exposed to, and its type."""
    planned = {name: _onset(rng, plan, share, first, mean) for name, (share, first, mean) in _PLANNED.items()}
    smoker = np.where(plan.traits["smoking"] == "current", 1.7, 1.0)
    risk = np.array(_NONUNION_RISK)[np.minimum(joints.COUNT[plan.fused], 3)] * smoker
    planned["nonunion"] = _onset(rng, plan, risk, 180, 230)
    chosen = disease.hurts & chance(rng, 0.9, plan.size)
    planned["adjacent_fusion"] = np.where(chosen, disease.day + 14 + often(rng, 90, plan.size), NEVER)
    days = np.stack(list(planned.values()))
    return days.min(axis=0), np.array(list(planned), dtype=object)[days.argmin(axis=0)]


def _onset(rng: Rng, plan: Plan, share: Floats | float, first: int, mean: float) -> Ints:
    happens = rng.random(plan.size) < share * plan.factor("revision")
    return np.where(happens, first + often(rng, mean, plan.size), NEVER)


def _revised_joints(rng: Rng, plan: Plan, disease: AdjacentDisease, revisions: pd.DataFrame) -> Ints:
    who = revisions["who"].to_numpy()
    kind = revisions["kind"].to_numpy()
    fused, size = plan.fused[who], len(who)
    one_fused = fused & -fused
    beside = np.where(disease.day[who] <= revisions["day"], disease.joint[who], adjacent_joint(rng, fused))
    is_beside = np.isin(kind, ["foraminotomy", "disc_replacement", "hardware_removal"]) & chance(rng, 0.35, size)
    both = (kind == "nonunion") & chance(rng, 0.15, size)
    known = ~chance(rng, 0.08, size) & plan.levels_known[who]
    chosen = np.select(
        [(kind == "adjacent_fusion") | is_beside, both, kind == "remote_fusion"],
        [beside, one_fused | beside, joints.ABOVE[joints.ABOVE[fused]]],
        one_fused,
    )
    return np.where(known, chosen, 0)


def _revision_codes(rng: Rng, system: str, kind: Texts) -> Texts:
    codes = np.empty(len(kind), dtype=object)
    for name, options in _CODES[system].items():
        mine = kind == name
        codes[mine] = pick(rng, options, int(mine.sum()))
    return codes
