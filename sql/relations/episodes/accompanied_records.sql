/*
title: Records beside the code that theirs needs
rationale: >
  A code that names no region of the spine counts only beside one that does, of the same day or encounter.
citation: clinical specification, sections 3, 4 and 6
grain: one row per record and code list that its code needs
needs: [coded_records]
columns:
  needs: the code list of the companion
*/
select distinct coded_records.source_table, coded_records.site_id, coded_records.record_id, coded_records.needs
from coded_records
inner join coded_records as companions
    on
        coded_records.needs = companions.list
        and coded_records.site_id = companions.site_id
        and coded_records.patient_id = companions.patient_id
        and (
            coded_records.day = companions.day
            or coded_records.encounter_id = companions.encounter_id
        )
