"""Time from first red flag to imaging."""

import outcomes

with outcomes.connect() as con:
    labels = con.table("labels").df()
    events = con.table("events").df()

patient = ["site_id", "patient_id"]
flags = labels[(labels["status"] == "yes") & labels["label"].str.startswith("red_flag_")]
flagged = flags.groupby(patient, as_index=False).agg(flag_day=("onset_day", "min"))
images = events.loc[events["kind"] == "image", [*patient, "day"]].merge(flagged, on=patient)
images["days"] = images["day"] - images["flag_day"]
first = images[images["days"] > 0].groupby(patient, as_index=False)["days"].min()
waited = flagged.merge(first, on=patient, how="left")
waited["within"] = waited["days"] <= 30
result = (
    waited.groupby("site_id")
    .agg(
        flagged=("patient_id", "size"),
        imaged=("days", "count"),
        within_30_days=("within", "sum"),
        median_days=("days", "median"),
    )
    .reset_index()
)
