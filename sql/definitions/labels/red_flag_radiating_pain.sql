/*
title: "Red flag: pain spreading to the shoulder or arm"
category: red flags
guide: Burning pain that spreads to the shoulder or arm is a reason to call the surgeon right away.
definition: >
  After day 0, a code of nerve-root, shoulder or arm pain; or a visit with neck and arm pain both 4 or more, or with
  burning pain that spreads to the shoulder or arm. The kind says which: code or measured.
rationale: >
  Any day counts, after a revision too: the guide asks for a call whenever it happens. Codes of pain in a limb do not
  all tell arm from leg, so a code is the weaker kind.
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
    - says: a code after day 0 of nerve-root, shoulder or arm pain
      relation: red_flags
      where: flag = 'red_flag_radiating_pain' and kind = 'code'
      record: record_id
  measured:
    - says: a visit after day 0 with neck and arm pain both {pain_nrs} or more, or radiating pain
      relation: red_flags
      where: flag = 'red_flag_radiating_pain' and kind = 'measured'
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
where flag = 'red_flag_radiating_pain'
