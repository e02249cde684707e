"""Who did not answer."""

import outcomes

with outcomes.connect() as con:
    shares = con.table("missing_answers").df()

shares = shares[shares["measure"] == "improved_ndi_12_months"].sort_values("site_id", na_position="last")
result = shares.assign(site=shares["site_id"].fillna("all"))[["site", "answered", "not_answered"]]
for name, column in {
    "percent": "share",
    "if_all_no": "share_if_missing_no",
    "if_all_yes": "share_if_missing_yes",
    "weighted": "weighted_share",
    "weighted_low": "weighted_low",
    "weighted_high": "weighted_high",
}.items():
    result[name] = (100 * shares[column]).round(1)
