"""Completeness of follow-up."""

import outcomes

with outcomes.connect() as con:
    windows = con.table("visit_windows").df()

windows = windows[windows["target_day"].between(0, 730) & windows["state"].isin(["done", "due", "lost"])]
result = (
    windows.assign(done=windows["state"] == "done", lost=windows["state"] == "lost")
    .groupby(["target_day", "visit_window"])
    .agg(expected=("state", "size"), done=("done", "sum"), lost=("lost", "sum"))
    .reset_index()
    .drop(columns="target_day")
)
result["percent_done"] = (100 * result["done"] / result["expected"]).round(1)
