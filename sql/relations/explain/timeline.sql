/*
title: All that is known of a patient, in order of days
rationale: Read from the contract tables as the release saw them; explained_patient names one.
grain: one row per source record; the patient's own record gives one row for each of its days
needs: [patients, encounters, procedures, diagnoses, follow_ups, imaging, treatments, explained_patient]
columns:
  day: days since the index fusion, null when the record has none
  description: what the record says, in a few words
*/
with records as (
    select
        'patients' as source_table,
        patient_id as record_id,
        patient_id, site_id, submission_id,
        death_day as day,
        'died' as description
    from patients
    where death_day is not null
    union all
    select
        'patients' as source_table,
        patient_id as record_id,
        patient_id, site_id, submission_id,
        last_contact_day as day,
        'last contact' as description
    from patients
    where last_contact_day is not null
    union all
    select
        'patients' as source_table,
        patient_id as record_id,
        patient_id, site_id, submission_id,
        data_cut_day as day,
        'data cut' as description
    from patients
    where data_cut_day is not null
    union all
    select
        'encounters' as source_table,
        encounter_id as record_id,
        patient_id, site_id, submission_id,
        start_day as day,
        concat_ws(' ', type, 'to day ' || end_day) as description
    from encounters
    union all
    select
        'procedures' as source_table,
        procedure_id as record_id,
        patient_id, site_id, submission_id, day,
        concat_ws(
            ' ',
            code_system, code,
            'modifier ' || modifier,
            approach, levels,
            case when planned_stage then 'planned stage' end
        ) as description
    from procedures
    union all
    select
        'diagnoses' as source_table,
        diagnosis_id as record_id,
        patient_id, site_id, submission_id, day,
        concat_ws(' ', code_system, code) as description
    from diagnoses
    union all
    select
        'follow_ups' as source_table,
        follow_up_id as record_id,
        patient_id, site_id, submission_id, day,
        concat_ws(
            ', ',
            'neck pain ' || neck_pain_nrs,
            'arm pain ' || arm_pain_nrs,
            'NDI ' || ndi_total || ' ' || ndi_unit,
            'NDI pain item ' || ndi_item_1,
            'mJOA ' || mjoa_total,
            case when radiating_pain then 'radiating pain' end,
            case when numbness then 'numbness' end,
            'MRC ' || mrc_grade_min,
            case when occipital_headache then 'occipital headache' end
        ) as description
    from follow_ups
    union all
    select
        'imaging' as source_table,
        imaging_id as record_id,
        patient_id, site_id, submission_id, day,
        concat_ws(' ', modality, level, finding, value, unit) as description
    from imaging
    union all
    select
        'treatments' as source_table,
        treatment_id as record_id,
        patient_id, site_id, submission_id,
        start_day as day,
        concat_ws(' ', treatment_class, code_system, code, 'to day ' || end_day) as description
    from treatments
)

select
    records.day, records.source_table, records.record_id, records.description, records.submission_id
from records
inner join explained_patient
    on
        records.site_id = explained_patient.site_id
        and records.patient_id = explained_patient.patient_id
order by records.day, records.source_table, records.record_id, records.description
