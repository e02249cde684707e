/*
title: How far each headline share could be off
rationale: >
  Of those for whom nothing can be said, some have an answer that is not known, and all of it could be no or all yes.
  The others, dead or revised before the question or operated too lately for it, have none and are left out.
citation: Manski 1990, American Economic Review 80(2):319
grain: one row per headline measure and site (null = all)
needs: [measure_counts, measure_exclusions, measure_definitions]
columns:
  missing: patients whose answer is not known
  not_applicable: patients for whom there is none
*/
with unanswered as (
    select
        measure, site_id,
        coalesce(sum(patients) filter (where is_missing), 0) as missing,
        coalesce(sum(patients) filter (where not is_missing), 0) as not_applicable
    from measure_exclusions
    group by measure, site_id
),

counted as (
    select
        measure_counts.measure, measure_counts.site_id, measure_counts.numerator,
        measure_counts.patients,
        coalesce(unanswered.missing, 0) as missing,
        coalesce(unanswered.not_applicable, 0) as not_applicable
    from measure_counts
    inner join measure_definitions
        on
            measure_counts.measure = measure_definitions.measure
            and measure_definitions.headline is not null
    left join unanswered
        on
            measure_counts.measure = unanswered.measure
            and measure_counts.site_id is not distinct from unanswered.site_id
    where measure_counts.resolution = 'all' and measure_counts.stratum_kind = 'all'
)

select
    measure, site_id, numerator, patients,
    cast(missing as bigint) as missing,
    cast(not_applicable as bigint) as not_applicable,
    numerator / nullif(patients, 0) as share,
    numerator / nullif(patients + missing, 0) as share_if_missing_no,
    (numerator + missing) / nullif(patients + missing, 0) as share_if_missing_yes
from counted
