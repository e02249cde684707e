/*
title: Imaging of FHIR, dated
grain: one row per study, modality and finding that a report concludes in a code; a study without one is a row
rationale: >
  An ImagingStudy says that an image was made, not what it shows. What it shows are coded conclusions of its report that
  the site maps to findings, as `stenosis`, or with the joint, `stenosis@C5-6`. A study without such a conclusion has no
  finding; it is not called normal.
needs: [fhir_images, fhir_diagnostic_reports, fhir_concepts]
columns: as declared in the contract, with a date in the place of the day
*/
with findings as (
    select
        fhir_diagnostic_reports.id,
        fhir_diagnostic_reports.study_id,
        fhir_diagnostic_reports.patient_id,
        fhir_day(coalesce(fhir_diagnostic_reports.moment, fhir_diagnostic_reports.start_time)) as date,
        fhir_diagnostic_reports.place,
        string_split(fhir_concepts.word, '@') as parts
    from fhir_diagnostic_reports
    inner join fhir_concepts
        on
            fhir_system(fhir_diagnostic_reports.system) = fhir_concepts.system
            and fhir_diagnostic_reports.code = fhir_concepts.code
            and fhir_concepts.meaning = 'finding'
),

seen as (
    select
        fhir_images.id || '-' || fhir_images.modality as image,
        fhir_images.patient_id,
        fhir_day(fhir_images.started) as date,
        fhir_images.modality,
        findings.id as report,
        findings.place,
        findings.parts
    from fhir_images
    left join findings on fhir_images.id = findings.study_id
    union all
    select
        'report' as image,
        findings.patient_id,
        findings.date,
        cast(null as varchar) as modality,
        findings.id as report,
        findings.place,
        findings.parts
    from findings
    anti join fhir_images on findings.study_id = fhir_images.id
)

select
    concat_ws('-', seen.image, seen.report, seen.place) as imaging_id,
    seen.patient_id,
    seen.date,
    seen.modality,
    seen.parts[2] as level,
    seen.parts[1] as finding
from seen;
