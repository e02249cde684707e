"""What a site delivers in which period: new rows, late ones, corrected ones and withdrawn ones.

A history holds every version of every row of one table, with the number of the period (0 = the historical
submission) that brings it. The rows in force are the last versions that are not withdrawn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from outcomes.arrays import Ints
from outcomes.contract import TABLES, ColumnType, Table
from outcomes.synthetic import joints
from outcomes.synthetic.adjacent import adjacent_joint
from outcomes.synthetic.draws import Rng, Texts, chance, keys, only, some
from outcomes.synthetic.patients import Plan

History = dict[str, pd.DataFrame]

_LATE = 0.06
_CORRECTED = 0.012
_WITHDRAWN = 0.004
_WITHDRAWN_PATIENTS = 0.003


@dataclass(frozen=True)
class Calendar:
    """The data cuts of one site's submissions, oldest first, in days since 1970-01-01.

    Each patient has a cut of their own before each of them: as many days after surgery as the data cut comes after
    the last day of the index period.
    """

    cuts: Ints

    @property
    def last(self) -> int:
        """The number of the last period."""
        return len(self.cuts) - 1

    def first_period(self, plan: Plan, who: Ints, available: Ints) -> Ints:
        """The first period whose own cut of the patient comes on or after a day; `last` + 1 when none does."""
        days = self.cuts[:, None] - plan.period_end[who]
        return np.asarray((days < available).sum(axis=0), dtype=np.int64)


def histories(rng: Rng, plan: Plan, calendar: Calendar, frames: Mapping[str, pd.DataFrame], stays: Texts) -> History:
    """Spread the rows of all tables over the submissions.

    Args:
        rng: the stream for lags, corrections and keys.
        plan: the patients.
        calendar: the data cuts.
        frames: by table, rows with `who`, `day` (the day on which the row can first be known) and contract columns.
        stays: the key of each encounter, by number.
    """
    arrival = calendar.first_period(plan, plan.everyone, plan.discharge)
    history = {name: _first_versions(rng, plan, calendar, arrival, frame) for name, frame in frames.items()}
    for name, frame in history.items():
        history[name] = _with_keys(rng, TABLES[name], plan, frame, stays)
    history["follow_ups"] = _corrected(
        rng, calendar, history["follow_ups"], lambda rows: rows.assign(neck_pain_nrs=10 - rows["neck_pain_nrs"])
    )
    history["procedures"] = _corrected(rng, calendar, history["procedures"], lambda rows: rows.assign(levels=None))
    for name, frame in _withdrawn(rng, plan, calendar, history).items():
        history[name] = pd.concat([history[name], frame], ignore_index=True)
    history["patients"] = _patient_versions(rng, plan, calendar, arrival)
    history = _withdraw_patients(rng, plan, calendar, arrival, history)
    return history | {"procedures": _in_every_period(calendar, history)}


def as_arrow(table: Table, frame: pd.DataFrame) -> pa.Table:
    """The contract's columns of a frame, typed; columns that the frame lacks are empty."""
    columns = {column.name: _typed(frame, column.name, column.type) for column in table.columns}
    return pa.table(columns, schema=table.schema)


def _typed(frame: pd.DataFrame, name: str, kind: ColumnType) -> pa.Array:
    if name not in frame:
        return pa.nulls(len(frame), kind.arrow)
    if kind is ColumnType.INTEGER:
        floats = pd.to_numeric(frame[name]).to_numpy(dtype=float, na_value=np.nan)
        return pa.array(floats, from_pandas=True).cast(pa.int64())
    if kind is ColumnType.DECIMAL:
        return pa.array(frame[name].to_numpy(dtype=float, na_value=np.nan), from_pandas=True)
    return pa.array(frame[name].to_numpy(dtype=object), kind.arrow, from_pandas=True)


