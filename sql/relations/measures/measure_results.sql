/*
title: Answer of each measure for each episode
grain: one row per measure and episode
is_view: true
needs: [label_answers, window_pain, late_pain, within_horizons, red_flag_care, mcid, myelopathy_mcid, improved,
  acceptable, eq5d_classes, substantial_benefit, satisfaction, follow_up, event_rates]
columns:
  measure: the measure
  status: yes (in the numerator), no, or excluded (not in the denominator)
  reason: why excluded; null otherwise
  days: of a rate, person-days at risk; null otherwise
*/
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from label_answers
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from window_pain
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from late_pain
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from within_horizons
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from red_flag_care
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from mcid
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from myelopathy_mcid
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from improved
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from acceptable
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from eq5d_classes
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from substantial_benefit
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from satisfaction
union all
select
    measure, site_id, patient_id, status, reason,
    cast(null as bigint) as days
from follow_up
union all
select measure, site_id, patient_id, status, reason, days
from event_rates
