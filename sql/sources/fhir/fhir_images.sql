/*
title: Imaging studies of FHIR that may be of the neck
grain: one row per study and modality that the contract has
rationale: >
  A study whose series name body sites is of the neck when one of them is; one that names none is taken, so the extract
  should be of the neck.
needs: [fhir_imaging_studies, fhir_concepts]
columns:
  id: the resource
  patient_id: the patient
  started: when it began, as written
  modality: the contract's
*/
with sites as (
    select list(code) as of_neck
    from fhir_concepts
    where meaning = 'site' and word = 'neck'
)

select distinct
    fhir_imaging_studies.id,
    fhir_imaging_studies.patient_id,
    fhir_imaging_studies.started,
    fhir_concepts.word as modality
from fhir_imaging_studies
cross join sites
inner join fhir_concepts
    on
        fhir_system(fhir_imaging_studies.system) = fhir_concepts.system
        and fhir_imaging_studies.code = fhir_concepts.code
        and fhir_concepts.meaning = 'modality'
where len(fhir_imaging_studies.sites) = 0 or list_has_any(fhir_imaging_studies.sites, sites.of_neck);
