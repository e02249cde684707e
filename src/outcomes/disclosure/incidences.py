"""Cumulative incidences at a horizon as they may be shown: what the protected curve says on that day, or coarse.

Where the curve of a group is shown on the day of a horizon, the share is the curve's: two pages never say different
things. Everywhere else (years, strata of a site, outcomes without a curve, days on which a curve is not shown) it is
told to the nearest step of the rounded counts, and so tells no more than they do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Floats, ratio
from outcomes.disclosure.suppression import ROUND_TO
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

    def shown(self, measures: pa.Table, exact: pa.Table) -> pa.Table:
        """The protected measures with the incidences that may be shown.

        Args:
            measures: protected.
            exact: the exact ones, in the same order.
        """
        is_incidence = pc.is_in(measures["measure"], pa.array([*self.horizons], pa.string())).to_numpy()
        patients = measures["patients"].fill_null(0).to_numpy()
        is_shown = is_incidence & (patients > 0)
        step = ratio(np.array(ROUND_TO), patients)
        at = {
            row["place"]: self.points[point]
            for row in self._with_curve(measures.append_column("place", pa.array(range(len(measures)))))
            if (point := self._point(row)) in self.points and is_shown[row["place"]]
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

    def _point(self, row: Mapping[str, Any]) -> _Point:
        horizon = self.horizons[str(row["measure"])]
        return (horizon.outcome, horizon.day, *(row[name] for name in GROUP))
