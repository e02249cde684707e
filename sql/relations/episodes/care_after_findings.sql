/*
title: Care that followed a finding in time, and images taken shortly before
rationale: >
  The visit that measured or coded the finding is not the care that followed it: care counts from the next day, a visit
  also on that day where it is known to be another one. A treatment that was running already is no answer. An image
  taken shortly before, or at the visit itself, may well answer, and is told apart.
citation: clinical specification, sections 1 and 4
grain: one row per finding and record of care
needs: [care_findings, prompt_care_sources, treatment_classes, thresholds]
columns:
  label: the question, a label of the care that followed
  finding_day: day of the finding
  kind: imaging, visit, treatment_change or already_imaged
  day: day of the care, or of the image before
*/
with running_classes as (
    select distinct
        care_findings.site_id, care_findings.patient_id, care_findings.label,
        treatment_classes.treatment_class
    from care_findings
    inner join treatment_classes
        on
            care_findings.site_id = treatment_classes.site_id
            and care_findings.patient_id = treatment_classes.patient_id
            and care_findings.day >= treatment_classes.start_day
            and care_findings.day <= treatment_classes.end_day
)

select
    care_findings.site_id, care_findings.patient_id, care_findings.label,
    care_findings.day as finding_day,
    case when imaging.day > care_findings.day then 'imaging' else 'already_imaged' end as kind,
    imaging.day,
    'imaging' as source_table,
    imaging.imaging_id as record_id
from care_findings
cross join thresholds
inner join prompt_care_sources
    on
        care_findings.label = prompt_care_sources.label
        and prompt_care_sources.source_table = 'imaging'
inner join imaging
    on
        care_findings.site_id = imaging.site_id
        and care_findings.patient_id = imaging.patient_id
        and care_findings.day - thresholds.already_imaged_days <= imaging.day
        and care_findings.last_day >= imaging.day
union all
select
    care_findings.site_id, care_findings.patient_id, care_findings.label,
    care_findings.day as finding_day,
    'visit' as kind,
    encounters.start_day as day,
    'encounters' as source_table,
    encounters.encounter_id as record_id
from care_findings
inner join prompt_care_sources
    on
        care_findings.label = prompt_care_sources.label
        and prompt_care_sources.source_table = 'encounters'
inner join encounters
    on
        care_findings.site_id = encounters.site_id
        and care_findings.patient_id = encounters.patient_id
        and care_findings.last_day >= encounters.start_day
        and (
            care_findings.day < encounters.start_day
            or (care_findings.day = encounters.start_day and care_findings.encounter_id <> encounters.encounter_id)
        )
where encounters.type in ('outpatient', 'emergency', 'inpatient')
union all
select
    care_findings.site_id, care_findings.patient_id, care_findings.label,
    care_findings.day as finding_day,
    'treatment_change' as kind,
    treatment_classes.start_day as day,
    treatment_classes.source_table, treatment_classes.record_id
from care_findings
inner join prompt_care_sources
    on
        care_findings.label = prompt_care_sources.label
        and prompt_care_sources.source_table = 'treatments'
inner join treatment_classes
    on
        care_findings.site_id = treatment_classes.site_id
        and care_findings.patient_id = treatment_classes.patient_id
        and care_findings.day < treatment_classes.start_day
        and care_findings.last_day >= treatment_classes.start_day
left join running_classes
    on
        care_findings.site_id = running_classes.site_id
        and care_findings.patient_id = running_classes.patient_id
        and care_findings.label = running_classes.label
        and treatment_classes.treatment_class = running_classes.treatment_class
where running_classes.treatment_class is null
