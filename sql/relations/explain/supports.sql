/*
title: Records that another record is judged with
rationale: >
  A record may count only because of another: a code beside a cervical one, weakness that was not there before surgery,
  a fusion that is of a nonunion because the diagnosis says so. The evidence of a label names the record that counted;
  this relation names the other, without which it would not have counted, or not so. What counted because something is
  absent has no such record.
citation: clinical specification, sections 2 to 6
grain: one row per label, record and record that it is judged with
needs: [labels, neck_operations, revision_procedures, revision_joints, coded_records, index_stay_records, cause_codes,
  cause_images, follow_up_scores, pain_assessments, pain_past_3_months, pain_after_revision, weak_visits, red_flags,
  adjacent_images, adjacent_looks, treatment_classes, care_before_revision, poor_outcomes,
  nearest_visits, episodes, thresholds]
columns:
  source_table: table of the record that counted
  record_id: the record that counted
  support_table: table of the other
  support_id: the other record
  says: what the other record tells
*/
with companions_of_operations as (
    select site_id, patient_id, source_table, record_id, encounter_id, day, list
    from coded_records
    where list in ('cervical_context', 'laminoplasty_companion')
    union all
    select
        site_id, patient_id,
        'procedures' as source_table,
        procedure_id as record_id,
        cast(null as varchar) as encounter_id,
        day,
        -- A fusion of the neck tells the region, and where it is of a fused joint also what new fixation is for.
        unnest(case when procedure_group = 'fusion' then ['cervical_context', 'index_refusion'] else ['device'] end)
            as list
    from neck_operations
    where procedure_group = 'fusion' or (is_device and (needs is null or levels is not null))
),

beside_operations as (
    select
        operations.site_id, operations.patient_id,
        '.*' as labels,
        'procedures' as source_table,
        operations.procedure_id as record_id,
        companions.source_table as support_table,
        companions.record_id as support_id,
        'tells where it was' as says
    from neck_operations as operations
    inner join companions_of_operations as companions
        on
            operations.site_id = companions.site_id
            and operations.patient_id = companions.patient_id
            and (operations.needs = companions.list or (operations.is_device and companions.list = 'device'))
            and (operations.day = companions.day or operations.encounter_id = companions.encounter_id)
    where not (operations.needs = 'cervical_context' and operations.levels is not null)
),

beside_codes as (
    select
        coded_records.site_id, coded_records.patient_id,
        '.*' as labels,
        coded_records.source_table, coded_records.record_id,
        companions.source_table as support_table,
        companions.record_id as support_id,
        'tells where it was' as says
    from coded_records
    inner join coded_records as companions
        on
            coded_records.needs = companions.list
            and coded_records.site_id = companions.site_id
            and coded_records.patient_id = companions.patient_id
            and (coded_records.day = companions.day or coded_records.encounter_id = companions.encounter_id)
    where coded_records.source_table = 'diagnoses' and companions.source_table = 'diagnoses'
),

diagnoses_of_revisions as (
    select
        revision_procedures.site_id, revision_procedures.patient_id,
        case coded_records.list
            when 'nonunion_diagnosis' then 'revision_nonunion|revision_performed|suspected_nonunion'
            else 'suspected_hardware_irritation'
        end as labels,
        'procedures' as source_table,
        revision_procedures.procedure_id as record_id,
        'diagnoses' as support_table,
        coded_records.record_id as support_id,
        'tells why it was done' as says
    from revision_procedures
    cross join thresholds
    inner join coded_records
        on
            revision_procedures.site_id = coded_records.site_id
            and revision_procedures.patient_id = coded_records.patient_id
            and coded_records.source_table = 'diagnoses'
            and coded_records.day >= 1
            and (
                (
                    coded_records.list = 'nonunion_diagnosis'
                    and revision_procedures.procedure_group in ('fusion', 'fixation_revision')
                )
                or (
                    coded_records.list = 'device_irritation'
                    and revision_procedures.procedure_group = 'hardware_removal'
                )
            )
    where
        revision_procedures.encounter_id = coded_records.encounter_id
        or revision_procedures.day between coded_records.day and coded_records.day + case coded_records.list
            when 'nonunion_diagnosis' then thresholds.nonunion_diagnosis_days
            else thresholds.irritation_diagnosis_days
        end
),

failures_at_revisions as (
    select
        revision_procedures.site_id, revision_procedures.patient_id,
        'revision_nonunion|revision_performed|suspected_nonunion' as labels,
        'procedures' as source_table,
        revision_procedures.procedure_id as record_id,
        'procedures' as support_table,
        coded_records.record_id as support_id,
        'tells that the fusion had failed' as says
    from revision_procedures
    inner join coded_records
        on
            revision_procedures.site_id = coded_records.site_id
            and revision_procedures.patient_id = coded_records.patient_id
            and revision_procedures.day = coded_records.day
            and coded_records.list = 'fusion_device_revision'
            and coded_records.source_table = 'procedures'
    where revision_procedures.procedure_group = 'fusion'
),

