/*
title: "Red flag: headache at the base of the skull"
category: red flags
guide: A headache at the base of the skull is a reason to call the surgeon right away.
definition: >
  After day 0, a code of headache, cervicogenic headache or occipital neuralgia; or a visit with a disability-index
  headache item of 3 or more, or with headache at the base of the skull. The kind says which: code or measured.
rationale: >
  Any day counts, after a revision too. The plain headache code names no place, so a code is the weaker kind.
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
    - says: a code after day 0 of headache, cervicogenic headache or occipital neuralgia
      relation: red_flags
      where: flag = 'red_flag_headache' and kind = 'code'
      record: record_id
  measured:
    - says: >-
        a visit after day 0 with a headache item of {headache_ndi_item} or more, or headache at the base of the skull
      relation: red_flags
      where: flag = 'red_flag_headache' and kind = 'measured'
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
where flag = 'red_flag_headache'
