/*
title: What became of each rule from one submission of a site to the next
rationale: >
  The latest submission in force is held against the one delivered before it: an earlier attempt of the same month, else
  the last attempt of the month before. Refused and withdrawn ones are left out, and those whose
  rows are damaged.
grain: one row per site and rule that one of the two broke
needs: [attempts, validation_results]
columns:
  history: new, persisting, resolved, or untested when the latest one gives the rule no row to check
  rows_failed: rows of the latest submission that broke the rule
  rows_failed_before: rows of the one before that broke it
*/
with delivered as (
    select
        site_id, submission_period, attempt, status,
        row_number() over (partition by site_id order by submission_period, attempt) as place
    from attempts
    where status in ('accepted', 'superseded')
),

latest as (
    select site_id, submission_period, attempt, place
    from delivered
    where status = 'accepted'
    qualify row_number() over (partition by site_id order by place desc) = 1
),

compared as (
    select
        latest.site_id, latest.submission_period, latest.attempt,
        before.submission_period as period_before,
        before.attempt as attempt_before
    from latest
    left join delivered as before
        on
            latest.site_id = before.site_id
            and latest.place = before.place + 1
),

judged as (
    select
        compared.site_id, compared.submission_period, compared.attempt, compared.period_before, compared.attempt_before,
        results.source_table, results.rule, results.severity, results.reason, results.rows_checked, results.rows_failed,
        cast(null as bigint) as rows_failed_before
    from compared
    inner join validation_results as results
        on
            compared.site_id = results.site_id
            and compared.submission_period = results.submission_period
            and compared.attempt = results.attempt
    union all
    select
        compared.site_id, compared.submission_period, compared.attempt, compared.period_before, compared.attempt_before,
        results.source_table, results.rule, results.severity, results.reason,
        cast(null as bigint) as rows_checked,
        cast(null as bigint) as rows_failed,
        results.rows_failed as rows_failed_before
    from compared
    inner join validation_results as results
        on
            compared.site_id = results.site_id
            and compared.period_before = results.submission_period
            and compared.attempt_before = results.attempt
),

-- The words for a rule may change from one version to the next: those of the latest submission stand, where it has any.
together as (
    select
        site_id, submission_period, attempt, period_before, attempt_before, source_table, rule,
        coalesce(max(severity) filter (where rows_checked is not null), max(severity)) as severity,
        coalesce(max(reason) filter (where rows_checked is not null), max(reason)) as reason,
        coalesce(max(rows_checked), 0) as rows_checked,
        coalesce(max(rows_failed), 0) as rows_failed,
        coalesce(max(rows_failed_before), 0) as rows_failed_before
    from judged
    group by site_id, submission_period, attempt, period_before, attempt_before, source_table, rule
)

select
    site_id, source_table, rule, severity, reason, submission_period, attempt, period_before, attempt_before,
    rows_failed, rows_failed_before,
    case
        when rows_failed > 0 and rows_failed_before > 0 then 'persisting'
        when rows_failed > 0 then 'new'
        when rows_checked > 0 then 'resolved'
        else 'untested'
    end as history
from together
where rows_failed > 0 or rows_failed_before > 0
