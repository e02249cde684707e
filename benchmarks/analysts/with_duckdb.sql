-- The headline labels in one statement of plain DuckDB: patients numbered so that joins are quick, each file read once.
with patients as materialized (
    select
        *, cast(row_number() over () as integer) as patient,
        cast(index_period || case when length(index_period) = 4 then '-01-01' else '-01' end as date) as earliest,
        last_day(cast(index_period || case when length(index_period) = 4 then '-12-01' else '-01' end as date)) as latest
    from read_csv('{folder}/patients.csv', types = {{'index_period': 'varchar'}})
),

-- Up to each patient's data cut.
encounters as (
    select
        patient, data_cut_day, encounter_id, start_day as day, type,
        case when coalesce(end_day <= data_cut_day, true) then end_day end as end_day
    from read_csv('{folder}/encounters.csv') inner join patients using (site_id, patient_id)
    where coalesce(start_day <= data_cut_day, true)
),

procedures as materialized (
    select
        patient, earliest, latest, cast(row_number() over () as integer) as record, encounter_id, day, code_system,
        code, modifier, levels, coalesce(planned_stage, false) as planned_stage
    from read_csv('{folder}/procedures.csv', types = {{'code': 'varchar', 'modifier': 'varchar', 'levels': 'varchar'}})
    inner join patients using (site_id, patient_id)
    where coalesce(day <= data_cut_day, true)
),

diagnoses as materialized (
    select
        patient, earliest, latest, cast(row_number() over () as integer) as record, encounter_id, day, code_system, code
    from read_csv('{folder}/diagnoses.csv', types = {{'code': 'varchar'}})
    inner join patients using (site_id, patient_id)
    where coalesce(day <= data_cut_day, true)
),

follow_ups as (
    select * from read_csv('{folder}/follow_ups.csv') inner join patients using (site_id, patient_id)
    where coalesce(day <= data_cut_day, true)
),

imaging as (
    select patient, day, level, finding, value, unit
    from read_csv('{folder}/imaging.csv') inner join patients using (site_id, patient_id)
    where coalesce(day <= data_cut_day, true)
),

latest_records as (
    select patient, max(day) as day
    from (
        select patient, greatest(day, case when data_cut_day is not null then end_day end) as day from encounters
        union all
        select patient, day from procedures
        union all
        select patient, day from diagnoses
        union all
        select patient, day from follow_ups
        union all
        select patient, day from imaging
        union all
        select patient, start_day from read_csv('{folder}/treatments.csv') inner join patients using (site_id, patient_id)
        where coalesce(start_day <= data_cut_day, true)
    )
    group by patient
),

observed as (
    select
        patient, coalesce(greatest(last_contact_day, latest_records.day), 0) as last_sign,
        coalesce(data_cut_day, last_sign) as last_known_day, least(last_sign, data_cut_day, death_day) as observed_days
    from patients left join latest_records using (patient)
),

-- Codes that a code list knows, on the days on which they were valid.
code_lists as (
    select *
    from read_csv('{lists}/*.csv', union_by_name = true, all_varchar = true)
),

matches as (
    select
        codes.code_system, codes.code, list, is_add_on = 'true' as is_add_on, procedure_group, needs, joint,
        max(cast(valid_from as date)) over (partition by codes.code_system, codes.code) as valid_from,
        min(cast(valid_to as date)) over (partition by codes.code_system, codes.code) as valid_to
    from (
        select code_system, code from procedures
        union
        select code_system, code from diagnoses
    ) as codes
    inner join code_lists
        on codes.code_system = system
        and case when is_prefix = 'true' then starts_with(codes.code, replace(code_lists.code, '.', ''))
            else codes.code = replace(code_lists.code, '.', '') end
        and (seventh_characters is null or (length(codes.code) = 7 and contains(seventh_characters, codes.code[7])))
),

