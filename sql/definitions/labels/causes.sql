/*
title: Suspected causes
needs: [episodes, cause_sources, cause_findings, revision_procedures, delivered_tables, thresholds]
common:
  title: Suspected {words}
  category: suspected causes
  citation: clinical specification, sections 1 and 3
  grain: one row per episode and piece of evidence
  status: accepted
  columns:
    onset_day: the later of symptom and image; else the day of the code or of the revision
    value: the image's measured value when it has one; of a no, the observed days
labels:
  suspected_nonunion:
    version: 2
    words: {cause: nonunion, words: nonunion}
    guide: The bones may not have grown together.
    definition: >
      Possible: a code of nonunion on day {nonunion_day} or later. Probable: a symptom or code and an image at most
      {symptom_image_days} days apart, the image on day {nonunion_day} or later at a fused joint showing interspinous
      motion of {interspinous_motion_mm} mm or more (valid only with {superjacent_motion_mm} mm or more next to it).
      Confirmed: no bridging bone on CT beside a symptom or code, or a revision of a nonunion. Provisional before day
      {nonunion_firm_day}, firm from then on.
    rationale: >
      Fusion takes months: nothing before day {nonunion_day} is nonunion, and before day {nonunion_firm_day} it is
      provisional.
    ways:
      coded:
        - says: a code of nonunion on day {nonunion_day} or later, in cervical context
          relation: cause_codes
          where: cause = '{cause}' and not is_supporting
          record: diagnosis_id
      image and symptom:
        - says: >-
            an image on day {nonunion_day} or later at a fused joint with interspinous motion of
            {interspinous_motion_mm} mm or more (beside {superjacent_motion_mm} mm or more next to the fusion), or no
            bridging bone on CT
          relation: cause_images
          where: cause = '{cause}'
          record: imaging_id
        - &near_the_image
          says: >-
            neck or arm pain of {pain_nrs} or more, a red flag, or a code of the cause, at most {symptom_image_days}
            days from that image
          relation: cause_symptoms
          where: &same_cause_near_the_image >
            cause = '{cause}'
            and exists (
            select 1 from cause_images as image
            where image.site_id = cause_symptoms.site_id
            and image.patient_id = cause_symptoms.patient_id
            and image.cause = cause_symptoms.cause
            and abs(image.day - cause_symptoms.day) <= {symptom_image_days}
            )
          record: record_id
      found at a revision:
        - says: a revision of a nonunion on day {nonunion_day} or later
          relation: revisions
          where: type = 'nonunion_revision' and day >= {nonunion_day}
          record: procedure_ids
  suspected_scar_tissue:
    version: 2
    words: {cause: scar_tissue, words: scar tissue}
    guide: Scar tissue around the nerves can hurt.
    definition: >
      Possible: a code of scar or postlaminectomy syndrome. Probable: a symptom or code at most {symptom_image_days}
      days from an MRI that shows epidural or perineural scar and no recurrent disc.
    rationale: >
      Scar is common on MRI without pain: the finding has a low predictive value and is read with caution.
    ways:
      coded:
        - says: a code after day 0 of scar or postlaminectomy syndrome, in cervical context
          relation: cause_codes
          where: cause = '{cause}' and not is_supporting
          record: diagnosis_id
      image and symptom:
        - says: an MRI after day 0 with epidural or perineural scar and no recurrent disc
          relation: cause_images
          where: cause = '{cause}'
          record: imaging_id
        - *near_the_image
  suspected_hardware_irritation:
    version: 2
    words: {cause: hardware_irritation, words: hardware irritation}
    guide: Screws or plates can loosen, break or rub.
    definition: >
      Possible: a code of a mechanical complication or of pain due to the device. Probable: a symptom or code at most
      {symptom_image_days} days from an image of screw back-out, plate fracture or subsidence of {subsidence_mm} mm or
      more. Confirmed: such an image on CT, or hardware removed.
    rationale: >
      Infection is another disease with another treatment: its codes never count here.
    ways:
      coded:
        - says: a code after day 0 of a mechanical complication or of pain due to the device, in cervical context
          relation: cause_codes
          where: cause = '{cause}' and not is_supporting
          record: diagnosis_id
      image and symptom:
        - says: an image after day 0 of screw back-out, plate fracture or subsidence of {subsidence_mm} mm or more
          relation: cause_images
          where: cause = '{cause}'
          record: imaging_id
        - *near_the_image
      found at a revision:
        - says: a revision in which hardware was removed
          relation: revisions
          where: list_contains(string_split(types, ';'), 'hardware_removal')
          record: procedure_ids
  suspected_unresolved_condition:
    version: 2
    words: {cause: unresolved_condition, words: unresolved condition}
    guide: The problem that led to surgery may not have been fully relieved.
    definition: >
      Possible: a code of the family known before surgery again after day {unresolved_day}, at a fused joint where it
      names one. Probable: that code, or an outcome that did not better (arm pain down by less than
      {arm_pain_drop:.0%} at 6 weeks and 3 months, or mJOA gain below its clinically important difference), at most
      {symptom_image_days} days from an image of residual stenosis at a fused joint. Confirmed: that image on CT.
    rationale: Pain alone does not tell an unresolved condition from a new one.
    ways:
      coded:
        - says: >-
            a code of the family known before surgery again after day {unresolved_day}, at a fused joint if it names one
          relation: cause_codes
          where: cause = '{cause}' and not is_supporting
          record: diagnosis_id
      image and symptom:
        - says: an image after day {unresolved_day} of residual stenosis at a fused joint
          relation: cause_images
          where: cause = '{cause}'
          record: imaging_id
        - says: >-
            such a code, or at 3 months arm pain down by less than {arm_pain_drop:.0%} (as at 6 weeks) or an mJOA gain
            below its minimal clinically important difference, at most {symptom_image_days} days from that image
          relation: cause_symptoms
          where: *same_cause_near_the_image
          record: record_id
  suspected_posture:
    version: 2
    words: {cause: posture, words: posture or mechanics}
    guide: Weak muscles and bent posture can strain the neck.
    definition: >
      Possible: a code of posture, muscle pain or segmental dysfunction. Probable: a symptom or code at most
      {symptom_image_days} days from an image with a C2-C7 sagittal vertical axis above {sva_mm} mm; or a code and no
      physical therapy in days 0 to {no_therapy_until_day} where the site sees all treatments. Confirmed: such an image
      on CT.
    rationale: >
      Muscle codes are weak evidence: possible disease here is a prompt to look, no more.
    ways:
      coded:
        - says: a code after day 0 of posture, muscle pain or segmental dysfunction
          relation: cause_codes
          where: cause = '{cause}' and not is_supporting
          record: diagnosis_id
      image and symptom:
        - says: an image after day 0 with a C2-C7 sagittal vertical axis above {sva_mm} mm
          relation: cause_images
          where: cause = '{cause}'
          record: imaging_id
        - *near_the_image
*/
with sources as (
    select distinct delivered_tables.site_id, cause_sources.cause
    from delivered_tables
    inner join cause_sources
        on delivered_tables.source_table = cause_sources.source_table
),

