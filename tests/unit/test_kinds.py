"""The kinds of a label in the form that may be shown."""

import pyarrow as pa

from outcomes.disclosure.kinds import protected_kinds
from tests.support import marts

MINIMUM = 11


def test_kinds_are_hidden_with_others() -> None:
    kinds = _kinds("revision_performed", {"fusion": 3, "removal": 20, "other": 37})
    shown = protected_kinds(kinds, _measures(revision_performed="shown"), MINIMUM).to_pylist()
    assert [(row["kind"], row["episodes"], row["state"] == "suppressed") for row in shown] == [
        ("fusion", None, True),
        ("removal", None, True),
        ("other", 40, False),
    ]


def test_kinds_of_a_hidden_sum_are_not_listed() -> None:
    kinds = protected_kinds(_kinds("pain", {"persistent": 2, "recurrent": 3}), _measures(pain="suppressed"), MINIMUM)
    assert kinds.to_pylist() == [{"label": "pain", "kind": None, "episodes": None, "state": "suppressed"}]


def test_only_the_sum_of_all_sites_counts() -> None:
    kinds = _kinds("pain", {"persistent": 20, "recurrent": 30})
    shown = protected_kinds(kinds, _measures("site-1", pain="suppressed"), MINIMUM)
    assert shown["episodes"].to_pylist() == [20, 30]


def test_kinds_that_give_each_other_back_are_hidden_together() -> None:
    kinds = pa.concat_tables(
        [
            _kinds("clinical_asd", {"possible": 12, "probable": 28}),
            _kinds("suspected_asd", {"both": 3, "clinical": 25, "surgical": 12}),
        ]
    )
    of_all = _measures(clinical_asd="shown", suspected_asd="shown", surgical_asd="shown")
    assert {row["episodes"] for row in protected_kinds(kinds, of_all, MINIMUM).to_pylist()} == {None}


def _kinds(label: str, counts: dict[str, int]) -> pa.Table:
    return pa.Table.from_pylist([{"label": label, "kind": name, "episodes": count} for name, count in counts.items()])


def _measures(site_id: str | None = None, **states: str) -> pa.Table:
    everybody = {"site_id": site_id, "resolution": "all", "stratum_kind": "all"}
    rows = [{"measure": measure, **everybody, "state": state} for measure, state in states.items()]
    return marts.table(marts.protected("measures"), rows)
