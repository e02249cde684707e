"""What a page is about, as the query string of its address says it; there is no other state."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args
from urllib.parse import parse_qs, urlencode

from outcomes.periods import is_month

GROUP_KINDS = ("approach", "levels_band", "age_band", "indication")
ALL_SITES = "all"
_AGES = ("under 45", "45-64", "65 and over")

Peers = Literal["all", "similar", "case_mix"]
"""All sites, or those of similar size or of similar case mix."""


class UnknownFilter(Exception):  # noqa: N818 - it is what the address holds, not a failure of ours
    """The address names something that the release does not have: `parameter` says by which of its parameters."""

    def __init__(self, parameter: str) -> None:
        super().__init__(parameter)
        self.parameter = parameter


def group_order(group: tuple[str, str]) -> tuple[int, int, str]:
    """What groups are sorted by: kind, then value, ages from the youngest on and unknown ones last."""
    kind, value = group
    age = _AGES.index(value) if value in _AGES else 0
    return GROUP_KINDS.index(kind), len(_AGES) if value == "unknown" else age, value


@dataclass(frozen=True)
class Choices:
    """What may be chosen: sites of the scope in their order, years of the index fusion, groups as kind and value."""

    sites: tuple[str, ...]
    years: tuple[str, ...]
    groups: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Filters:
    """Which patients are shown, and beside which peers; None stands for all of them.

    Of year and group only one is ever set: years of a group are not published, as most would be hidden.
    """

    site: str | None
    period: str | None = None
    group: tuple[str, str] | None = None
    peers: Peers = "all"
    month: str | None = None
    """YYYY-MM, of the log for the board; None for the last whole one."""

    @property
    def are_narrow(self) -> bool:
        """Whether some patients of the site are left out."""
        return self.period is not None or self.group is not None

    def query(self, choices: Choices) -> str:
        """The query string, with its question mark; what is chosen anyway is left out."""
        said = {
            "site": None if self.site == default_site(choices) else self.site or ALL_SITES,
            "period": self.period,
            "group": ":".join(self.group) if self.group else None,
            "peers": None if self.peers == "all" else self.peers,
            "month": self.month,
        }
        query = urlencode({name: value for name, value in said.items() if value is not None}, safe=":")
        return f"?{query}" if query else ""

    def of_all_sites(self) -> "Filters":
        """The same for all sites together."""
        return replace(self, site=None)


def default_site(choices: Choices) -> str | None:
    """The first site of the scope; all sites together for who has none."""
    return choices.sites[0] if choices.sites else None


def parse(query: str, choices: Choices) -> Filters:
    """The filters of a query string.

    A site outside of `choices` is kept: the reader denies it, and the page says so.

    Raises:
        UnknownFilter: a year, group or peer group that there is not, or what is no month.
    """
    given = {name: values[-1] for name, values in parse_qs(query.removeprefix("?")).items()}
    site = given.get("site", default_site(choices))
    group = given.get("group")
    return Filters(
        site=None if site == ALL_SITES else site,
        period=_year(given.get("period"), choices.years) if group is None else None,
        group=None if group is None else _group(group, choices.groups),
        peers=_peers(given.get("peers", "all")),
        month=_month(given.get("month")),
    )


def _month(value: str | None) -> str | None:
    if value is not None and not is_month(value):
        raise UnknownFilter("month")
    return value


def _peers(value: str) -> Peers:
    found = next((one for one in get_args(Peers) if one == value), None)
    if found is None:
        raise UnknownFilter("peers")
    return found  # type: ignore[no-any-return]


def _year(value: str | None, known: Sequence[str]) -> str | None:
    if value is not None and value not in known:
        raise UnknownFilter("period")
    return value


def _group(text: str, known: Sequence[tuple[str, str]]) -> tuple[str, str]:
    kind, _, value = text.partition(":")
    if (kind, value) not in known:
        raise UnknownFilter("group")
    return kind, value