coded_procedures as (
    select
        patient, record, encounter_id, day, code_system, code, modifier, levels, planned_stage, list, is_add_on,
        procedure_group, needs
    from procedures inner join matches using (code_system, code)
    where coalesce(day >= valid_from - latest, true) and coalesce(day <= valid_to - earliest, true)
),

coded_diagnoses as (
    select patient, record, encounter_id, day, list, needs, joint
    from diagnoses inner join matches using (code_system, code)
    where coalesce(day >= valid_from - latest, true) and coalesce(day <= valid_to - earliest, true)
),

-- A code of a further joint of any region counts beside a fusion of the neck, or with its joint.
fusions as (
    select *
    from coded_procedures
    where list = 'cervical_fusion'
    qualify needs is null or levels is not null or bool_or(needs is null) over (partition by patient, day)
),

other_fusions as (
    select patient, min(day) as first_day from coded_procedures where list = 'other_region_fusion' group by patient
),

-- Fused on day 0, with nothing that tells of an earlier fusion of the neck.
cohort as (
    select patient from fusions where day = 0 and not is_add_on
    except
    select patient from fusions where day < 0
    except
    select patient from coded_diagnoses left join other_fusions using (patient)
    where
        list = 'arthrodesis_status' and day between -{arthrodesis_lookback_days} and -1
        and coalesce(day < first_day, true)
),

-- The stay of the index fusion goes on through stays that touch.
named as (
    select distinct patient, encounter_id from fusions where day = 0 and encounter_id is not null
),

stays as (
    select patient, encounter_id, day, greatest(day, end_day) as end_day
    from encounters
    semi join cohort using (patient)
    left join (select *, true as is_named from named) using (patient, encounter_id)
    where type = 'inpatient' or is_named
),

reached as (
    select
        *, max(end_day) over (
            partition by patient order by day, end_day, encounter_id rows between unbounded preceding and 1 preceding
        ) as reached_day
    from stays
),

chained as (
    select
        *, count(*) filter (where coalesce(day > reached_day, true)) over (
            partition by patient order by day, end_day, encounter_id rows unbounded preceding
        ) as chain
    from reached
),

index_chains as (
    select patient, chain, max(end_day) as last_day
    from chained
    group by patient, chain
    having min(day) <= 0 and max(end_day) >= 0
),

index_encounters as (
    select patient, encounter_id from named
    union
    select patient, encounter_id from chained semi join index_chains using (patient, chain)
),

of_index_stay as (
    select distinct source, record
    from (
        select 'procedures' as source, patient, record, encounter_id, day from coded_procedures
        union all
        select 'diagnoses' as source, patient, record, encounter_id, day from coded_diagnoses
    )
    semi join cohort using (patient)
    left join (select patient, last_day from index_chains) using (patient)
    left join (select *, true as is_of_stay from index_encounters) using (patient, encounter_id)
    left join (select patient, encounter_id, true as is_known from encounters) using (patient, encounter_id)
    where day >= 0 and (is_of_stay or (day <= coalesce(last_day, 0) and is_known is null))
),

-- Operations from day 0 on, each a stage of the index fusion or not. Who assists may not have named the joints.
bills as (
    select patient, day, code_system, code, string_agg(distinct levels, ';') as billed_levels
    from procedures
    where levels is not null
    group by all
),

operations as (
    select
        listed.*, listed.levels as own_levels,
        coalesce(
            listed.levels,
            case
                when listed.modifier in ({assistants})
                    then (
                        select billed_levels from bills
                        where
                            bills.patient = listed.patient and bills.day = listed.day
                            and bills.code_system = listed.code_system and bills.code = listed.code
                    )
            end
        ) as joints_named,
        record in (select record from coded_procedures where list = 'device_revision') as is_device,
        planned_stage or coalesce(modifier = '{planned_stage_modifier}', false) as is_planned,
        coalesce(modifier = '{unplanned_return_modifier}', false) as is_unplanned,
        record in (select record from of_index_stay where source = 'procedures') as is_of_stay
    from (
        select patient, record, encounter_id, day, code_system, code, modifier, levels, planned_stage, 'fusion' as kind, null as context
        from fusions
        union
        select patient, record, encounter_id, day, code_system, code, modifier, levels, planned_stage, procedure_group, needs
        from coded_procedures
        where list = 'revision'
    ) as listed
    semi join cohort using (patient)
    where day >= 0
),

