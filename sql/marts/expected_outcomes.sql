/*
title: Expected probability of the headline outcomes
grain: one row per outcome and patient with a yes or a no
key: [measure, site_id, patient_id]
needs: [expected_outcomes]
columns:
  measure: {description: the outcome, enum: measures}
  site_id: the site
  patient_id: "the patient, a random key of the site"
  observed: {description: "1 with the outcome, 0 without", unit: patients}
  expected: {description: "probability of the outcome by the risk model, fitted to all patients", unit: fraction}
*/
select
    measure,
    site_id,
    patient_id,
    observed,
    expected
from expected_outcomes
order by measure, site_id, patient_id
