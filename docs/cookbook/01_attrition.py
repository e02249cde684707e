"""From delivered patients to the cohort."""

import outcomes

with outcomes.connect() as con:
    attrition = con.table("attrition").df()

result = attrition.groupby(["step", "reason"], as_index=False)[["patients_out", "patients_left"]].sum()