staged as (
    select
        *, not is_unplanned and (day = 0 or not is_device or is_planned) as may_be_stage,
        day = 0 or is_of_stay or (day <= {stage_days} and is_planned) as belongs,
        may_be_stage
        and (belongs or bool_or(kind = 'fusion' and may_be_stage and belongs) over (partition by patient, day)) as is_stage
    from operations
),

joints as (
    from read_csv('{reference}/joints.csv')
),

index_joints as (
    select distinct patient, position
    from (select patient, unnest(string_split(own_levels, ';')) as joint from staged where kind = 'fusion' and is_stage)
    inner join joints using (joint)
),

-- Revisions: no stage, and of the neck by their code, their joints or what was coded with them.
candidates as (
    select *, joints_named as named_joints from staged where not is_stage
),

joints_of_candidates as (
    select patient, record, kind, day, position
    from (select *, unnest(string_split(named_joints, ';')) as joint from candidates)
    inner join joints using (joint)
),

companions as (
    select patient, encounter_id, day, list from coded_diagnoses where list = 'cervical_context'
    union all
    select patient, encounter_id, day, list from coded_procedures where list = 'laminoplasty_companion'
    union all
    select patient, null, day, 'cervical_context' from staged where kind = 'fusion'
    union all
    select patient, null, day, 'device' from staged where is_device and (context is null or joints_named is not null)
    union all
    select patient, null, day, 'index_refusion'
    from joints_of_candidates semi join index_joints using (patient, position)
    where kind = 'fusion'
),

accompanied as (
    select distinct candidates.record
    from candidates
    inner join companions
        on candidates.patient = companions.patient
        and (candidates.context = list or (candidates.is_device and list = 'device'))
        and (candidates.day = companions.day or candidates.encounter_id = companions.encounter_id)
),

revisions as (
    select
        patient, record, day, kind,
        case
            when context is null or record in (from accompanied)
                or (context = 'cervical_context' and joints_named is not null)
                then kind
            when context = 'cervical_context' and is_device and patient not in (select patient from other_fusions)
                then 'hardware_removal_region_unknown'
        end as revised
    from candidates
),

first_revisions as (
    select patient, min(day) as first_revision_day from revisions where revised is not null group by patient
),

-- Joints next to fused ones, or between them, without a diagnosis before surgery.
diagnosed as (
    select
        patient, record, day, position,
        day < 1 or record in (select record from of_index_stay where source = 'diagnoses') as is_before
    from coded_diagnoses semi join cohort using (patient) left join joints using (joint)
    where list = 'adjacent_segment'
),

adjacent as (
    select bounds.patient, joints.position
    from (select patient, min(position) as highest, max(position) as lowest from index_joints group by patient) as bounds
    inner join joints on joints.position between highest - 1 and lowest + 1
    anti join index_joints using (patient, position)
    anti join (select patient, position from diagnosed where is_before) using (patient, position)
),

surgical as (
    select
        patient, bool_or(adjacent.position is not null) as is_adjacent,
        bool_or(joints_of_candidates.position is null) as has_unknown
    from (
        select patient, record from revisions
        where revised not in ('hardware_removal', 'hardware_removal_region_unknown', 'fixation_revision')
    )
    left join joints_of_candidates using (patient, record)
    left join adjacent using (patient, position)
    group by patient
),

