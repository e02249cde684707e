"""Share of patients for whom a label holds."""

from statsmodels.stats.proportion import proportion_confint

import outcomes

with outcomes.connect() as con:
    labels = con.table("labels").df()

wanted = labels[labels["label"].isin(["pain_past_3_months", "suspected_asd", "revision_performed"])]
assessed = wanted[wanted["is_counted"]]
result = (
    assessed.assign(yes=assessed["status"] == "yes")
    .groupby("label")["yes"]
    .agg(yes="sum", assessed="count")
    .join(wanted.groupby("label")["is_counted"].agg(not_assessable=lambda counted: (~counted).sum()))
)
low, high = proportion_confint(result["yes"], result["assessed"], method="wilson")
result["percent"] = (100 * result["yes"] / result["assessed"]).round(1)
result["low"] = (100 * low).round(1)
result["high"] = (100 * high).round(1)
result = result.reset_index()
