/*
title: Cells that were set to missing in each accepted attempt
grain: one row per attempt, rule and column
needs: [submissions, table_counts, validation_results]
columns:
  column_name: the column whose cells were set to missing
  rows_in: rows of the table as delivered
  cells: cells of accepted rows that were set to missing
*/
with counted as (
    select
        site_id,
        period as submission_period,
        attempt, submission_id,
        unnest(blanked) as lost
    from submissions
)

select
    counted.site_id, counted.submission_period, counted.attempt, counted.submission_id, counted.lost.source_table,
    counted.lost.rule,
    counted.lost.column_name,
    validation_results.reason, table_counts.rows_in,
    counted.lost.cells
from counted
inner join validation_results
    on
        counted.site_id = validation_results.site_id
        and counted.submission_period = validation_results.submission_period
        and counted.attempt = validation_results.attempt
        and counted.lost.source_table = validation_results.source_table
        and counted.lost.rule = validation_results.rule
inner join table_counts
    on
        counted.site_id = table_counts.site_id
        and counted.submission_period = table_counts.submission_period
        and counted.attempt = table_counts.attempt
        and counted.lost.source_table = table_counts.source_table