-- Visits with their scores, and those with a complaint; what the first weeks show is healing, unless it is new.
scored as (
    select
        patient, row_number() over () as visit, day, neck_pain_nrs, arm_pain_nrs, ndi_item_1, ndi_item_5,
        radiating_pain, numbness, mrc_grade_min, neck_rotation_deg, occipital_headache,
        [{ndi_items}] as items, len(list_filter(items, lambda item: item is not null)) as answered,
        case
            when answered >= {ndi_items_answered} then 100.0 * list_sum(items) / (5 * answered)
            when ndi_unit = 'points' then 2.0 * ndi_total
            when ndi_unit = 'percent' then ndi_total
        end as ndi_percent,
        coalesce({mjoa_domains}, mjoa_total) as mjoa
    from follow_ups semi join cohort using (patient)
),

before_surgery as (
    select
        patient, coalesce(bool_or(numbness), false) as was_numb,
        arg_max(mrc_grade_min, (day, mrc_grade_min)) filter (where mrc_grade_min is not null) as grade_before
    from scored
    where day <= 0
    group by patient
),

by_day as (
    select patient, day, max(mjoa) as mjoa, max(case when day > 0 then neck_rotation_deg end) as rotation
    from scored
    group by patient, day
),

best_before as (
    select patient, day, max(mjoa) over (partition by patient order by day rows between unbounded preceding and 1 preceding) as best
    from by_day
),

rotations as (
    select patient, day, lag(rotation) over around as previous, lead(rotation) over around as next
    from by_day
    where rotation is not null
    window around as (partition by patient order by day)
),

visits as (
    select
        scored.*,
        day > 0
        and (
            coalesce(neck_pain_nrs >= {pain_nrs}, false)
            or coalesce(arm_pain_nrs >= {pain_nrs}, false)
            or (
                day >= {red_flag_measured_from_day}
                and (
                    coalesce(radiating_pain, false)
                    or coalesce(occipital_headache, false)
                    or coalesce(ndi_item_5 >= {headache_ndi_item}, false)
                    or (
                        coalesce(round(previous - neck_rotation_deg, 6) >= {rotation_fall_deg}, false)
                        and (
                            coalesce(neck_pain_nrs >= {pain_nrs}, false)
                            or coalesce(round(previous - next, 6) >= {rotation_fall_deg}, false)
                        )
                    )
                )
            )
            or (coalesce(numbness, false) and (day >= {red_flag_measured_from_day} or not coalesce(was_numb, false)))
            or coalesce(
                case when grade_before is null then mrc_grade_min <= {weakness_mrc_grade}
                    else grade_before - mrc_grade_min >= {weakness_mrc_fall} end,
                false
            )
            or coalesce(best - mjoa >= mcid, false)
        ) as has_complaint
    from scored
    left join before_surgery using (patient)
    left join best_before using (patient, day)
    left join rotations using (patient, day)
    left join read_csv('{reference}/mjoa_severity.csv') on best between lowest and highest
),

-- A code that names a joint is a symptom of that joint only.
symptoms as (
    select patient, day, null as position from visits where has_complaint
    union
    select flags.patient, flags.day, null
    from coded_diagnoses as flags semi join cohort using (patient)
    where
        starts_with(list, 'red_flag_') and day > 0
        and record not in (select record from of_index_stay where source = 'diagnoses')
        and record not in (select record from diagnosed)
        and (
            needs is null
            or exists (
                from coded_diagnoses as companions
                where
                    companions.list = flags.needs and companions.patient = flags.patient
                    and (companions.day = flags.day or companions.encounter_id = flags.encounter_id)
            )
        )
    union
    select patient, day, position from diagnosed where not is_before
),

-- Images of an adjacent joint with a symptom near in time: new or worse, or of which nobody knows.
looks as (
    select
        patient, min(day) <= 0 as has_baseline, min(day) filter (where day >= 1) as first_day, max(day) as last_day,
        case when has_baseline then 1 else {asd_without_baseline_day} end as look_day
    from imaging
    group by patient
),

findings as (
    select imaging.*, position, worse
    from imaging
    inner join joints on level = joint
    semi join adjacent using (patient, position)
    left join read_csv('{reference}/imaging_directions.csv') as directions
        on imaging.finding = directions.finding and imaging.unit = directions.unit
    where
        imaging.finding in ('degeneration', 'disc_herniation', 'stenosis')
        and not coalesce(imaging.unit = 'grade' and value = 0, false)
),

