"""Score trajectories in the form that may be shown."""

import pyarrow as pa
import pyarrow.compute as pc

from outcomes.disclosure.suppression import hide, with_state

_QUARTILES = ("lower_quartile", "median", "upper_quartile")
_STEPS_PER_POINT = {"neck_pain_nrs": 2.0, "arm_pain_nrs": 2.0, "eq5d_index": 20.0}
"""How finely an instrument is shown; all others to points."""


def protected_trajectories(trajectories: pa.Table, minimum_cell_count: int) -> pa.Table:
    """The quartiles over all sites, rounded, where each of the four quarters holds enough patients."""
    shown = trajectories.filter(pc.is_null(trajectories["site_id"]))
    patients = shown["patients"].to_numpy()
    hidden = (patients > 0) & (patients < 4 * minimum_cell_count)
    steps = pa.array([_STEPS_PER_POINT.get(instrument, 1.0) for instrument in shown["instrument"].to_pylist()])
    rounded = {name: pc.divide(_nearest(pc.multiply(shown[name], steps)), steps) for name in _QUARTILES}
    rounded["patients"] = pc.multiply(_nearest(pc.divide(patients, 10.0)), 10.0).cast(pa.int64())
    for name, values in rounded.items():
        shown = shown.set_column(shown.schema.get_field_index(name), name, values)
    return with_state(hide(shown, rounded, hidden), hidden, missing=patients == 0)


def _nearest(values: pa.Array) -> pa.Array:
    return pc.round(values, round_mode="half_towards_infinity")
