/*
title: What each rule found in each attempt
grain: one row per attempt and rule
needs: [submissions]
columns:
  rows_checked: rows that the rule was applied to
*/
with judged as (
    select
        site_id,
        period as submission_period,
        attempt, submission_id,
        unnest(rules) as result
    from submissions
)

select
    judged.site_id, judged.submission_period, judged.attempt, judged.submission_id,
    judged.result.source_table, judged.result.rule, judged.result.severity, judged.result.reason,
    judged.result.rows_checked, judged.result.rows_failed
from judged