joints_fused_before as (
    select
        later.site_id, later.patient_id,
        'revision_nonunion|suspected_nonunion' as labels,
        'procedures' as source_table,
        later.procedure_id as record_id,
        'procedures' as support_table,
        earlier.procedure_id as support_id,
        'fused the adjacent joint first' as says
    from revision_joints as later
    inner join revision_joints as earlier
        on
            later.site_id = earlier.site_id
            and later.patient_id = earlier.patient_id
            and later.joint = earlier.joint
            and later.day > earlier.day
    where later.is_adjacent and later.procedure_group = 'fusion' and earlier.procedure_group = 'fusion'
),

visits_before as (
    select
        weak_visits.site_id, weak_visits.patient_id, weak_visits.follow_up_id,
        scores.follow_up_id as support_id,
        'tells the strength before' as says
    from weak_visits
    inner join follow_up_scores as scores
        on
            weak_visits.site_id = scores.site_id
            and weak_visits.patient_id = scores.patient_id
            and (
                (
                    weak_visits.measure = 'mrc_grade_min'
                    and scores.day <= 0
                    and weak_visits.value_before = scores.mrc_grade_min
                )
                or (
                    weak_visits.measure = 'mjoa'
                    and weak_visits.day > scores.day
                    and weak_visits.value_before = scores.mjoa
                )
            )
    union all
    select
        red_flags.site_id, red_flags.patient_id,
        red_flags.record_id as follow_up_id,
        scores.follow_up_id as support_id,
        'tells the motion before or after' as says
    from red_flags
    inner join follow_up_scores as scores
        on
            red_flags.flag = 'red_flag_limited_motion'
            and red_flags.source_table = 'follow_ups'
            and red_flags.site_id = scores.site_id
            and red_flags.patient_id = scores.patient_id
            and red_flags.day <> scores.day
            and scores.day > 0
            and scores.neck_rotation_deg is not null
    qualify
        dense_rank() over (
            partition by red_flags.site_id, red_flags.record_id, scores.day > red_flags.day
            order by abs(scores.day - red_flags.day)
        ) = 1
),

flagged_visits as (
    select
        site_id, patient_id,
        'red_flag_(weakness|limited_motion)|nerve_symptoms|imaging_or_visit_after_red_flag|(clinical|suspected)_asd|'
        || 'suspected_(nonunion|scar_tissue|hardware_irritation|posture)' as labels,
        'follow_ups' as source_table,
        follow_up_id as record_id,
        'follow_ups' as support_table,
        support_id, says
    from visits_before
),

compared_images as (
    select
        adjacent_images.site_id, adjacent_images.patient_id,
        '(radiographic|clinical|suspected)_asd' as labels,
        'imaging' as source_table,
        adjacent_images.imaging_id as record_id,
        'imaging' as support_table,
        imaging.imaging_id as support_id,
        'shows what was there before' as says
    from adjacent_images
    inner join adjacent_looks
        on
            adjacent_images.site_id = adjacent_looks.site_id
            and adjacent_images.patient_id = adjacent_looks.patient_id
    inner join imaging
        on
            adjacent_images.site_id = imaging.site_id
            and adjacent_images.patient_id = imaging.patient_id
            and case when adjacent_looks.has_baseline then 0 else adjacent_looks.first_day end >= imaging.day
            and (adjacent_looks.has_baseline or imaging.day >= 1)
),

measured_motion as (
    select
        images.site_id, images.patient_id,
        'suspected_nonunion' as labels,
        'imaging' as source_table,
        images.imaging_id as record_id,
        'imaging' as support_table,
        others.imaging_id as support_id,
        'makes the motion valid, or not' as says
    from cause_images as images
    inner join imaging as others
        on
            images.site_id = others.site_id
            and images.patient_id = others.patient_id
            and images.day = others.day
            and others.finding = 'superjacent_motion'
    where images.cause = 'nonunion' and images.finding = 'interspinous_motion'
),

conditions_before as (
    select
        cause_codes.site_id, cause_codes.patient_id,
        'suspected_unresolved_condition' as labels,
        'diagnoses' as source_table,
        cause_codes.diagnosis_id as record_id,
        'diagnoses' as support_table,
        earlier.record_id as support_id,
        'tells the condition before surgery' as says
    from cause_codes
    inner join coded_records as later
        on
            cause_codes.cause = 'unresolved_condition'
            and cause_codes.site_id = later.site_id
            and cause_codes.diagnosis_id = later.record_id
            and later.list = 'unresolved_condition'
    inner join coded_records as earlier
        on
            later.site_id = earlier.site_id
            and later.patient_id = earlier.patient_id
            and later.list = earlier.list
            and later.family = earlier.family
    left join index_stay_records
        on
            earlier.site_id = index_stay_records.site_id
            and earlier.source_table = index_stay_records.source_table
            and earlier.record_id = index_stay_records.record_id
    where earlier.source_table = 'diagnoses' and (earlier.day < 1 or index_stay_records.record_id is not null)
),