causes_judged as (
    select distinct cause
    from cause_sources
),

results as (
    select
        episodes.site_id, episodes.patient_id, causes_judged.cause,
        case
            when cause_findings.tier is not null then 'yes'
            when
                sources.site_id is null or coalesce(episodes.observed_days < thresholds.cause_observed_days, true)
                then 'not_assessable'
            else 'no'
        end as status,
        case
            when cause_findings.tier is not null then null
            when sources.site_id is null then 'no_source_data'
            when coalesce(episodes.observed_days < thresholds.cause_observed_days, true) then 'no_follow_up'
        end as reason,
        cause_findings.onset_day,
        case
            when cause_findings.tier is null then cast(episodes.observed_days as double)
            else cause_findings.value
        end as value,
        case when cause_findings.tier is null then 'observed_days' else cause_findings.value_name end as value_name,
        case
            when causes_judged.cause <> 'nonunion' then cause_findings.tier
            when cause_findings.onset_day < thresholds.nonunion_firm_day
                then concat(cause_findings.tier, '_provisional')
            when cause_findings.tier is not null then concat(cause_findings.tier, '_firm')
        end as kind,
        cause_findings.image_id, cause_findings.record_table, cause_findings.record_id
    from episodes
    cross join causes_judged
    cross join thresholds
    left join cause_findings
        on
            episodes.site_id = cause_findings.site_id
            and episodes.patient_id = cause_findings.patient_id
            and causes_judged.cause = cause_findings.cause
    left join sources
        on
            episodes.site_id = sources.site_id
            and causes_judged.cause = sources.cause
),

evidence as (
    select
        site_id, patient_id, cause,
        'imaging' as source_table,
        image_id as record_id
    from results
    where image_id is not null
    union all
    select
        site_id, patient_id, cause,
        record_table as source_table,
        record_id
    from results
    where record_id is not null
    union all
    select
        results.site_id, results.patient_id, results.cause,
        'procedures' as source_table,
        revision_procedures.procedure_id as record_id
    from results
    inner join revision_procedures
        on
            results.site_id = revision_procedures.site_id
            and results.patient_id = revision_procedures.patient_id
            and results.onset_day = revision_procedures.day
    where results.record_table = 'procedures'
    union all
    select
        site_id, patient_id, cause,
        'patients' as source_table,
        patient_id as record_id
    from results
    where cause = 'posture' and kind = 'probable' and image_id is null
)

select
    results.site_id, results.patient_id,
    concat('suspected_', results.cause) as label,
    results.status, results.reason, results.onset_day, results.value, results.value_name,
    results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
        and results.cause = evidence.cause
