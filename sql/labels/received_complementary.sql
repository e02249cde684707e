/*
title: "Received: acupuncture or chiropractic care"
guide: >
  Without another operation, acupuncture or chiropractic care may ease pain after a fusion.
definition: >
  At least one record of the class on a day after the index fusion: acupuncture or chiropractic manipulation; by
  code, or by class where the site codes so. A no needs the site to see all treatments of the patient.
rationale: >
  Often paid privately, so the share is a lower bound.
citation: clinical specification, section 5
grain: one row per episode and piece of evidence
version: 1
status: accepted
headline: false
needs: [received_care]
columns:
  onset_day: first day after the index fusion on which it was received
  value: number of records; of a no, the observed days
*/
select
    site_id,
    patient_id,
    status,
    reason,
    onset_day,
    value,
    value_name,
    kind,
    source_table,
    record_id
from received_care
where treatment_class = 'complementary'
