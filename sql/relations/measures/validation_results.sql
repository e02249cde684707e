/*
title: What each rule found in each attempt
grain: one row per attempt and rule
needs: [submissions]
columns:
  rows_checked: rows that the rule applies to
  outcome: passed, failed, or not_applicable when the rule applies to no row
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
    judged.result.rows_checked, judged.result.rows_failed,
    case
        when judged.result.rows_checked = 0 then 'not_applicable'
        when judged.result.rows_failed > 0 then 'failed'
        else 'passed'
    end as outcome
from judged
