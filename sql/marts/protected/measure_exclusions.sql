/*
title: Why patients are not counted in a measure, as it may be shown
grain: one row per measure and reason that is given anywhere for the measure, all sites together
key: [measure, reason]
needs: [measure_exclusions, protected_exclusions]
columns:
  measure: {description: name of the definition, enum: measures}
  reason: {description: why the patient is not in the denominator, enum: reasons.reason}
  state: {description: whether the count is hidden to protect patients, enum: [shown, zero, suppressed]}
  patients:
    description: >-
      patients excluded for this reason, to the nearest step of the threshold less one; null when suppressed
    unit: patients
*/
select
    measure,
    reason,
    state,
    patients
from protected_exclusions
order by measure, reason
