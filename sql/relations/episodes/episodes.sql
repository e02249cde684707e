/*
title: Episodes
rationale: One patient's index fusion, its stages, its strata and how long it was observed.
citation: clinical specification, section 0
grain: one row per patient in the cohort
needs: [accompanied_records, coded_records, cohort, index_stages, index_joints, observation, revisions, thresholds]
columns:
  index_levels: joints fused, null when not recorded
  level_count: number of joints fused, from the levels or else from codes that fix it
*/
with stages as (
    select
        site_id, patient_id,
        max(day) > 0 as is_staged,
        bool_or(approach in ('anterior', 'combined')) as is_anterior,
        bool_or(approach in ('posterior', 'combined')) as is_posterior
    from index_stages
    group by site_id, patient_id
),

-- Assistants bill what the surgeon bills. A primary code fuses its joints once a day however often it is billed; an
-- add-on once per unit, of which two surgeons who share the operation bill each the whole. One bill is not shared out,
-- since that of the other may be missing.
billed as (
    select
        index_stages.site_id, index_stages.patient_id, index_stages.approach, index_stages.code_system,
        index_stages.code, index_stages.day, index_stages.is_add_on, index_stages.joints,
        index_stages.joints * coalesce(index_stages.units, 1) as joints_by_unit,
        coalesce(index_stages.modifier = thresholds.two_surgeons_modifier, false) as is_shared
    from index_stages
    cross join thresholds
    where
        index_stages.modifier is null
        or concat(';', thresholds.assistant_modifiers, ';') not like concat('%;', index_stages.modifier, ';%')
),

counted_codes as (
    select
        site_id, patient_id, approach, code_system,
        max(joints) as joints
    from billed
    where not is_add_on
    group by site_id, patient_id, approach, code_system, code, day
    union all
    select
        site_id, patient_id, approach, code_system,
        case
            when count(*) = count(joints)
                then
                    coalesce(sum(joints_by_unit) filter (where not is_shared), 0)
                    + greatest(
                        coalesce(max(joints_by_unit) filter (where is_shared), 0),
                        (coalesce(sum(joints_by_unit) filter (where is_shared), 0) + 1) // 2
                    )
        end as joints
    from billed
    where is_add_on
    group by site_id, patient_id, approach, code_system
),

joints_of_system as (
    select
        site_id, patient_id, approach, code_system,
        case when count(*) = count(joints) then sum(joints) end as joint_count
    from counted_codes
    group by site_id, patient_id, approach, code_system
),

joints_of_approach as (
    select
        site_id, patient_id, approach,
        max(joint_count) as joint_count
    from joints_of_system
    group by site_id, patient_id, approach
),

coded_levels as (
    select
        site_id, patient_id,
        case when count(*) = count(joint_count) then max(joint_count) end as level_count
    from joints_of_approach
    group by site_id, patient_id
),

recorded_levels as (
    select
        site_id, patient_id,
        string_agg(joint, ';' order by position) as index_levels,
        count(*) as level_count
    from index_joints
    group by site_id, patient_id
),

index_encounters as (
    select distinct site_id, patient_id, encounter_id
    from index_stages
    where encounter_id is not null
),

strata as (
    select
        coded_records.site_id, coded_records.patient_id,
        bool_or(coded_records.list = 'trauma') as is_trauma,
        bool_or(coded_records.list = 'tumour') as is_tumour,
        bool_or(coded_records.list = 'infection') as is_infection
    from coded_records
    left join index_encounters
        on
            coded_records.site_id = index_encounters.site_id
            and coded_records.patient_id = index_encounters.patient_id
            and coded_records.encounter_id = index_encounters.encounter_id
    left join accompanied_records
        on
            coded_records.needs = accompanied_records.needs
            and coded_records.source_table = accompanied_records.source_table
            and coded_records.site_id = accompanied_records.site_id
            and coded_records.record_id = accompanied_records.record_id
    cross join thresholds
    where
        coded_records.list in ('trauma', 'tumour', 'infection')
        and coded_records.source_table = 'diagnoses'
        and (coded_records.needs is null or accompanied_records.record_id is not null)
        and (
            index_encounters.encounter_id is not null
            or (coded_records.day >= -thresholds.stratum_lookback_days and coded_records.day <= 0)
        )
    group by coded_records.site_id, coded_records.patient_id
),

first_revisions as (
    select
        site_id, patient_id,
        min(day) as first_revision_day
    from revisions
    group by site_id, patient_id
),

described as (
    select
        patients.*,
        coalesce(stages.is_staged, false) as is_staged,
        case
            when stages.is_anterior and stages.is_posterior then 'combined'
            when stages.is_anterior then 'anterior'
            when stages.is_posterior then 'posterior'
        end as approach,
        recorded_levels.index_levels,
        cast(coalesce(recorded_levels.level_count, coded_levels.level_count) as bigint) as level_count,
        coalesce(strata.is_trauma, false) as is_trauma,
        coalesce(strata.is_tumour, false) as is_tumour,
        coalesce(strata.is_infection, false) as is_infection,
        observation.observed_days,
        observation.data_cut_day as last_known_day,
        first_revisions.first_revision_day
    from patients
    inner join cohort
        on
            patients.site_id = cohort.site_id
            and patients.patient_id = cohort.patient_id
            and cohort.step is null
    left join stages
        on
            patients.site_id = stages.site_id
            and patients.patient_id = stages.patient_id
    inner join observation
        on
            patients.site_id = observation.site_id
            and patients.patient_id = observation.patient_id
    left join coded_levels
        on
            patients.site_id = coded_levels.site_id
            and patients.patient_id = coded_levels.patient_id
    left join recorded_levels
        on
            patients.site_id = recorded_levels.site_id
            and patients.patient_id = recorded_levels.patient_id
    left join strata
        on
            patients.site_id = strata.site_id
            and patients.patient_id = strata.patient_id
    left join first_revisions
        on
            patients.site_id = first_revisions.site_id
            and patients.patient_id = first_revisions.patient_id
)

select
    site_id, patient_id, index_period,
    cast(substr(index_period, 1, 4) as integer) as index_year,
    sex, age_years,
    case
        when age_years < 45 then 'under 45'
        when age_years < 65 then '45-64'
        when age_years >= 65 then '65 and over'
        else 'unknown'
    end as age_band,
    bmi, smoking, diabetes, asa_class, prior_cervical_surgery, indication, workers_compensation,
    preop_opioid_use, is_trauma, is_tumour, is_infection, approach, index_levels, level_count,
    case
        when level_count >= 3 then '3+'
        else coalesce(cast(level_count as varchar), 'unknown')
    end as levels_band,
    is_staged, observed_days,
    last_known_day as data_cut_day,
    death_day, first_revision_day, treatment_data_complete
from described
