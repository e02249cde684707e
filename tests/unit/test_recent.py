"""What is held of what was worked out lately."""

from outcomes.intake.recent import Recent


def test_what_was_used_longest_ago_goes_first() -> None:
    recent: Recent[str, int] = Recent(10)
    for key, value in {"a": 1, "b": 2}.items():
        recent.keep(key, value, 5)
    assert recent.get("a") == 1
    recent.keep("c", 3, 5)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_what_is_larger_than_the_limit_is_not_held() -> None:
    recent: Recent[str, int] = Recent(10)
    recent.keep("a", 1, 11)
    assert recent.get("a") is None


def test_a_value_kept_again_counts_once() -> None:
    recent: Recent[str, int] = Recent(10)
    for value in (1, 2):
        recent.keep("a", value, 6)
    assert recent.get("a") == 2
