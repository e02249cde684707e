/*
title: What patients report, with what tells whether those who did not answer were like those who did
rationale: >
  Who died, was revised or came too lately for the question has no answer and is left out; of all others one exists,
  known or not. Age and scores are rounded, so that patients share patterns.
citation: clinical specification, section A6
grain: one row per measure with a baseline score, and episode with an answer, known or not
is_view: true
needs: [measure_results, measure_definitions, risk_factors, baseline_scores, reasons]
columns:
  status: yes, no or missing
  sex: {description: administrative gender, enum: [female, male, other, unknown]}
  age: {description: "age at the index fusion, to the nearest 5; the mean where it is missing", unit: years}
  age_known: {description: whether the age is recorded, enum: [recorded, missing]}
  approach: {description: of the index fusion, enum: [anterior, posterior, combined, unknown]}
  levels: {description: joints fused, enum: ["1", "2", "3+", unknown]}
  baseline: the baseline score of the measure, rounded; null where it is missing
*/
with answered as (
    select
        measure_results.measure, measure_results.site_id, measure_results.patient_id,
        measure_definitions.baseline_score,
        case measure_results.status when 'excluded' then 'missing' else measure_results.status end as status
    from measure_results
    inner join measure_definitions
        on
            measure_results.measure = measure_definitions.measure
            and measure_definitions.baseline_score is not null
    left join reasons
        on measure_results.reason = reasons.reason
    where measure_results.status <> 'excluded' or reasons.is_missing
)

select
    answered.measure, answered.site_id, answered.patient_id, answered.status, risk_factors.sex,
    risk_factors.age, risk_factors.age_known, risk_factors.approach, risk_factors.levels,
    case answered.baseline_score
        when 'ndi' then 10 * round(baseline_scores.ndi / 10)
        when 'neck_pain_nrs' then round(baseline_scores.neck_pain_nrs)
        when 'arm_pain_nrs' then round(baseline_scores.arm_pain_nrs)
        when 'mjoa' then round(baseline_scores.mjoa)
        when 'promis_pf_t' then 5 * round(baseline_scores.promis_pf_t / 5)
        when 'promis_pi_t' then 5 * round(baseline_scores.promis_pi_t / 5)
    end as baseline
from answered
inner join risk_factors
    on
        answered.site_id = risk_factors.site_id
        and answered.patient_id = risk_factors.patient_id
left join baseline_scores
    on
        answered.site_id = baseline_scores.site_id
        and answered.patient_id = baseline_scores.patient_id
