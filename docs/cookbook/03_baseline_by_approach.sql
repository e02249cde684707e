/*
title: Patients by approach
question: Who was operated from the front, from the back, from both sides?
note: >
  The start of a Table 1; the notebook [Table 1](notebooks/table_1.ipynb) has all of it. Percentages are of the patients
  of whom it is known.
needs: [episodes]
*/
select
    approach,
    count(*) as patients,
    round(avg(age_years), 1) as mean_age,
    round(100 * avg(case when sex = 'female' then 1 when sex = 'male' then 0 end), 1) as percent_female,
    round(100 * avg(case when smoking = 'unknown' then null when smoking = 'current' then 1 else 0 end), 1)
        as percent_smoking,
    round(100 * avg(case when level_count >= 2 then 1 when level_count = 1 then 0 end), 1)
        as percent_two_or_more_levels
from episodes
group by approach
order by approach
