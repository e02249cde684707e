"""Who got better by enough to matter."""

import outcomes

with outcomes.connect() as con:
    responders = con.table("responders").df()

at_12_months = responders[responders["visit_window"] == "12_months"]
reached = at_12_months["reached_mcid"].astype("boolean").groupby(at_12_months["instrument"])
result = reached.agg(reached="sum", assessed="count", not_said=lambda told: told.isna().sum())
result["percent"] = (100 * result["reached"] / result["assessed"]).astype(float).round(1)
result = result.reset_index()
