/*
title: Rows of each contract table of each attempt
grain: one row per attempt and contract table
needs: [submissions]
columns:
  source_table: contract table
*/
with counted as (
    select
        site_id,
        period as submission_period,
        attempt,
        unnest(tables) as counts
    from submissions
)

select
    counted.site_id, counted.submission_period, counted.attempt, counted.counts.source_table,
    counted.counts.rows_in, counted.counts.rows_accepted, counted.counts.rows_quarantined
from counted
