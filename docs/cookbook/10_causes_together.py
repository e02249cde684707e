"""Suspected causes that come together."""

import outcomes

with outcomes.connect() as con:
    labels = con.table("labels").df()

patient = ["site_id", "patient_id"]
yes = labels[labels["status"] == "yes"]
in_pain = yes.loc[yes["label"] == "pain_past_3_months", patient]
causes = yes[yes["label"].str.startswith("suspected_")].merge(in_pain, on=patient)
causes["alone"] = causes.groupby(patient)["label"].transform("size") == 1
result = causes.groupby("label")["alone"].agg(patients="count", alone="sum").reset_index()
result["with_others"] = result["patients"] - result["alone"]
