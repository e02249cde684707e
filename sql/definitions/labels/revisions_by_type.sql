/*
title: Which type of revision each episode had
rationale: >
  A fusion whose joints were not recorded may be of either fusion type, so neither can be denied; nor can hardware
  removal, where the device may have been of the neck.
needs: [episodes, revisions, revision_types, revision_procedures, thresholds]
common:
  category: revision
  definition: "{what}. One day is one revision, and one revision can have several types."
  citation: clinical specification, section 6
  grain: one row per episode and piece of evidence
  status: accepted
  columns:
    onset_day: day of the first revision of the type
    value: number of revisions of the type; of a no, the observed days
  criteria:
    - says: a revision
      relation: revision_procedures
      record: procedure_id
    - says: "{found}"
      relation: revisions
      where: list_contains(string_split(types, ';'), '{type}')
      record: procedure_ids
labels:
  revision_nonunion:
    version: 3
    title: Revision of a nonunion
    words:
      type: nonunion_revision
      what: >-
        A fusion, or a revision of its fixation, on a fused joint, unless it extends to a new adjacent one without
        removal or revision of a device; or one with pseudarthrosis diagnosed at most {nonunion_diagnosis_days} days
        before
      found: a fusion or a revision of its fixation, on a fused joint or with pseudarthrosis
    guide: A fusion that did not heal can be fused again.
    rationale: Without recorded joints the type stays unknown, and neither fusion type can be denied.
  revision_adjacent_segment_fusion:
    version: 3
    title: "Revision: fusion of an adjacent segment"
    words:
      type: adjacent_segment_fusion
      what: >-
        A fusion that takes in a joint adjacent to the index fusion; beside a fused joint only when no earlier revision
        fused the adjacent one, without pseudarthrosis and without removal or revision of a device
      found: a fusion among them that takes in a joint next to the fused ones
    guide: A worn joint next to the fusion can be fused as well.
    rationale: Without recorded joints the type stays unknown, and neither fusion type can be denied.
  revision_disc_replacement:
    version: 3
    title: "Revision: disc replacement"
    words:
      type: disc_replacement
      what: Insertion, revision or removal of a cervical disc prosthesis
      found: a cervical disc prosthesis inserted, revised or removed
    guide: A worn disc next to the fusion can be replaced by a moving one.
    rationale: Revision and removal of a prosthesis are operations for the same reason and count alike.
  revision_hardware_removal:
    version: 3
    title: "Revision: hardware removal"
    words:
      type: hardware_removal
      what: Removal of cervical fixation or of an interbody device
      found: cervical fixation or an interbody device removed
    guide: Plates or screws that hurt or loosen can be taken out.
    rationale: >-
      Codes that are not cervical-specific count only with cervical context. Without it, in a patient in whom no other
      region was ever fused, they can be neither counted nor denied.
  revision_laminoplasty:
    version: 3
    title: "Revision: laminoplasty"
    words:
      type: laminoplasty
      what: A cervical laminoplasty, or release of the cord with reshaped bone on the same day
      found: a cervical laminoplasty, or release of the cord with reshaped bone on the same day, among them
    guide: Opening the roof of the spinal canal gives the cord room.
    rationale: ICD-10-PCS has no code of its own for laminoplasty, so its codes make it probable only.
  revision_foraminotomy:
    version: 3
    title: "Revision: foraminotomy"
    words:
      type: foraminotomy
      what: A cervical foraminotomy, laminectomy with foraminotomy, or release of a cervical nerve
      found: a cervical foraminotomy, or release of a cervical nerve, among them
    guide: Widening the opening for a pinched nerve can take the pressure off.
    rationale: Further-joint codes that are not cervical-specific count only with cervical context.
  revision_other:
    version: 3
    title: "Revision: other"
    words:
      type: other
      what: A cervical decompression, corpectomy or fusion that fits none of the other types
      found: a cervical decompression, corpectomy or fusion among them that fits no other type
    guide: Other operations on the neck may follow a fusion.
    rationale: "Keeps the types exhaustive: every revision has at least one."
*/
with typed as (
    select
        revisions.site_id, revisions.patient_id, revision_types.type,
        min(revisions.day) as onset_day,
        count(*) as revision_count
    from revisions
    inner join revision_types
        on concat(';', revisions.types, ';') like concat('%;', revision_types.type, ';%')
    group by revisions.site_id, revisions.patient_id, revision_types.type
),

results as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, revision_types.type,
        typed.onset_day, typed.revision_count,
        case
            when typed.onset_day is not null then null
            when of_unknown_type.onset_day is not null then 'level_unknown'
            when coalesce(episodes.observed_days < thresholds.revision_observed_days, true) then 'no_follow_up'
        end as reason
    from episodes
    cross join revision_types
    cross join thresholds
    left join typed
        on
            episodes.site_id = typed.site_id
            and episodes.patient_id = typed.patient_id
            and revision_types.type = typed.type
    left join typed as of_unknown_type
        on
            episodes.site_id = of_unknown_type.site_id
            and episodes.patient_id = of_unknown_type.patient_id
            and revision_types.type_when_unknown = of_unknown_type.type
),

unknown_types as (
    select distinct type_when_unknown as type
    from revision_types
    where type_when_unknown is not null
)

select
    results.site_id, results.patient_id,
    case
        when results.type = 'nonunion_revision' then 'revision_nonunion'
        else concat('revision_', results.type)
    end as label,
    case
        when results.onset_day is not null then 'yes'
        when results.reason is not null then 'not_assessable'
        else 'no'
    end as status,
    results.reason, results.onset_day,
    cast(coalesce(results.revision_count, results.observed_days) as double) as value,
    case when results.onset_day is not null then 'revisions' else 'observed_days' end as value_name,
    cast(null as varchar) as kind,
    case when revision_procedures.procedure_id is not null then 'procedures' else 'patients' end as source_table,
    coalesce(revision_procedures.procedure_id, results.patient_id) as record_id
from results
left join revision_procedures
    on
        results.site_id = revision_procedures.site_id
        and results.patient_id = revision_procedures.patient_id
        and results.onset_day = revision_procedures.day
left join unknown_types
    on results.type = unknown_types.type
where unknown_types.type is null
