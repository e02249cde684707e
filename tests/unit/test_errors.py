"""Codes and exit statuses: stable, and each means one thing."""

from outcomes.errors import MISTAKES, OutcomesError


def test_no_two_codes_share_an_exit_status() -> None:
    statuses = [mistake.exit_status for mistake in MISTAKES.values()]
    assert len(set(statuses)) == len(statuses)


def test_a_mistake_says_what_where_and_what_to_do() -> None:
    found = OutcomesError("no_release", "data/releases")
    assert str(found) == (
        "no_release: there is no such release (data/releases). "
        "To do: run `outcomes release`, or name one of those in the folder of releases."
    )
    assert (found.code, found.exit_status) == ("no_release", 42)
