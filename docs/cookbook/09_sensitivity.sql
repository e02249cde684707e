/*
title: How much rests on a convention
question: How far does the share of pain past 3 months move with the pain score that counts as pain?
note: >
  Published rates differ severalfold by definition alone. The mart tries the values beside the default one, for several
  labels.
needs: [sensitivity]
*/
select
    setting,
    is_default,
    yes,
    no,
    not_assessable,
    round(100 * share, 1) as percent
from sensitivity
where label = 'pain_past_3_months' and convention = 'pain_nrs'
order by setting
