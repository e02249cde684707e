"""The invented sites: how each of them codes, measures and delivers."""

from dataclasses import dataclass, replace
from typing import Literal

Method = Literal["safe_harbor", "expert_determination", "limited_data_set"]


@dataclass(frozen=True)
class SiteProfile:
    """One invented site.

    `volume` is its relative number of patients. `ndi_form` says what it sends of the Neck Disability Index: the ten
    items with a total in points, or a total alone in points or in percent. `nrs_step` is the step of its pain scale
    (0.5 where a visual analogue scale is read off). Outcomes differ by chance only, unless a story is planted.
    """

    site_id: str
    name: str
    volume: float = 1.0
    method: Method = "limited_data_set"
    code_system: Literal["CPT", "ICD10PCS"] = "CPT"
    ndi_form: Literal["items", "points", "percent"] = "items"
    file_format: Literal["csv", "parquet"] = "csv"
    dotted_codes: bool = False
    has_imaging: bool = True
    has_treatments: bool = True
    nrs_step: float = 1.0
    levels_missing: float = 0.02


_PROFILES = (
    SiteProfile("alder", "Alder Spine Centre", volume=1.6, dotted_codes=True),
    SiteProfile(
        "birch",
        "Birch University Hospital",
        volume=1.3,
        method="expert_determination",
        code_system="ICD10PCS",
        ndi_form="percent",
        file_format="parquet",
    ),
    SiteProfile(
        "cedar",
        "Cedar Valley Neurosurgery",
        method="safe_harbor",
        ndi_form="points",
        nrs_step=0.5,
    ),
    SiteProfile("dogwood", "Dogwood Community Hospital", volume=1.3, has_imaging=False, dotted_codes=True),
    SiteProfile("elm", "Elm Street Spine Institute", volume=1.0, code_system="ICD10PCS"),
    SiteProfile(
        "fir",
        "Fir Coast Medical Centre",
        volume=0.7,
        method="expert_determination",
        has_treatments=False,
    ),
)

_MORE_NAMES = ("Hazel", "Juniper", "Larch", "Maple", "Oak", "Pine", "Rowan", "Spruce", "Tamarack", "Willow")


def site_profiles(sites: int) -> tuple[SiteProfile, ...]:
    """The first `sites` sites; beyond the six described ones they repeat under other names."""
    return tuple(_profile(number) for number in range(sites))


def _profile(number: int) -> SiteProfile:
    described = _PROFILES[number % len(_PROFILES)]
    if number < len(_PROFILES):
        return described
    turn, place = divmod(number - len(_PROFILES), len(_MORE_NAMES))
    name = _MORE_NAMES[place] + (f" {turn + 1}" if turn else "")
    return replace(described, site_id=name.lower().replace(" ", "-"), name=f"{name} Hospital")
