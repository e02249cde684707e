/*
title: Rows of each contract table of each attempt
grain: one row per attempt and contract table
needs: [submissions]
columns:
  source_table: contract table
  cells_blanked: cells of the accepted rows that were set to missing; the rows stay accepted
*/
with counted as (
    select
        site_id,
        period as submission_period,
        attempt,
        unnest(tables) as counts
    from submissions
),

listed as (
    select
        site_id,
        period as submission_period,
        attempt,
        unnest(blanked) as lost
    from submissions
),

lost_by_table as (
    select
        listed.site_id, listed.submission_period, listed.attempt, listed.lost.source_table,
        sum(listed.lost.cells) as cells
    from listed
    group by listed.site_id, listed.submission_period, listed.attempt, listed.lost.source_table
)

select
    counted.site_id, counted.submission_period, counted.attempt, counted.counts.source_table,
    counted.counts.rows_in, counted.counts.rows_accepted, counted.counts.rows_quarantined,
    coalesce(counted.counts.rows_pending, 0) as rows_pending,
    cast(coalesce(lost_by_table.cells, 0) as bigint) as cells_blanked
from counted
left join lost_by_table
    on
        counted.site_id = lost_by_table.site_id
        and counted.submission_period = lost_by_table.submission_period
        and counted.attempt = lost_by_table.attempt
        and counted.counts.source_table = lost_by_table.source_table
