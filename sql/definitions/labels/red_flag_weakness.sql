/*
title: "Red flag: muscle weakness"
category: red flags
guide: Weakness of a muscle is a reason to call the surgeon right away.
definition: >
  After day 0, a code of muscle weakness; or a visit with muscle strength of MRC grade 4 or less, or a grade or more
  below the best earlier one, or with an mJOA score below the best earlier one by its minimal clinically important
  difference (1 when that was 15 or more, 2 from 12 to 14, 3 at 11 or less). The kind says which: code or measured.
rationale: >
  Earlier values include those before surgery: each patient is their own control. Any day counts, after a revision too.
citation: clinical specification, sections 1 and 4; mJOA thresholds after Tetreault 2015
grain: one row per episode and piece of evidence
version: 1
status: accepted
needs: [first_red_flags]
columns:
  onset_day: day of the first record that shows it
  value: the observed days of a no
ways:
  coded:
    - says: a code after day 0 of muscle weakness
      relation: red_flags
      where: flag = 'red_flag_weakness' and kind = 'code'
      record: record_id
  measured:
    - says: >-
        a visit after day 0 with muscle strength of grade {weakness_mrc_grade} or less or {weakness_mrc_fall} or more
        below the best earlier one, or mJOA below the best earlier one by its minimal clinically important difference
      relation: red_flags
      where: flag = 'red_flag_weakness' and kind = 'measured'
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
where flag = 'red_flag_weakness'
