"""Patients by approach."""

import outcomes

with outcomes.connect() as con:
    episodes = con.table("episodes").df()

episodes["percent_female"] = 100 * episodes["sex"].map({"female": 1, "male": 0})
episodes["percent_smoking"] = 100 * episodes["smoking"].map({"current": 1, "former": 0, "never": 0})
levels = episodes["level_count"]
episodes["percent_two_or_more_levels"] = 100 * (levels >= 2).astype(float).where(levels.notna())
result = (
    episodes.groupby("approach")
    .agg(
        patients=("patient_id", "size"),
        mean_age=("age_years", "mean"),
        percent_female=("percent_female", "mean"),
        percent_smoking=("percent_smoking", "mean"),
        percent_two_or_more_levels=("percent_two_or_more_levels", "mean"),
    )
    .round(1)
    .reset_index()
)
