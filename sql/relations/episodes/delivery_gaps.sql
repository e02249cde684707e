/*
title: Time for which a site left out a table that it delivers
rationale: >
  A submission in force that leaves a table out says nothing of the time since the submission before. An empty table
  counts as sent; a month that is sent again, and a full submission, close the gap.
grain: one row per site, contract table that it delivers and submission in force that leaves the table out
needs: [delivered_tables]
columns:
  period: the submission period
  sent_until: last day of the submission period before; null of the first one
  last_date: last day of the submission period
*/
with submitted as (
    select
        site_id, period, tables,
        last_day(cast(period || '-01' as date)) as last_date
    from submissions
    where status = 'accepted'
),

in_order as (
    select
        site_id, period, last_date,
        lag(last_date) over (partition by site_id order by period) as sent_until
    from submitted
),

counted as (
    select
        site_id, period,
        unnest(tables) as counts
    from submitted
),

sent as (
    select counted.site_id, counted.period, counted.counts.source_table
    from counted
)

select in_order.site_id, delivered_tables.source_table, in_order.period, in_order.sent_until, in_order.last_date
from in_order
inner join delivered_tables
    on in_order.site_id = delivered_tables.site_id
left join sent
    on
        in_order.site_id = sent.site_id
        and in_order.period = sent.period
        and delivered_tables.source_table = sent.source_table
where sent.source_table is null
