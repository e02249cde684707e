/*
title: Row conservation by table
grain: one row per attempt and contract table
key: [site_id, period, attempt, source_table]
needs: [submissions]
columns:
  site_id: the site
  period: the month delivered, YYYY-MM
  attempt: {description: 1 = the first attempt for this site and period, unit: none}
  source_table: {description: contract table, enum: tables}
  rows_in: {description: rows delivered, unit: rows}
  rows_accepted: {description: rows that entered the lake, unit: rows}
  rows_quarantined: {description: rows kept out, unit: rows}
*/
with counted as (
    select
        site_id,
        period,
        attempt,
        unnest(tables) as counts
    from submissions
)

select
    counted.site_id,
    counted.period,
    counted.attempt,
    counted.counts.source_table,
    counted.counts.rows_in,
    counted.counts.rows_accepted,
    counted.counts.rows_quarantined
from counted
order by counted.site_id, counted.period, counted.attempt, counted.counts.source_table
