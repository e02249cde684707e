"""Disability over time."""

import outcomes

with outcomes.connect() as con:
    follow_ups = con.table("follow_ups").df()
    visit_windows = con.table("visit_windows").df()

keys = ["site_id", "follow_up_id"]
scores = follow_ups.dropna(subset="ndi_percent")[[*keys, "ndi_percent"]]
visits = visit_windows[visit_windows["target_day"] <= 730].merge(scores, on=keys)
result = (
    visits.groupby(["target_day", "visit_window"])["ndi_percent"]
    .agg(patients="count", mean_ndi="mean", sd_ndi="std")
    .round(1)
    .reset_index()
    .drop(columns="target_day")
)
