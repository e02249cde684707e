/*
title: Rules that rows broke
rationale: >
  Rows checked is the whole delivered table: where a rule was applied only to rows that passed another one, the
  difference would tell how many failed that one.
grain: one row per attempt and rule that at least one row broke
key: [site_id, period, attempt, source_table, rule]
needs: [submissions]
columns:
  site_id: the site
  period: the month delivered, YYYY-MM
  attempt: {description: 1 = the first attempt for this site and period, unit: none}
  source_table: {description: contract table, enum: tables}
  rule: code of the rule
  severity:
    description: "critical sends the row to quarantine, warning flags it, info counts it"
    enum: [critical, warning, info]
  reason: what the rule asks for
  rows_checked: {description: rows of the table as delivered, unit: rows}
  rows_failed: {description: rows that broke the rule, unit: rows}
  is_suppressed: counts are hidden to protect patients (neither zero nor missing)
*/
with judged as (
    select
        site_id,
        period,
        attempt,
        unnest(rules) as result
    from submissions
),

with_table_rows as (
    select
        judged.site_id,
        judged.period,
        judged.attempt,
        judged.result.source_table,
        judged.result.rule,
        judged.result.severity,
        judged.result.reason,
        judged.result.rows_failed,
        max(judged.result.rows_checked) over (
            partition by judged.site_id, judged.period, judged.attempt, judged.result.source_table
        ) as rows_checked
    from judged
)

select
    site_id,
    period,
    attempt,
    source_table,
    rule,
    severity,
    reason,
    rows_checked,
    rows_failed
from with_table_rows
where rows_failed > 0
order by site_id, period, attempt, source_table, rule
