/*
title: "Red flag: limited range of motion"
category: red flags
guide: A neck that moves less than before is a reason to call the surgeon right away.
definition: >
  After day 0, a code of torticollis or joint stiffness; or a visit with neck rotation at least 10 degrees below the
  best earlier value after surgery. The kind says which: code or measured.
rationale: >
  The fusion itself removes motion, so values before surgery do not compare. The 10 degrees are a project convention:
  the specification names no size.
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
    - says: a code after day 0 of torticollis or joint stiffness
      relation: red_flags
      where: flag = 'red_flag_limited_motion' and kind = 'code'
      record: record_id
  measured:
    - says: a visit with neck rotation {rotation_fall_deg} degrees or more below the best earlier one after surgery
      relation: red_flags
      where: flag = 'red_flag_limited_motion' and kind = 'measured'
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
where flag = 'red_flag_limited_motion'