compared as (
    select
        patient, position, day, look_day, has_baseline,
        case
            when has_baseline
                then
                    coalesce(not bool_or(day <= 0) over kind, true)
                    or coalesce(
                        case worse
                            when 'larger' then value > max(value) filter (where day <= 0) over kind_and_unit
                            when 'smaller' then value < min(value) filter (where day <= 0) over kind_and_unit
                        end,
                        false
                    )
            else day > first_day and not bool_or(day = first_day) over kind
        end as is_new
    from findings inner join looks using (patient)
    window
        kind as (partition by patient, position, finding),
        kind_and_unit as (partition by patient, position, finding, unit)
),

pairs as (
    select compared.patient, bool_or(is_new) as has_new, bool_or(not is_new) as has_unproven
    from compared
    inner join symptoms
        on compared.patient = symptoms.patient
        and abs(compared.day - symptoms.day) <= {symptom_image_days}
        and coalesce(symptoms.position, compared.position) = compared.position
    where compared.day >= look_day and (is_new or not has_baseline)
    group by compared.patient
),

judged_visits as (
    select
        patient,
        coalesce(
            bool_or(
                day >= {pain_landmark_day} and coalesce(day <= first_revision_day, true)
                and coalesce(
                    neck_pain_nrs >= {pain_nrs}
                    or (ndi_percent >= {pain_ndi_percent} and ndi_item_1 >= {pain_ndi_item}),
                    false
                )
            ),
            false
        ) as hurts,
        bool_or(
            day >= {pain_landmark_day} and coalesce(day <= first_revision_day, true)
            and (
                neck_pain_nrs is not null
                or coalesce(ndi_percent < {pain_ndi_percent}, false)
                or coalesce(ndi_percent >= {pain_ndi_percent} and ndi_item_1 is not null, false)
            )
        ) as is_assessed,
        bool_or(
            day >= coalesce(look_day, {asd_without_baseline_day}) and not has_complaint
            and coalesce(neck_pain_nrs, arm_pain_nrs) is not null
        ) as was_seen_well
    from visits
    left join first_revisions using (patient)
    left join looks using (patient)
    group by patient
),

delivered as (
    select site_id, bool_or(source_table = 'follow_ups') as sends_visits, bool_or(source_table = 'imaging') as sends_images
    from read_csv('{folder}/delivered_tables.csv')
    group by site_id
),

answers as (
    select
        site_id, patient_id,
        case
            when
                death_day < {pain_landmark_day}
                or first_revision_day < {pain_landmark_day}
                or last_known_day < {pain_landmark_day}
                or coalesce(observed_days < {pain_landmark_day}, true)
                or not coalesce(sends_visits, false)
                or not coalesce(is_assessed, false)
                then 'not_assessable'
            when hurts then 'yes'
            else 'no'
        end as pain_past_3_months,
        case
            when coalesce(has_new, false) or coalesce(is_adjacent, false) then 'yes'
            when
                patient not in (select patient from index_joints)
                or coalesce(has_unknown, false)
                or not coalesce(sends_images, false)
                or coalesce(observed_days < {asd_observed_days}, true)
                or coalesce(has_unproven, false)
                or not (coalesce(last_day >= look_day, false) or coalesce(was_seen_well, false))
                then 'not_assessable'
            else 'no'
        end as suspected_asd,
        case
            when first_revision_day is not null then 'yes'
            when observed_days >= {revision_observed_days} then 'no'
            else 'not_assessable'
        end as revision_performed
    from patients
    semi join cohort using (patient)
    inner join observed using (patient)
    left join delivered using (site_id)
    left join first_revisions using (patient)
    left join surgical using (patient)
    left join pairs using (patient)
    left join looks using (patient)
    left join judged_visits using (patient)
)

unpivot answers on pain_past_3_months, suspected_asd, revision_performed into name label value status