def _first_versions(rng: Rng, plan: Plan, calendar: Calendar, arrival: Ints, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that can be seen at all, with the period that first brings them: never before their patient's."""
    seen = frame[frame["day"] <= plan.seen_until[frame["who"]]]
    who, size = seen["who"].to_numpy(), len(seen)
    lag = np.where(chance(rng, _LATE, size), rng.integers(10, 75, size), rng.integers(0, 6, size))
    lag[(seen["day"] <= plan.discharge[who])] = 0
    period = np.maximum(calendar.first_period(plan, who, seen["day"].to_numpy() + lag), arrival[who])
    delivered: pd.DataFrame = seen.assign(period=period, deleted=False).loc[period <= calendar.last]
    return delivered


def _with_keys(rng: Rng, table: Table, plan: Plan, frame: pd.DataFrame, stays: Texts) -> pd.DataFrame:
    frame = frame.assign(patient_id=plan.key[frame["who"]])
    if table.name == "encounters":
        return frame.assign(encounter_id=stays[frame["stay"]])
    frame[table.key] = keys(rng, len(frame))
    if "stay" in frame:
        frame["encounter_id"] = only((frame["stay"] >= 0).to_numpy(), stays[frame["stay"]])
    return frame


def _later(rng: Rng, calendar: Calendar, period: pd.Series) -> Ints:
    """A period after each of the given ones, none of which is the last."""
    earlier = period.to_numpy(dtype=np.int64)
    return rng.integers(earlier + 1, calendar.last + 1)


def _corrected(
    rng: Rng, calendar: Calendar, frame: pd.DataFrame, mistake: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """Some rows come with a mistake first and are corrected later."""
    chosen = (frame["period"] < calendar.last).to_numpy() & chance(rng, _CORRECTED, len(frame))
    right = frame[chosen].assign(period=_later(rng, calendar, frame["period"][chosen]))
    return pd.concat([frame[~chosen], mistake(frame[chosen]), right], ignore_index=True)


def _withdrawn(rng: Rng, plan: Plan, calendar: Calendar, history: History) -> dict[str, pd.DataFrame]:
    """Rows sent by mistake and withdrawn later; left in place, each would change a label."""
    visits = history["follow_ups"]
    mistakes: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
        "follow_ups": lambda rows: rows.assign(neck_pain_nrs=9.0),
        "procedures": lambda rows: _at_visits(rows).assign(
            code_system=plan.profile.code_system,
            code="22551" if plan.profile.code_system == "CPT" else "0RG10A0",
            levels=_beside(rng, plan, rows),
        ),
        "imaging": lambda rows: _at_visits(rows).assign(
            modality="mri", level=_beside(rng, plan, rows), finding="stenosis", value=4.0, unit="grade"
        ),
    }
    after = ((visits["day"] > 0) & (visits["period"] < calendar.last)).to_numpy()
    return {
        name: _sent_and_withdrawn(rng, calendar, TABLES[name], mistake(visits.iloc[some(rng, after, _WITHDRAWN)]))
        for name, mistake in mistakes.items()
        if name in history
    }


def _at_visits(visits: pd.DataFrame) -> pd.DataFrame:
    return visits[["who", "day", "patient_id", "period", "deleted"]]


def _beside(rng: Rng, plan: Plan, visits: pd.DataFrame) -> Texts:
    return np.asarray(joints.TEXT[adjacent_joint(rng, plan.fused[visits["who"]])], dtype=object)


def _sent_and_withdrawn(rng: Rng, calendar: Calendar, table: Table, sent: pd.DataFrame) -> pd.DataFrame:
    sent = sent.assign(**{table.key: keys(rng, len(sent))})
    tombstones = sent[[table.key, "patient_id", "who"]].assign(
        period=_later(rng, calendar, sent["period"]), deleted=True
    )
    return pd.concat([sent, tombstones], ignore_index=True)


def _patient_versions(rng: Rng, plan: Plan, calendar: Calendar, arrival: Ints) -> pd.DataFrame:
    """Each submission brings the rows of all patients anew, except of those known to be dead before."""
    stale = chance(rng, 0.05, plan.size)
    unknown = chance(rng, 0.03, plan.size)
    complete = chance(rng, 0.75, plan.size) & plan.profile.has_treatments
    known_dead = np.zeros(plan.size, dtype=bool)
    versions = []
    for period, cut in enumerate(calendar.cuts):
        sent = np.flatnonzero((arrival <= period) & ~known_dead)
        cut_day = cut - plan.period_end
        contact = np.minimum(plan.lost, np.minimum(plan.death, cut_day))
        contact = np.where(unknown, np.nan, np.where(stale, contact * 4 // 5, contact))
        known_dead |= (plan.death <= cut_day) & (arrival <= period)
        rows = plan.traits.assign(
            patient_id=plan.key,
            data_cut_day=cut_day,
            last_contact_day=contact,
            death_day=np.where(plan.death <= cut_day, plan.death, np.nan),
            treatment_data_complete=complete,
            who=plan.everyone,
            period=period,
            deleted=False,
        )
        versions.append(rows.iloc[sent])
    return pd.concat(versions, ignore_index=True)


def _withdraw_patients(rng: Rng, plan: Plan, calendar: Calendar, arrival: Ints, history: History) -> History:
    """A few patients are withdrawn by the last submission, which then brings nothing else of them."""
    gone = some(rng, arrival < calendar.last, _WITHDRAWN_PATIENTS)
    kept = {
        name: frame[~(frame["who"].isin(gone) & (frame["period"] == calendar.last))] for name, frame in history.items()
    }
    tombstones = pd.DataFrame({"patient_id": plan.key[gone], "period": calendar.last, "deleted": True})
    return kept | {"patients": pd.concat([kept["patients"], tombstones], ignore_index=True)}


def _in_every_period(calendar: Calendar, history: History) -> pd.DataFrame:
    """The procedures, one of them sent again in a period that would bring none: every submission needs the table."""
    procedures, patients = history["procedures"], history["patients"]
    withdrawn = patients.loc[patients["deleted"].astype(bool), "patient_id"]
    steady = procedures[~procedures["patient_id"].isin(withdrawn)]
    steady = steady.drop_duplicates("procedure_id", keep=False).sort_values(["period", "procedure_id"])
    again = [
        steady[steady["period"] < period].head(1).assign(period=period)
        for period in range(1, calendar.last + 1)
        if not (procedures["period"] == period).any()
    ]
    return pd.concat([procedures, *again], ignore_index=True)
