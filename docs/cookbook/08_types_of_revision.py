"""Types of revision."""

import outcomes

with outcomes.connect() as con:
    revisions = con.table("revisions").df()

result = (
    revisions[revisions["revision_number"] == 1]
    .groupby("type")["day"]
    .agg(first_revisions="count", median_day="median")
    .reset_index()
    .sort_values(["first_revisions", "type"], ascending=[False, True])
)
