"""How much rests on a convention."""

import outcomes

with outcomes.connect() as con:
    sensitivity = con.table("sensitivity").df()

moved = sensitivity[(sensitivity["label"] == "pain_past_3_months") & (sensitivity["convention"] == "pain_nrs")]
result = moved.sort_values("setting").assign(percent=(100 * moved["share"]).round(1))
result = result[["setting", "is_default", "yes", "no", "not_assessable", "percent"]]
