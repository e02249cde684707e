"""What rules affect is never less than what moves: a column is emptied, and the measures that change are named."""

from outcomes.measures.inputs import make_inputs
from outcomes.measures.rules import measures_that_read
from tests.generative.histories import patients
from tests.generative.test_empty_columns import OPTIONAL, Place, _without
from tests.support.situations import label

PATIENTS = patients(5, seed=5)


def test_every_measure_that_an_emptied_column_moves_is_known_to_read_it() -> None:
    variants: list[tuple[Place, ...]] = [(), *((place,) for place in OPTIONAL)]
    con = label(
        {
            f"{number:03}-{who:03}": _without(patient.tables, empty)
            for number, empty in enumerate(variants)
            for who, patient in enumerate(PATIENTS)
        }
    )
    make_inputs(con)
    moved = con.execute(
        """
        with answers as (
            select
                measure,
                cast(split_part(site_id, '-', 1) as integer) as variant,
                split_part(site_id, '-', 2) as who,
                status, reason
            from measure_results
        )
        select distinct variant, measure
        from (
            from answers
            except
            select measure, variants.variant, who, status, reason
            from answers
            cross join (select distinct variant from answers) as variants
            where answers.variant = 0
        ) as changed
        order by all
        """
    ).fetchall()
    unknown = {
        (variants[variant][0], measure)
        for variant, measure in moved
        if measure not in measures_that_read(frozenset(variants[variant]))
    }
    assert unknown == set()
    assert len(moved) > len(OPTIONAL)
