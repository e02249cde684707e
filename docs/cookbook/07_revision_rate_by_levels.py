"""Rate of first revisions."""

import outcomes

with outcomes.connect() as con:
    episodes = con.table("episodes").df()

episodes["years"] = episodes["first_revision_day"].fillna(episodes["observed_days"]) / 365.25
by_levels = episodes.groupby("levels_band")
result = by_levels.agg(
    patients=("patient_id", "size"), revised=("first_revision_day", "count"), person_years=("years", "sum")
)
result["per_100_person_years"] = (100 * result["revised"] / result["person_years"]).round(2)
result["person_years"] = result["person_years"].round(1)
result = result.reset_index()
