/*
title: Which sign of a visit a relation has read
rationale: >
  A visit tells many things, and a criterion that names several (pain or a red flag) does not say which of them this
  visit showed. Other records tell one thing each.
citation: clinical specification, sections 2 to 4
grain: one row per visit, relation that a criterion names, topic and sign
needs: [follow_up_scores, pain_assessments, red_flags, weak_visits, cause_symptoms, poor_outcomes, thresholds]
columns:
  relation: the relation of the labelling step that the sign has brought the visit into
  topic: of red_flags the flag, of cause_symptoms the cause, of follow_up_scores the column read; else null
  sign: what the visit shows, in words
*/
with flagged_visits as (
    select
        red_flags.flag, follow_up_scores.follow_up_id, follow_up_scores.radiating_pain,
        follow_up_scores.neck_rotation_deg, follow_up_scores.occipital_headache,
        follow_up_scores.ndi_headache_item,
        case
            when
                follow_up_scores.neck_pain_nrs >= thresholds.pain_nrs
                and follow_up_scores.arm_pain_nrs >= thresholds.pain_nrs
                then
                    'neck pain ' || follow_up_scores.neck_pain_nrs || ' of 10, arm pain '
                    || follow_up_scores.arm_pain_nrs || ' of 10'
        end as both_pains,
        follow_up_scores.ndi_headache_item >= thresholds.headache_ndi_item as has_headache_item
    from red_flags
    inner join follow_up_scores
        on
            red_flags.source_table = 'follow_ups'
            and red_flags.site_id = follow_up_scores.site_id
            and red_flags.record_id = follow_up_scores.follow_up_id
    cross join thresholds
),

flags as (
    select
        flag, follow_up_id,
        case flag
            when 'red_flag_radiating_pain'
                then
                    'radiating pain (red flag): '
                    || concat_ws(', ', case when radiating_pain then 'stated' end, both_pains)
            when 'red_flag_limited_motion'
                then 'limited motion (red flag): neck rotation ' || neck_rotation_deg || ' degrees'
            when 'red_flag_headache'
                then
                    'headache (red flag): ' || concat_ws(
                        ', ',
                        case when occipital_headache then 'occipital' end,
                        case when has_headache_item then 'NDI headache item ' || ndi_headache_item end
                    )
            else replace(replace(flag, 'red_flag_', ''), '_', ' ') || ' (red flag)'
        end as sign
    from flagged_visits
    where flag <> 'red_flag_weakness'
    union all
    select
        'red_flag_weakness' as flag,
        follow_up_id,
        case measure
            when 'mjoa' then 'weakness (red flag): mJOA ' || value || ' of 18, at best before ' || value_before
            else 'weakness (red flag): MRC grade ' || concat_ws(', ', value, 'before surgery ' || value_before)
        end as sign
    from weak_visits
),

complaints_told as (
    select
        follow_up_scores.follow_up_id,
        'neck pain ' || follow_up_scores.neck_pain_nrs || ' of 10' as sign
    from follow_up_scores
    cross join thresholds
    where follow_up_scores.neck_pain_nrs >= thresholds.pain_nrs
    union all
    select
        follow_up_scores.follow_up_id,
        'arm pain ' || follow_up_scores.arm_pain_nrs || ' of 10' as sign
    from follow_up_scores
    cross join thresholds
    where follow_up_scores.arm_pain_nrs >= thresholds.pain_nrs
    union all
    select follow_up_id, sign
    from flags
),

relations_of_pain as (
    select 'pain_assessments' as relation
    union all
    select 'pain_visits' as relation
    union all
    select 'pain_past_3_months' as relation
),

signs as (
    select
        'red_flags' as relation,
        flag as topic,
        follow_up_id, sign
    from flags
    union all
    select
        'symptomatic_images' as relation,
        cast(null as varchar) as topic,
        follow_up_id, sign
    from complaints_told
    union all
    select
        'cause_symptoms' as relation,
        cause_symptoms.cause as topic,
        complaints_told.follow_up_id, complaints_told.sign
    from cause_symptoms
    inner join complaints_told
        on
            cause_symptoms.source_table = 'follow_ups'
            and cause_symptoms.record_id = complaints_told.follow_up_id
            and cause_symptoms.cause <> 'unresolved_condition'
    union all
    select
        'cause_symptoms' as relation,
        'unresolved_condition' as topic,
        follow_up_id,
        'arm pain or mJOA not better than before surgery' as sign
    from poor_outcomes
    union all
    select
        relations_of_pain.relation,
        cast(null as varchar) as topic,
        pain_assessments.follow_up_id,
        case pain_assessments.value_name
            when 'neck_pain_nrs' then 'neck pain ' || pain_assessments.value || ' of 10'
            else 'NDI ' || round(pain_assessments.value, 1) || ' percent'
        end as sign
    from pain_assessments
    cross join relations_of_pain
    union all
    select
        'follow_up_scores' as relation,
        'arm_pain_nrs' as topic,
        follow_up_id,
        'arm pain ' || arm_pain_nrs || ' of 10' as sign
    from follow_up_scores
    where arm_pain_nrs is not null
    union all
    select
        'follow_up_scores' as relation,
        'opioid_use' as topic,
        follow_up_id,
        'takes an opioid' as sign
    from follow_up_scores
    where opioid_use
)

select distinct
    relation, topic,
    'follow_ups' as source_table,
    follow_up_id as record_id,
    -- A decimal that is whole reads as a whole number.
    regexp_replace(sign, '([0-9])[.]0( |,|$)', '\1\2', 'g') as sign
from signs
