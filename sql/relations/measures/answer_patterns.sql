/*
title: What patients report, counted by what tells whether those who did not answer were like those who did
rationale: The model of who answered is fitted to patterns in place of patients.
grain: one row per measure with a baseline score, site and pattern of `reported_answers`
needs: [reported_answers]
columns:
  "yes": patients with the outcome
  "no": patients without it
  missing: patients who could have answered and did not
*/
select
    measure, site_id, sex, age, age_known, approach, levels, baseline,
    count(*) filter (where status = 'yes') as yes,
    count(*) filter (where status = 'no') as no,
    count(*) filter (where status = 'missing') as missing
from reported_answers
group by measure, site_id, sex, age, age_known, approach, levels, baseline
