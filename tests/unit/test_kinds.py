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
        ("other", 40, False),
        ("removal", None, True),
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


def test_a_kind_that_others_than_one_site_hardly_have_is_hidden_from_that_site() -> None:
    """Site a knows its own 40: of the 45 the others have 5."""
    of_sites = [_kinds("pain", {"persistent": 60, "recurrent": 30, "late": yes}, site) for site, yes in OF_SITES]
    shown = protected_kinds(pa.concat_tables(of_sites), _measures(pain="shown"), MINIMUM)
    states = dict(zip(shown["kind"].to_pylist(), shown["state"].to_pylist(), strict=True))
    assert states == {"late": "suppressed", "persistent": "shown", "recurrent": "suppressed"}
    three = protected_kinds(pa.concat_tables(of_sites[:3]), _measures(pain="shown"), MINIMUM)
    assert set(three["state"].to_pylist()) == {"shown"}


OF_SITES = [("a", 40), ("b", 5), ("c", 0), ("d", 0)]


def _kinds(label: str, counts: dict[str, int], site: str = "a") -> pa.Table:
    return pa.Table.from_pylist(
        [{"label": label, "kind": name, "site_id": site, "episodes": count} for name, count in counts.items()]
    )


def _measures(site_id: str | None = None, **states: str) -> pa.Table:
    everybody = {"site_id": site_id, "resolution": "all", "stratum_kind": "all"}
    rows = [{"measure": measure, **everybody, "state": state} for measure, state in states.items()]
    return marts.table(marts.protected("measures"), rows)
