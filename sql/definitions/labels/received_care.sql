/*
title: Which class of conservative care each episode received
rationale: >
  Care is often received elsewhere: its absence can be said only of patients whose treatments the site sees in full.
needs: [episodes, care_classes, treatment_classes, delivered_until, thresholds]
common:
  title: "Received: {care}"
  category: conservative care
  guide: Without another operation, {care} may ease pain after a fusion.
  definition: >
    At least one record of the class on a day after the index fusion: {codes}; by code (of a drug ATC or its RxNorm
    ingredient), among treatments or procedures, or by class where the site codes so. A no needs the site to see all
    treatments of the patient, and to have sent them as long as the patient was observed.
  citation: clinical specification, section 5
  grain: one row per episode and piece of evidence
  status: accepted
  columns:
    onset_day: first day after the index fusion on which it was received
    value: number of records; of a no, the observed days
  criteria:
    - says: a record of {record} on a day after the index fusion
      relation: treatment_classes
      where: concat('received_', treatment_class) = '{label}' and end_day >= 1
      record: record_id
labels:
  received_complementary:
    version: 5
    words:
      care: acupuncture or chiropractic care
      record: acupuncture or chiropractic care
      codes: acupuncture or chiropractic manipulation
    rationale: Often paid privately, so the share is a lower bound.
  received_duloxetine:
    version: 4
    words:
      care: duloxetine
      record: duloxetine
      codes: ATC N06AX21
    rationale: Given for depression too, and the record does not say why; the share is of all who took it.
  received_exercise_therapy:
    version: 5
    words:
      care: exercise or physical therapy
      record: exercise or physical therapy
      codes: therapy evaluation, exercise, re-education or therapeutic activities
    rationale: Home exercise is invisible unless the site codes by class.
  received_gabapentinoid:
    version: 4
    words:
      care: gabapentinoids
      record: a gabapentinoid
      codes: ATC N02BF, until 2022 N03AX12 and N03AX16
    rationale: Given for epilepsy too, and the record does not say why; the share is of all who took one.
  received_heat_ice_manual:
    version: 5
    words:
      care: heat, ice or manual therapy
      record: heat, ice or manual therapy
      codes: hot or cold packs, manual therapy or massage
    rationale: Self-applied heat and ice are invisible unless the site codes by class.
  received_injection:
    version: 5
    words:
      care: steroid or nerve-block injection
      record: a steroid or nerve-block injection
      codes: >-
        epidural, transforaminal, facet, trigger-point or occipital injection, an anti-inflammatory drug into a joint,
        the spinal canal or a nerve, or a corticosteroid whose route is injection
    rationale: A steroid of unknown route is no injection.
  received_muscle_relaxant:
    version: 5
    words:
      care: muscle relaxants
      record: a muscle relaxant
      codes: ATC M03B
    rationale: Drugs are counted by class, so a change of substance is no new treatment class.
  received_nsaid:
    version: 5
    words:
      care: anti-inflammatory drugs
      record: an anti-inflammatory drug
      codes: ATC M01A
    rationale: Bought over the counter they are invisible in claims, so the share is a lower bound.
  received_opioid:
    version: 5
    words:
      care: opioids
      record: an opioid
      codes: ATC N02A
    rationale: Supply past day {opioid_supply_day} has a label of its own.
  received_oral_steroid:
    version: 4
    words:
      care: oral steroids
      record: an oral steroid
      codes: ATC H02AB, unless its route is injection
    rationale: Tablets are another treatment than an injection into the neck, and the code alone cannot tell them apart.
  received_radiofrequency:
    version: 4
    words:
      care: radiofrequency treatment of facet joints
      record: a radiofrequency treatment
      codes: destruction of a cervical or thoracic facet-joint nerve
    rationale: A test block that precedes it counts as an injection.
  received_tens:
    version: 5
    words:
      care: electrical nerve stimulation
      record: electrical nerve stimulation
      codes: electrical stimulation, or a device supplied for it
    rationale: A device once supplied may be used for long; only the supply is seen.
  received_topical:
    version: 5
    words:
      care: topical treatment
      record: a topical treatment
      codes: >-
        an anti-inflammatory drug, capsaicin or lidocaine on the skin (a local anaesthetic only where the route says so)
    rationale: Menthol has no code of its own and is seen only where the site codes by class.
  received_traction:
    version: 5
    words:
      care: traction
      record: traction
      codes: mechanical traction, or equipment supplied for it
    rationale: Traction of a freshly fused neck is unusual; the label tells how often it is used.
*/
with counted as (
    select
        site_id, patient_id, treatment_class, source_table, record_id,
        greatest(start_day, 1) as onset_day,
        count(*) over (partition by site_id, patient_id, treatment_class) as record_count
    from treatment_classes
    where end_day >= 1
    qualify
        row_number() over (
            partition by site_id, patient_id, treatment_class
            order by start_day, record_id, source_table
        ) = 1
),

reasoned as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, care_classes.treatment_class,
        counted.source_table, counted.record_id, counted.onset_day, counted.record_count,
        case
            when counted.record_id is not null then null
            when delivered_until.patient_id is null then 'no_source_data'
            when not coalesce(episodes.treatment_data_complete, false) then 'treatment_data_incomplete'
            when coalesce(episodes.observed_days < thresholds.care_observed_days, true) then 'no_follow_up'
            when delivered_until.until_day < episodes.observed_days then 'delivery_gap'
        end as reason
    from episodes
    cross join care_classes
    cross join thresholds
    left join counted
        on
            episodes.site_id = counted.site_id
            and episodes.patient_id = counted.patient_id
            and care_classes.treatment_class = counted.treatment_class
    left join delivered_until
        on
            episodes.site_id = delivered_until.site_id
            and episodes.patient_id = delivered_until.patient_id
            and delivered_until.source_table = 'treatments'
)

select
    site_id, patient_id,
    concat('received_', treatment_class) as label,
    case
        when record_id is not null then 'yes'
        when reason is not null then 'not_assessable'
        else 'no'
    end as status,
    reason, onset_day,
    cast(coalesce(record_count, observed_days) as double) as value,
    case when record_id is not null then 'records' else 'observed_days' end as value_name,
    cast(null as varchar) as kind,
    coalesce(source_table, 'patients') as source_table,
    coalesce(record_id, patient_id) as record_id
from reasoned
