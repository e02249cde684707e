"""Cumulative incidences at a horizon as they may be shown: what the protected curve says on that day, or coarse.

Where the curve of a group is shown on the day of a horizon, the share is the curve's: two pages never say different
things. What the curve shows is not hidden in the measures but protected by what is hidden around it; and what has to be
hidden in the measures is hidden in the curve. Everywhere else (years, strata of a site, outcomes without a curve, days
on which a curve is not shown) the share is told to the nearest step of the rounded counts, and so tells no more than
they do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Floats, ratio
from outcomes.disclosure.lattice import KEY
from outcomes.disclosure.measures import Cell
from outcomes.disclosure.suppression import ROUND_TO, hide
from outcomes.measures.curves import GROUP
from outcomes.sql.catalog.measures import Horizon

_ESTIMATES = {"estimate": "incidence", "estimate_low": "low", "estimate_high": "high"}
"""Columns of the measures, and those of the curves that say the same."""
_Point = tuple[Any, ...]


@dataclass(frozen=True)
class HorizonCurves:
    """The protected curves on the days of the horizons.

    Attributes:
        horizons: of each measure that has one.
        outcomes: those that have curves.
        points: incidence and limits by outcome, day and group, where they are shown.
    """

    horizons: Mapping[str, Horizon]
    outcomes: frozenset[str]
    points: Mapping[_Point, tuple[float | None, ...]]

    @classmethod
    def of(cls, curves: pa.Table, horizons: Mapping[str, Horizon]) -> "HorizonCurves":
        """Those of the mart `cumulative_incidence`, protected."""
        days = pa.array(sorted({horizon.day for horizon in horizons.values()}), pa.int64())
        outcomes = frozenset(pc.unique(curves["outcome"]).to_pylist())
        curves = curves.filter(pc.and_(pc.is_in(curves["day"], days), pc.equal(curves["state"], "shown")))
        places, values = (
            zip(*(curves[name].to_pylist() for name in names), strict=True)
            for names in (("outcome", "day", *GROUP), tuple(_ESTIMATES.values()))
        )
        return cls(horizons, outcomes, dict(zip(places, values, strict=True)))

    def counts_shown(self, measures: pa.Table) -> set[Cell]:
        """The cells of measures whose counts the curve of the group tells on the day of the horizon."""
        return {_cell(row) for row in self._with_curve(measures) if self._has_point(row)}

    def without_hidden(self, curves: pa.Table, measures: pa.Table) -> pa.Table:
        """The protected curves, suppressed on the days of horizons whose cell the protected measures suppress."""
        hidden = {self._point(row) for row in self._with_curve(measures) if row["state"] == "suppressed"}
        places = zip(*(curves[name].to_pylist() for name in ("outcome", "day", *GROUP)), strict=True)
        is_hidden = np.array([place in hidden for place in places], dtype=bool)
        is_hidden &= pc.equal(curves["state"], "shown").to_numpy()
        state = pc.if_else(pa.array(is_hidden), "suppressed", curves["state"])
        curves = hide(curves, ("at_risk", "events", *_ESTIMATES.values()), is_hidden)
        return curves.set_column(curves.schema.get_field_index("state"), "state", state)

    def shown(self, measures: pa.Table, exact: pa.Table) -> pa.Table:
        """The protected measures with the incidences that may be shown.

        Args:
            measures: protected, those with a curve hidden as far as `not_shown` says.
            exact: the exact ones, in the same order.
        """
        is_incidence = pc.is_in(measures["measure"], pa.array([*self.horizons], pa.string())).to_numpy()
        patients = measures["patients"].fill_null(0).to_numpy()
        is_shown = is_incidence & (patients > 0)
        step = ratio(np.array(ROUND_TO), patients)
        at = {
            row["place"]: self.points[self._point(row)]
            for row in self._with_curve(measures.append_column("place", pa.array(range(len(measures)))))
            if is_shown[row["place"]]
        }
        places = np.fromiter(at, dtype=np.intp, count=len(at))
        to_step = (np.round, np.floor, np.ceil)
        for number, name in enumerate(_ESTIMATES):
            steps: Floats = to_step[number](ratio(exact[name].fill_null(np.nan).to_numpy(), step))
            coarse = np.clip(steps * step, 0, 1)
            coarse[places] = np.array([values[number] for values in at.values()], dtype=np.float64)
            values = pc.if_else(
                pa.array(is_incidence), pa.array(coarse, mask=~is_shown | np.isnan(coarse)), measures[name]
            )
            measures = measures.set_column(measures.schema.get_field_index(name), name, values)
        return measures

    def _with_curve(self, measures: pa.Table) -> list[dict[str, Any]]:
        """The cells whose group has a curve: all patients, a site, a stratum of all."""
        measured = [measure for measure, horizon in self.horizons.items() if horizon.outcome in self.outcomes]
        has_curve = pc.and_(
            pc.and_(
                pc.equal(measures["resolution"], "all"), pc.is_in(measures["measure"], pa.array(measured, pa.string()))
            ),
            pc.or_(pc.is_null(measures["site_id"]), pc.equal(measures["stratum_kind"], "all")),
        )
        rows: list[dict[str, Any]] = measures.filter(has_curve).to_pylist()
        return rows

    def _has_point(self, row: Mapping[str, Any]) -> bool:
        return self._point(row) in self.points

    def _point(self, row: Mapping[str, Any]) -> _Point:
        horizon = self.horizons[str(row["measure"])]
        return (horizon.outcome, horizon.day, *(row[name] for name in GROUP))


def _cell(row: Mapping[str, Any]) -> Cell:
    return row["measure"], row["site_id"], tuple(row[name] for name in KEY)
