/*
title: Episodes
grain: one row per patient in the cohort, with the index fusion, its strata and how long it was observed
key: [site_id, patient_id]
contract_table: patients
needs: [episodes]
columns:
  site_id: the site
  patient_id:
  index_period:
  index_year: {description: year of the index fusion, unit: year}
  sex:
  age_years:
  age_band:
    description: age at the index fusion, in bands
    enum: [under 45, 45-64, 65 and over, unknown]
  bmi:
  smoking:
  diabetes:
  asa_class:
  prior_cervical_surgery:
  indication:
  workers_compensation:
  preop_opioid_use:
  is_trauma: an injury code belongs to the index fusion
  is_tumour: a tumour code belongs to the index fusion
  is_infection: an infection code belongs to the index fusion
  approach:
    description: approach of the index fusion, its stages taken together
    enum: [anterior, posterior, combined]
  index_levels: "joints fused, from above, joined by a semicolon; null when not recorded"
  level_count: {description: number of joints fused, unit: joints}
  levels_band: {description: number of joints fused in bands, enum: ["1", "2", "3+", unknown]}
  is_staged: the index fusion was done in stages on more than one day
  observed_days:
    description: "how long the patient was really observed: to death, last contact or the data cut"
    unit: days since the index fusion
  death_day:
  first_revision_day:
    description: "day of the first revision; null when none"
    unit: days since the index fusion
  treatment_data_complete:
*/
select
    site_id,
    patient_id,
    index_period,
    index_year,
    sex,
    age_years,
    age_band,
    bmi,
    smoking,
    diabetes,
    asa_class,
    prior_cervical_surgery,
    indication,
    workers_compensation,
    preop_opioid_use,
    is_trauma,
    is_tumour,
    is_infection,
    approach,
    index_levels,
    level_count,
    levels_band,
    is_staged,
    observed_days,
    death_day,
    first_revision_day,
    treatment_data_complete
from episodes
order by site_id, patient_id
