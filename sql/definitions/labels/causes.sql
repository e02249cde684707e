/*
title: Suspected causes
needs: [episodes, cause_sources, cause_findings, unresolved_records, revision_procedures, unknown_code_systems,
  delivered_until, thresholds]
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
    version: 5
    words: {cause: nonunion, words: nonunion}
    guide: The bones may not have grown together.
    definition: >
      Possible: a code of nonunion on day {nonunion_day} or later; or a symptom or code at most
      {symptom_image_days} days from a radiograph on day {nonunion_day} or later that shows interspinous motion of
      {interspinous_motion_mm} mm or more at a fused joint (valid only with {superjacent_motion_mm} mm or more
      next to it); or a fused joint fused again or explored. Probable: that motion is {probable_motion_mm} mm or
      more. Confirmed: no bridging bone on CT beside a symptom or code, or a revision of a nonunion with its code
      (of the day, the encounter or the {nonunion_diagnosis_days} days before) or with fixation revised beside
      the refusion. Provisional before day {nonunion_firm_day}, firm from then on and where it was found at a
      revision.
    rationale: >
      Fusion takes months: nothing before day {nonunion_day} is nonunion, and before day {nonunion_firm_day} it is
      provisional. Little motion is within the error of the measurement, and an exploration may find the bone healed. A
      no needs a radiograph or CT on day {nonunion_day} or later.
    ways:
      coded:
        - says: a code of nonunion on day {nonunion_day} or later, in cervical context
          relation: cause_codes
          where: cause = '{cause}' and not is_supporting
          record: diagnosis_id
      image and symptom:
        - says: >-
            an image on day {nonunion_day} or later at a fused joint: interspinous motion of {interspinous_motion_mm} mm
            or more on a radiograph (beside {superjacent_motion_mm} mm or more next to the fusion), or no bridging bone
            on CT
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
        - says: on day {nonunion_day} or later a revision for nonunion, or a fused joint fused again or explored
          relation: surgeon_findings
          where: cause = '{cause}'
          record: procedure_ids
  suspected_scar_tissue:
    version: 5
    words: {cause: scar_tissue, words: scar tissue}
    guide: Scar tissue around the nerves can hurt.
    definition: >
      Possible: a code of scar or postlaminectomy syndrome. Probable: a symptom or code at most {symptom_image_days}
      days from an MRI that shows epidural or perineural scar and no recurrent disc. Codes of the stay of the fusion
      count only where they name a complication.
    rationale: >
      Scar is common on MRI without pain: the finding has a low predictive value and is read with caution.
    ways:
      coded:
        - says: >-
            a code after day 0 of scar or postlaminectomy syndrome, in cervical context; of a device also where no
            fusion of another region is known
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
    version: 5
    words: {cause: hardware_irritation, words: hardware irritation}
    guide: Screws or plates can loosen, break or rub.
    definition: >
      Possible: a code of a mechanical complication or of pain due to the device, in cervical context or in a patient
      without a known fusion of another region. Probable: a symptom or code at most {symptom_image_days} days from an
      image of screw back-out, plate fracture or subsidence of {subsidence_mm} mm or more. Confirmed: such an image on
      CT, or hardware removed and nothing else done, or removed with a code of pain or trouble due to the device (of the
      day, the encounter or the {irritation_diagnosis_days} days before).
    rationale: >
      Infection is another disease with another treatment: its codes never count here. Hardware that is removed beside
      another operation was in the way. A no needs a radiograph or CT after surgery.
    ways:
      coded:
        - says: >-
            a code after day 0 of a mechanical complication or of pain due to the device, in cervical context or where
            no fusion of another region is known
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
        - says: a revision in which hardware was removed alone, or with a code of pain or trouble due to it
          relation: surgeon_findings
          where: cause = '{cause}'
          record: procedure_ids
  suspected_unresolved_condition:
    version: 5
    words: {cause: unresolved_condition, words: unresolved condition}
    guide: The problem that led to surgery may not have been fully relieved.
    definition: >
      Possible: a code of the family known before surgery again after day {unresolved_day}, at a fused joint where it
      names one, on two days at least {unresolved_repeat_days} days apart, or once and a revision or an injection at
      most {unresolved_intervention_days} days later. Probable: one such code, or an outcome that did not better (arm
      pain down by less than {arm_pain_drop:.0%} at 6 weeks and 3 months, or in myelopathy mJOA gain below its
      clinically important difference), at most {symptom_image_days} days from an image of residual stenosis at a fused
      joint. Confirmed: that image on CT. Codes of the stay of the fusion are of the time before surgery.
    rationale: >
      Pain alone does not tell an unresolved condition from a new one, and one code may only tell history.
    ways:
      coded:
        - says: >-
            a code of the family known before surgery again after day {unresolved_day}, at a fused joint if it names one
          relation: cause_codes
          where: cause = '{cause}'
          record: diagnosis_id
        - says: >-
            such a code {unresolved_repeat_days} days later or more, or a revision or an injection at most
            {unresolved_intervention_days} days after it
          relation: unresolved_records
          record: record_id
      image and symptom:
        - says: an image after day {unresolved_day} of residual stenosis at a fused joint
          relation: cause_images
          where: cause = '{cause}'
          record: imaging_id
        - says: >-
            such a code, or at 3 months arm pain down by less than {arm_pain_drop:.0%} (as at 6 weeks) or, in
            myelopathy, an mJOA gain below its minimal clinically important difference, at most {symptom_image_days}
            days from that image
          relation: cause_symptoms
          where: *same_cause_near_the_image
          record: record_id
  suspected_posture:
    version: 5
    words: {cause: posture, words: posture or mechanics}
    guide: Weak muscles and bent posture can strain the neck.
    definition: >
      Possible: a code of posture, muscle pain or segmental dysfunction. Probable: a symptom or code at most
      {symptom_image_days} days from an image with a C2-C7 sagittal vertical axis above {sva_mm} mm; or a code and no
      physical therapy in days 0 to {no_therapy_until_day} where the site sends treatments and sees all of the
      patient's. Confirmed: such an image on CT. Codes of the stay of the fusion do not count.
    rationale: >
      Muscle codes are weak evidence: possible disease here is a prompt to look, no more.
    ways:
      coded:
        - says: a code after day 0, not of the stay of the fusion, of posture, muscle pain or segmental dysfunction
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
    select
        delivered_until.site_id, delivered_until.patient_id, cause_sources.cause,
        max(delivered_until.until_day) as until_day
    from delivered_until
    inner join cause_sources
        on delivered_until.source_table = cause_sources.source_table
    group by delivered_until.site_id, delivered_until.patient_id, cause_sources.cause
),

causes_judged as (
    select distinct cause
    from cause_sources
),

-- Scar and an unresolved condition have other signs beside the image, posture a code.
last_images as (
    select
        site_id, patient_id,
        max(day) as day
    from imaging
    where modality in ('ct', 'radiograph')
    group by site_id, patient_id
),

results as (
    select
        episodes.site_id, episodes.patient_id, causes_judged.cause, cause_findings.tier,
        case
            when cause_findings.tier is not null then null
            when sources.site_id is null then 'no_source_data'
            when coalesce(episodes.observed_days < thresholds.cause_observed_days, true) then 'no_follow_up'
            when sources.until_day < episodes.observed_days then 'delivery_gap'
            when unknown_code_systems.patient_id is not null then 'code_system_unknown'
            when
                causes_judged.cause = 'nonunion' and coalesce(last_images.day < thresholds.nonunion_day, true)
                then 'no_image'
            when causes_judged.cause = 'hardware_irritation' and coalesce(last_images.day < 1, true) then 'no_image'
        end as reason,
        cause_findings.onset_day,
        case
            when cause_findings.tier is null then cast(episodes.observed_days as double)
            else cause_findings.value
        end as value,
        case when cause_findings.tier is null then 'observed_days' else cause_findings.value_name end as value_name,
        case
            when causes_judged.cause <> 'nonunion' then cause_findings.tier
            when cause_findings.onset_day >= thresholds.nonunion_firm_day or cause_findings.record_table = 'procedures'
                then concat(cause_findings.tier, '_firm')
            when cause_findings.tier is not null then concat(cause_findings.tier, '_provisional')
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
            and episodes.patient_id = sources.patient_id
            and causes_judged.cause = sources.cause
    left join last_images
        on
            episodes.site_id = last_images.site_id
            and episodes.patient_id = last_images.patient_id
    left join unknown_code_systems
        on
            episodes.site_id = unknown_code_systems.site_id
            and episodes.patient_id = unknown_code_systems.patient_id
            and causes_judged.cause = unknown_code_systems.list
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
        results.site_id, results.patient_id, results.cause, unresolved_records.source_table,
        unresolved_records.record_id
    from results
    inner join unresolved_records
        on
            results.site_id = unresolved_records.site_id
            and results.patient_id = unresolved_records.patient_id
    where results.cause = 'unresolved_condition' and results.kind = 'possible'
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
    case
        when results.tier is not null then 'yes'
        when results.reason is not null then 'not_assessable'
        else 'no'
    end as status,
    results.reason, results.onset_day, results.value, results.value_name,
    results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
        and results.cause = evidence.cause
