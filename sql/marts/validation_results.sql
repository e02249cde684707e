/*
title: Validation results
grain: one row per attempt and rule
key: [site_id, period, attempt, source_table, rule]
needs: [submissions]
columns:
  site_id: the site
  period: the month delivered, YYYY-MM
  attempt: {description: 1 = the first attempt for this site and period, unit: none}
  submission_id: names the submission by its content
  source_table: {description: contract table, enum: tables}
  rule: code of the rule
  severity:
    description: "critical sends the row to quarantine, warning flags it, info counts it"
    enum: [critical, warning, info]
  reason: what the rule asks for
  rows_checked: {description: rows that the rule was applied to, unit: rows}
  rows_failed: {description: rows that broke it, unit: rows}
*/
with judged as (
    select
        site_id,
        period,
        attempt,
        submission_id,
        unnest(rules) as result
    from submissions
)

select
    judged.site_id,
    judged.period,
    judged.attempt,
    judged.submission_id,
    judged.result.source_table,
    judged.result.rule,
    judged.result.severity,
    judged.result.reason,
    judged.result.rows_checked,
    judged.result.rows_failed
from judged
order by
    judged.site_id,
    judged.period,
    judged.attempt,
    judged.result.source_table,
    judged.result.rule
