/*
title: Rules that rows broke
grain: one row per attempt and rule that at least one row broke
needs: [validation_results]
columns:
  rows_checked: rows of the table as delivered, whichever of them the rule was applied to
*/
with with_table_rows as (
    select
        site_id, submission_period, attempt, source_table, rule, severity, reason, rows_failed,
        max(rows_checked) over (partition by site_id, submission_period, attempt, source_table) as rows_checked
    from validation_results
)

select
    site_id, submission_period, attempt, source_table, rule, severity, reason, rows_checked,
    rows_failed
from with_table_rows
where rows_failed > 0
