/*
title: Visits after the index fusion at which neck pain was assessed
rationale: >
  Either instrument suffices: the neck pain score, or the disability index whose pain item tells pain from disability.
  An index at or above the threshold without its pain item decides nothing.
citation: clinical specification, section 2
grain: one row per assessed visit after the index fusion
needs: [follow_up_scores, thresholds]
columns:
  is_painful: the visit shows pain past the threshold
  is_after_revision: the visit came after the first revision
  value: the neck pain score when it decides or was the only one assessed, else the disability index
*/
with judged as (
    select
        follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
        follow_up_scores.day, follow_up_scores.is_after_revision, follow_up_scores.neck_pain_nrs,
        follow_up_scores.ndi_percent,
        follow_up_scores.neck_pain_nrs >= thresholds.pain_nrs as is_painful_nrs,
        case
            when follow_up_scores.ndi_percent < thresholds.pain_ndi_percent then false
            when follow_up_scores.ndi_percent >= thresholds.pain_ndi_percent
                then follow_up_scores.ndi_pain_item >= thresholds.pain_ndi_item
        end as is_painful_ndi
    from follow_up_scores
    cross join thresholds
    where follow_up_scores.day > 0
)

select
    site_id, patient_id, follow_up_id, day, is_after_revision,
    coalesce(is_painful_nrs, false) or coalesce(is_painful_ndi, false) as is_painful,
    case
        when is_painful_nrs or (neck_pain_nrs is not null and not coalesce(is_painful_ndi, false)) then 'neck_pain_nrs'
        else 'ndi_percent'
    end as value_name,
    case
        when is_painful_nrs or (neck_pain_nrs is not null and not coalesce(is_painful_ndi, false)) then neck_pain_nrs
        else ndi_percent
    end as value
from judged
where is_painful_nrs is not null or is_painful_ndi is not null
