/*
title: Recorded codes that a code list knows
rationale: >
  Codes are matched once, over the distinct codes of the lake, so that every later join is an equality. The dates of a
  code hold in every list, also where a list covers it by a prefix only; those of a prefix hold for all its codes.
grain: one row per code list entry and recorded code
needs: [code_lists]
*/
with recorded_codes as (
    select code_system, code
    from procedures
    union
    select code_system, code
    from diagnoses
    union
    select code_system, code
    from treatments
)

select
    code_lists.list,
    max(code_lists.valid_from) over code_of_system as valid_from,
    min(code_lists.valid_to) over code_of_system as valid_to,
    recorded_codes.code_system, recorded_codes.code, code_lists.approach, code_lists.is_add_on,
    code_lists.joints, code_lists.procedure_group, code_lists.needs, code_lists.joint,
    code_lists.family, code_lists.treatment_class
from recorded_codes
inner join code_lists
    on
        recorded_codes.code_system = code_lists.system
        and case
            when code_lists.is_prefix then starts_with(recorded_codes.code, code_lists.code)
            else recorded_codes.code = code_lists.code
        end
        and (
            code_lists.seventh_characters is null
            or (
                length(recorded_codes.code) = 7
                and contains(code_lists.seventh_characters, substr(recorded_codes.code, 7))
            )
        )
window code_of_system as (partition by recorded_codes.code_system, recorded_codes.code)
