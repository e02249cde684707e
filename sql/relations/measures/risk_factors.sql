/*
title: Case mix of each episode, as the risk models use it
rationale: >
  A missing value is no reason to leave a patient out of a comparison. Of a category it is a level of its own, unknown;
  of age and the baseline Neck Disability Index it is filled with the mean of the known and marked missing, so that the
  model gives those patients a step of their own. Age and index are rounded, to 5 years and 10 percentage points, for
  patients to share patterns: a model is then fitted to patterns instead of patients, and the steps are far smaller than
  the spread of either.
citation: clinical specification, section 8
grain: one row per episode
needs: [episodes, baseline_scores]
columns:
  sex: {description: administrative gender, enum: [female, male, other, unknown]}
  age: {description: "age at the index fusion, to the nearest 5; the mean where it is missing", unit: years}
  age_known: {description: whether the age is recorded, enum: [recorded, missing]}
  smoking: {enum: [never, former, current, unknown]}
  diabetes: {enum: ["yes", "no", unknown]}
  asa_class: {description: ASA physical status, enum: ["1", "2", "3", "4 and over", unknown]}
  prior_surgery: {description: cervical surgery before the index fusion, enum: ["yes", "no", unknown]}
  approach: {description: of the index fusion, enum: [anterior, posterior, combined, unknown]}
  levels: {description: joints fused, enum: ["1", "2", "3+", unknown]}
  ndi: {description: "baseline Neck Disability Index, to the nearest 10; the mean where it is missing", unit: percent}
  ndi_known: {description: whether the baseline index is recorded, enum: [recorded, missing]}
  indication: {enum: [radiculopathy, myelopathy, both, other, unknown]}
  workers_compensation: {enum: ["yes", "no", unknown]}
*/
with rounded as (
    select
        episodes.site_id, episodes.patient_id, episodes.sex, episodes.smoking, episodes.diabetes,
        episodes.asa_class, episodes.prior_cervical_surgery, episodes.approach,
        episodes.levels_band, episodes.indication, episodes.workers_compensation,
        cast(5 * round(episodes.age_years / 5.0) as bigint) as age,
        cast(10 * round(baseline_scores.ndi / 10.0) as bigint) as ndi
    from episodes
    left join baseline_scores
        on
            episodes.site_id = baseline_scores.site_id
            and episodes.patient_id = baseline_scores.patient_id
),

means as (
    select
        cast(5 * round(avg(age) / 5.0) as bigint) as age,
        cast(10 * round(avg(ndi) / 10.0) as bigint) as ndi
    from rounded
)

select
    rounded.site_id, rounded.patient_id,
    coalesce(rounded.sex, 'unknown') as sex,
    coalesce(rounded.age, means.age, 0) as age,
    case when rounded.age is null then 'missing' else 'recorded' end as age_known,
    coalesce(rounded.smoking, 'unknown') as smoking,
    case rounded.diabetes when true then 'yes' when false then 'no' else 'unknown' end as diabetes,
    case
        when rounded.asa_class >= 4 then '4 and over'
        else coalesce(cast(rounded.asa_class as varchar), 'unknown')
    end as asa_class,
    case rounded.prior_cervical_surgery when true then 'yes' when false then 'no' else 'unknown' end as prior_surgery,
    coalesce(rounded.approach, 'unknown') as approach,
    rounded.levels_band as levels,
    coalesce(rounded.ndi, means.ndi, 0) as ndi,
    case when rounded.ndi is null then 'missing' else 'recorded' end as ndi_known,
    coalesce(rounded.indication, 'unknown') as indication,
    case rounded.workers_compensation when true then 'yes' when false then 'no' else 'unknown' end
        as workers_compensation
from rounded
cross join means
