/*
title: "Red flag: numbness or tingling"
category: red flags
guide: Numbness or tingling is a reason to call the surgeon right away.
definition: >
  After day 0, a code of lost, reduced or disturbed skin sensation; or a visit with numbness or tingling in a dermatome.
  The kind says which: code or measured.
rationale: >
  Any day counts, after a revision too. The codes name no body region, so a code is the weaker kind.
citation: clinical specification, sections 1 and 4
grain: one row per episode and piece of evidence
version: 1
status: accepted
needs: [first_red_flags]
columns:
  onset_day: day of the first record that shows it
  value: the observed days of a no
ways:
  coded:
    - says: a code after day 0 of lost, reduced or disturbed skin sensation
      relation: red_flags
      where: flag = 'red_flag_numbness' and kind = 'code'
      record: record_id
  measured:
    - says: a visit after day 0 with numbness
      relation: red_flags
      where: flag = 'red_flag_numbness' and kind = 'measured'
      record: record_id
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
from first_red_flags
where flag = 'red_flag_numbness'
