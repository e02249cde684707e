/*
title: Why patients are not counted in a measure
rationale: A share without those whom it leaves out says less than it seems to.
grain: one row per measure, site and reason that is given anywhere for the measure
key: [measure, site_id, reason]
needs: [measure_exclusions, reasons]
columns:
  measure: {description: the measure, enum: measures}
  site_id: "the site; null when all sites together"
  reason:
    description: why the patient is not in the denominator
    enum:
      - died_before_window
      - revised_before_window
      - window_not_closed
      - no_follow_up
      - no_source_data
      - no_assessment_in_window
      - no_baseline
      - not_applicable
      - level_unknown
      - treatment_data_incomplete
      - not_revised
      - no_red_flag
      - no_pain_past_3_months
      - painful_before_revision
      - death_before_horizon
      - lost_before_horizon
  is_missing: the answer exists but is not known; false when the question does not apply or cannot be answered yet
  patients: {description: patients excluded for this reason, unit: patients}
*/
select
    measure_exclusions.measure,
    measure_exclusions.site_id,
    measure_exclusions.reason,
    reasons.is_missing,
    measure_exclusions.patients
from measure_exclusions
inner join reasons
    on measure_exclusions.reason = reasons.reason
order by measure_exclusions.measure, measure_exclusions.site_id, measure_exclusions.reason
