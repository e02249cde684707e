/*
title: How far each headline share could be off
rationale: >
  The true share lies between the two bounds, whatever became of those for whom nothing can be said. Patients to whom
  the question does not apply, or whose data end before it, are left out.
citation: Manski 1990, American Economic Review 80(2):319
grain: one row per headline measure and site
key: [measure, site_id]
needs: [share_bounds]
columns:
  measure: {description: the measure, enum: measures}
  site_id: "the site; null when all sites together"
  numerator: {description: patients with the outcome, unit: patients}
  patients: {description: patients in the denominator, unit: patients}
  missing: {description: patients whose answer is not known, unit: patients}
  not_applicable: {description: patients for whom there is no answer or none yet, unit: patients}
  share: {description: "numerator among patients; null without any", unit: fraction}
  share_if_missing_no: {description: the share if every missing answer were no, unit: fraction}
  share_if_missing_yes: {description: the share if every missing answer were yes, unit: fraction}
*/
select
    measure,
    site_id,
    numerator,
    patients,
    missing,
    not_applicable,
    share,
    share_if_missing_no,
    share_if_missing_yes
from share_bounds
order by measure, site_id
