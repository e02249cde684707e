"""What a new site needs: a line in the register, its folders, a mapping to complete, and a list of steps."""

from dataclasses import dataclass
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.intake.landing import deliveries, is_site_id
from outcomes.intake.sources.guess import empty_mapping
from outcomes.intake.sources.redcap import find_dictionary
from outcomes.intake.sources.templates import mapping_template
from outcomes.settings import Settings
from outcomes.site_files import Site, add_lines, site_names

_CHECKLIST = """# Before {site} delivers

Files of this folder stay at the site. What is delivered is the folder `{landing}/MONTH`, and nothing else.

- [ ] Somebody is named who may decide how the extract is de-identified (safe_harbor, limited_data_set or
      expert_determination). Write it into `mapping.toml` as `method`.
- [ ] The extract's files lie in a folder of their own, with all patients from the first index fusion on.
- [ ] `mapping.toml` is read: each line marked `# guess` is right or corrected.
      outcomes mapping check {folder}/mapping.toml
- [ ] The import is tried; what is not mapped and what would be refused is understood.
      outcomes import {source} EXTRACT --site {site} --period MONTH --mapping {folder}/mapping.toml --dry-run
- [ ] The extract is imported.
      outcomes import {source} EXTRACT --site {site} --period MONTH --mapping {folder}/mapping.toml
- [ ] The submission is checked, and its report is read.
      outcomes check {made}/MONTH
- [ ] `crosswalks/{site}.csv` is kept where only the site can read it: with it the same patient has the same key next
      month, and with it the keys can be undone. It is in the backup, and it is never sent.
- [ ] The folder of the month is handed over.
"""


@dataclass(frozen=True)
class SiteKit:
    """Where the files of a new site stand, and where it delivers; `is_new` says whether the register got a line."""

    folder: Path
    mapping: Path
    checklist: Path
    landing: str
    is_new: bool


@private_files()
def make_site_kit(settings: Settings, site_id: str, name: str, extract: Path | None = None) -> SiteKit:
    """Register a site and make its folders and files; what is there already stays as it is.

    Args:
        settings: paths.
        site_id: the site.
        name: for people, in the register.
        extract: a folder with files of the site's own, from whose headers, or REDCap's data dictionary, the mapping is
            guessed; without it the mapping is a template.

    Raises:
        OutcomesError: site_unknown when it cannot name a site, sites_malformed, or source_malformed of the extract.
    """
    if not is_site_id(site_id):
        raise OutcomesError("site_unknown", "a site_id is lower-case letters, digits, - and _")
    folder, made = settings.home / "sites" / site_id, settings.landing / site_id
    kit = SiteKit(
        folder=folder,
        mapping=folder / "mapping.toml",
        checklist=folder / "checklist.md",
        landing=f"{settings.landing_url}/{site_id}" if settings.landing_url else str(made),
        is_new=site_id not in (site_names(settings.sites_file) or {}),
    )
    mapping = empty_mapping() if extract is None else mapping_template(settings, extract)
    source = "redcap" if extract is not None and find_dictionary(extract) else "table"
    for each in (folder, made):
        each.mkdir(parents=True, exist_ok=True)
    _write_new(kit.mapping, mapping)
    checklist = _CHECKLIST.format(site=site_id, source=source, folder=folder, landing=kit.landing, made=made)
    _write_new(kit.checklist, checklist)
    if kit.is_new:
        _register(settings, Site(site_id=site_id, name=name))
    return kit


def _write_new(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")


def _register(settings: Settings, site: Site) -> None:
    """Add a line to the register.

    Without a register every site is known: a new one names also those that have landed before.
    """
    landed = set() if settings.sites_file.is_file() else {each.site_id for each in deliveries(settings)}
    others = [Site(site_id=other, name="") for other in sorted(landed - {site.site_id})]
    add_lines(settings.sites_file, [*others, site], "sites_malformed")
