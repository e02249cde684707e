/*
title: All that is known of a patient, in order of days
rationale: >
  Read from the contract tables as the release saw them; explained_patient names one. Every column of a record that
  holds something is told, so that a sign that counted and one that did not can both be seen.
grain: one row per source record; the patient's own record gives one row for each of its days
needs: [patients, encounters, procedures, diagnoses, follow_ups, imaging, treatments, explained_patient]
columns:
  day: days since the index fusion, null when the record has none
  description: all that the record says
*/
with records as (
    select
        'patients' as source_table,
        patient_id as record_id,
        patient_id, site_id, submission_id,
        death_day as day,
        'died' as description,
        cast(null as varchar) as encounter_id
    from patients
    where death_day is not null
    union all
    select
        'patients' as source_table,
        patient_id as record_id,
        patient_id, site_id, submission_id,
        last_contact_day as day,
        'last contact' as description,
        cast(null as varchar) as encounter_id
    from patients
    where last_contact_day is not null
    union all
    select
        'patients' as source_table,
        patient_id as record_id,
        patient_id, site_id, submission_id,
        data_cut_day as day,
        'data cut' as description,
        cast(null as varchar) as encounter_id
    from patients
    where data_cut_day is not null
    union all
    select
        'encounters' as source_table,
        encounter_id as record_id,
        patient_id, site_id, submission_id,
        start_day as day,
        concat_ws(' ', type, 'to day ' || end_day) as description,
        cast(null as varchar) as encounter_id
    from encounters
    union all
    select
        'procedures' as source_table,
        procedure_id as record_id,
        patient_id, site_id, submission_id, day,
        concat_ws(
            ', ',
            concat_ws(' ', code_system, code, 'units ' || units, 'modifier ' || modifier, approach, levels),
            case when planned_stage then 'planned stage' when not planned_stage then 'not a planned stage' end,
            'surgeon ' || surgeon_id
        ) as description,
        encounter_id
    from procedures
    union all
    select
        'diagnoses' as source_table,
        diagnosis_id as record_id,
        patient_id, site_id, submission_id, day,
        concat_ws(', ', concat_ws(' ', code_system, code), 'position ' || position) as description,
        encounter_id
    from diagnoses
    union all
    select
        'follow_ups' as source_table,
        follow_up_id as record_id,
        patient_id, site_id, submission_id, day,
        concat_ws(
            ', ',
            'neck pain ' || neck_pain_nrs || ' of 10',
            'arm pain ' || arm_pain_nrs || ' of 10',
            'NDI ' || nullif(concat_ws(' ', cast(ndi_total as varchar), ndi_unit), ''),
            'NDI items: ' || nullif(concat_ws(
                ', ',
                'pain ' || ndi_item_1,
                'personal care ' || ndi_item_2,
                'lifting ' || ndi_item_3,
                'reading ' || ndi_item_4,
                'headaches ' || ndi_item_5,
                'concentration ' || ndi_item_6,
                'work ' || ndi_item_7,
                'driving ' || ndi_item_8,
                'sleeping ' || ndi_item_9,
                'recreation ' || ndi_item_10
            ), ''),
            'mJOA ' || mjoa_total || ' of 18',
            'mJOA arms ' || mjoa_upper_motor || ' of 5',
            'mJOA legs ' || mjoa_lower_motor || ' of 7',
            'mJOA hand sensation ' || mjoa_sensory || ' of 3',
            'mJOA bladder ' || mjoa_sphincter || ' of 3',
            'EQ-5D ' || eq5d_version,
            'EQ-5D levels: ' || nullif(concat_ws(
                ', ',
                'mobility ' || eq5d_1,
                'self-care ' || eq5d_2,
                'usual activities ' || eq5d_3,
                'pain or discomfort ' || eq5d_4,
                'anxiety or depression ' || eq5d_5
            ), ''),
            'EQ VAS ' || eq_vas || ' of 100',
            'PROMIS physical function ' || promis_pf_t,
            'PROMIS pain interference ' || promis_pi_t,
            'satisfaction ' || satisfaction || ' of 4',
            case when radiating_pain then 'radiating pain' when not radiating_pain then 'no radiating pain' end,
            case when numbness then 'numbness' when not numbness then 'no numbness' end,
            'MRC grade ' || mrc_grade_min,
            'neck rotation ' || neck_rotation_deg || ' degrees',
            case
                when occipital_headache then 'occipital headache'
                when not occipital_headache then 'no occipital headache'
            end,
            case when opioid_use then 'takes an opioid' when not opioid_use then 'takes no opioid' end,
            case when working then 'works' when not working then 'does not work' end
        ) as description,
        encounter_id
    from follow_ups
    union all
    select
        'imaging' as source_table,
        imaging_id as record_id,
        patient_id, site_id, submission_id, day,
        concat_ws(
            ' ',
            modality, level, finding,
            nullif(case when unit = 'grade' then concat_ws(' ', unit, value) else concat_ws(' ', value, unit) end, '')
        ) as description,
        cast(null as varchar) as encounter_id
    from imaging
    union all
    select
        'treatments' as source_table,
        treatment_id as record_id,
        patient_id, site_id, submission_id,
        start_day as day,
        concat_ws(' ', treatment_class, code_system, code, route, 'to day ' || end_day) as description,
        cast(null as varchar) as encounter_id
    from treatments
)

select
    records.day, records.source_table, records.record_id,
    concat_ws(
        ', ',
        -- A decimal that is whole reads as a whole number.
        nullif(regexp_replace(records.description, '([0-9])[.]0( |,|$)', '\1\2', 'g'), ''),
        'encounter ' || records.encounter_id
    ) as description,
    records.submission_id
from records
inner join explained_patient
    on
        records.site_id = explained_patient.site_id
        and records.patient_id = explained_patient.patient_id
order by records.day, records.source_table, records.record_id, records.description