outcomes_before as (
    select
        poor_outcomes.site_id, poor_outcomes.patient_id,
        'suspected_unresolved_condition' as labels,
        'follow_ups' as source_table,
        poor_outcomes.follow_up_id as record_id,
        'follow_ups' as support_table,
        nearest_visits.follow_up_id as support_id,
        'is what it is compared with' as says
    from poor_outcomes
    inner join nearest_visits
        on
            poor_outcomes.site_id = nearest_visits.site_id
            and poor_outcomes.patient_id = nearest_visits.patient_id
            and nearest_visits.visit_window in ('baseline', '6_weeks')
),

courses as (
    select
        pain_past_3_months.site_id, pain_past_3_months.patient_id,
        'pain_past_3_months' as labels,
        'follow_ups' as source_table,
        pain_past_3_months.record_id,
        'follow_ups' as support_table,
        scores.follow_up_id as support_id,
        'tells the kind' as says
    from pain_past_3_months
    cross join thresholds
    inner join follow_up_scores as scores
        on
            pain_past_3_months.site_id = scores.site_id
            and pain_past_3_months.patient_id = scores.patient_id
            and thresholds.persistent_from_day <= scores.day
            and pain_past_3_months.onset_day > scores.day
            and coalesce(scores.neck_pain_nrs, scores.ndi_percent) is not null
    where pain_past_3_months.kind = 'persistent'
),

tried as (
    select
        counted.site_id, counted.patient_id,
        'conservative_care_before_revision' as labels,
        counted.source_table, counted.record_id,
        others.source_table as support_table,
        others.record_id as support_id,
        'was tried too' as says
    from care_before_revision as counted
    inner join care_before_revision as others
        on
            counted.site_id = others.site_id
            and counted.patient_id = others.patient_id
),

revised_before_pain as (
    select
        pain_after_revision.site_id, pain_after_revision.patient_id,
        'pain_after_revision' as labels,
        pain_after_revision.source_table, pain_after_revision.record_id,
        'procedures' as support_table,
        revision_procedures.procedure_id as support_id,
        'is the revision' as says
    from pain_after_revision
    inner join episodes
        on
            pain_after_revision.site_id = episodes.site_id
            and pain_after_revision.patient_id = episodes.patient_id
    inner join revision_procedures
        on
            episodes.site_id = revision_procedures.site_id
            and episodes.patient_id = revision_procedures.patient_id
            and episodes.first_revision_day = revision_procedures.day
),

early_therapy as (
    select
        cause_codes.site_id, cause_codes.patient_id,
        'suspected_posture' as labels,
        'diagnoses' as source_table,
        cause_codes.diagnosis_id as record_id,
        treatment_classes.source_table as support_table,
        treatment_classes.record_id as support_id,
        'is therapy, so that the code makes it possible only' as says
    from cause_codes
    cross join thresholds
    inner join treatment_classes
        on
            cause_codes.cause = 'posture'
            and cause_codes.site_id = treatment_classes.site_id
            and cause_codes.patient_id = treatment_classes.patient_id
            and treatment_classes.treatment_class = 'exercise_therapy'
            and treatment_classes.end_day >= 0
            and thresholds.no_therapy_until_day >= treatment_classes.start_day
),

supports as (
    select * from beside_operations
    union all
    select * from beside_codes
    union all
    select * from diagnoses_of_revisions
    union all
    select * from failures_at_revisions
    union all
    select * from joints_fused_before
    union all
    select * from flagged_visits
    union all
    select * from compared_images
    union all
    select * from measured_motion
    union all
    select * from conditions_before
    union all
    select * from outcomes_before
    union all
    select * from courses
    union all
    select * from tried
    union all
    select * from revised_before_pain
    union all
    select * from early_therapy
),

answered as (
    select distinct
        site_id, patient_id,
        cast(label as varchar) as label
    from labels
    where status = 'yes'
)

select
    supports.site_id, supports.patient_id, answered.label, supports.source_table, supports.record_id,
    supports.support_table, supports.support_id,
    min(supports.says) as says
from supports
inner join answered
    on
        supports.site_id = answered.site_id
        and supports.patient_id = answered.patient_id
        and regexp_full_match(answered.label, supports.labels)
where (supports.source_table, supports.record_id) <> (supports.support_table, supports.support_id)
group by
    supports.site_id, supports.patient_id, answered.label, supports.source_table, supports.record_id,
    supports.support_table, supports.support_id
