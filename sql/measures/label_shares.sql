/*
title: Share of patients for whom a label holds
rationale: >
  Every label has a row for all patients, for every site with an accepted submission and for every index year, zeros
  included, so that a hidden row of a site says nothing by being there.
grain: one row per label, breakdown and group
key: [breakdown, site_id, index_year, label]
needs: [labels, episodes, submissions]
columns:
  label: name of the definition
  breakdown: {description: how the patients are grouped, enum: [all, site, index_year]}
  site_id: "the site; null unless broken down by site"
  index_year: {description: "year of the index fusion; null unless broken down by it", unit: year}
  "yes": {description: patients for whom the label holds, unit: patients}
  "no": {description: patients for whom it does not hold, unit: patients}
  not_assessable: {description: patients for whom it cannot be said, unit: patients}
  assessed: {description: yes and no together, unit: patients}
  share: {description: yes among the assessed, unit: fraction}
  share_low: {description: "lower limit of the 95 % confidence interval (Wilson)", unit: fraction}
  share_high: {description: "upper limit of the 95 % confidence interval (Wilson)", unit: fraction}
  is_suppressed: counts are hidden to protect patients (neither zero nor missing)
*/
with judged as (
    select
        labels.label,
        case when labels.is_counted then labels.status else 'not_assessable' end as status,
        episodes.site_id,
        episodes.index_year
    from labels
    inner join episodes
        on
            labels.site_id = episodes.site_id
            and labels.patient_id = episodes.patient_id
),

names as (
    select distinct label
    from judged
),

patient_groups as (
    select
        'all' as breakdown,
        cast(null as varchar) as site_id,
        cast(null as integer) as index_year
    union all
    select distinct
        'site' as breakdown,
        site_id,
        cast(null as integer) as index_year
    from submissions
    where status = 'accepted'
    union all
    select distinct
        'index_year' as breakdown,
        cast(null as varchar) as site_id,
        index_year
    from episodes
)

select
    names.label,
    patient_groups.breakdown,
    patient_groups.site_id,
    patient_groups.index_year,
    count(*) filter (where judged.status = 'yes') as yes,
    count(*) filter (where judged.status = 'no') as no,
    count(*) filter (where judged.status = 'not_assessable') as not_assessable
from names
cross join patient_groups
left join judged
    on
        names.label = judged.label
        and (patient_groups.site_id is null or patient_groups.site_id = judged.site_id)
        and (patient_groups.index_year is null or patient_groups.index_year = judged.index_year)
group by names.label, patient_groups.breakdown, patient_groups.site_id, patient_groups.index_year
order by patient_groups.breakdown, patient_groups.site_id, patient_groups.index_year, names.label
