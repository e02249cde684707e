"""The digest of a site: what a release changed, as an e-mail that holds no count of patients.

An e-mail is not behind the login, so it says less than the first screen, from the same data: no count of patients, and
no value that rests on few of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from dashboards import wording
from dashboards.access.scope import Scope
from dashboards.data import alarms, measures
from dashboards.data.changes import Changes, Moved, changes
from dashboards.data.measures import Value
from dashboards.data.reader import Releases
from dashboards.filters import Filters
from dashboards.mail import MailServer, send
from dashboards.pages.frame import PRODUCT, View
from dashboards.pages.news import changed_otherwise, data_lines
from dashboards.rendering import render
from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.settings import Settings
from outcomes.site_files import DigestAddress, read_site_file
from outcomes.whole_files import write_whole

_BY_CHANCE = "Better and worse say where a number moved, by chance or not."


@dataclass(frozen=True)
class Digest:
    """A digest: the same in text and in HTML."""

    site_id: str
    release_id: str
    subject: str
    text: str
    html: str


def digest(settings: Settings, site_id: str) -> Digest | None:
    """The digest of the current release; None where nothing has changed for the site since the release before.

    Of a first release everything counts as changed; where the one before can be read no more nothing is said.

    Raises:
        OutcomesError: no_release; report_unknown - the release does not have the site.
    """
    releases = Releases.of(settings)
    reader = releases.read(Scope("digest", frozenset({site_id}), "quality"))
    if reader is None:
        raise OutcomesError("no_release", str(settings.releases))
    if site_id not in {site.site_id for site in measures.sites(reader)}:
        raise OutcomesError("report_unknown", "the site")
    view = View(
        reader, Filters(site_id), measures.choices(reader), "/", settings=settings, releases=releases, is_file=True
    )
    found = changes(view.before, reader, site_id) if view.before else None
    is_first = reader.published_after is None
    if not is_first and (found is None or not found.any):
        return None
    return _composed(view, site_id, found)


@private_files()
def write_digest(settings: Settings, site_id: str) -> Digest | None:
    """Write the digest as `reports/<site>/<release>-digest.txt` and `.html`, each whole; None where there is none.

    Raises:
        OutcomesError: as `digest`.
    """
    made = digest(settings, site_id)
    if made is not None:
        write_whole(_path(settings, made, "txt"), made.text.encode())
        write_whole(_path(settings, made, "html"), made.html.encode())
    return made


@private_files()
def send_digest(settings: Settings, made: Digest, server: MailServer) -> bool:
    """Send a digest to the addresses that digests.csv has for its site, once.

    A marker beside the digest is made before the message leaves and taken away only when the server has refused it, so
    that a second try never sends a second message, not even after a crash between the two.

    Returns:
        Whether it was sent now: not without an address, and not a second time.

    Raises:
        OutcomesError: digests_malformed.
        OSError: the server cannot be reached, or has refused the message.
    """
    addresses = _addresses(settings, made.site_id)
    marker = _path(settings, made, "sent")
    if not addresses or marker.exists():
        return False
    send(server, _message(made), addresses, marker)
    return True


def _composed(view: View, site_id: str, found: Changes | None) -> Digest:
    data = data_lines(view, site_id, view.minimum_cell_count)
    sections = [
        ("What changed", _changed(view, found)),
        ("What stands out", _standing_out(view, site_id)),
        ("The data behind it", data or ["Nothing is refused or failing."]),
    ]
    # A header of an e-mail is one line, whatever a site's name holds.
    subject = " ".join(f"{view.who}: {PRODUCT.lower()}, release {view.reader.release_id}".split())
    text, html = (
        render(f"digest.{ending}", subject=subject, view=view, sections=sections) for ending in ("txt", "html")
    )
    return Digest(site_id, view.reader.release_id, subject, text, html)


def _changed(view: View, found: Changes | None) -> Sequence[str]:
    if found is None:
        return ["This is the first release."]
    moved = [_moved(view, one) for one in found.moved]
    return [*moved, *changed_otherwise(view, found), *[_BY_CHANCE] * bool(moved)]


def _moved(view: View, one: Moved) -> str:
    before, now = (_amount(view, one, value) for value in (one.before, one.now))
    if None in {before, now}:
        said = "has changed; whether to the better or the worse is not told of few patients"
    elif before == now:
        said = f"still {'without a value' if now == wording.DASH else now}, neither better nor worse"
    else:
        said = f"{before} → {now}, {wording.towards(one.towards)}"
    return f"{one.measure.title}: {said}{', by a new version of its definition' if one.is_redefined else ''}."


def _amount(view: View, one: Moved, value: Value | None) -> str | None:
    """A value in words; None where few patients are behind it, with the outcome or without."""
    if value is None:
        return wording.DASH
    patients, with_it = value.patients or 0, value.numerator or 0
    is_few = any(0 < count < view.minimum_cell_count for count in (patients, with_it, patients - with_it))
    return None if is_few else wording.short_amount(one.measure, value)


def _standing_out(view: View, site_id: str) -> Sequence[str]:
    named = alarms.own(view.reader, site_id)
    said = [f"{view.measures[measure].title}: {wording.named(one)}" for measure, one in named.items()]
    return said or ["Nothing stands out."]


def _message(made: Digest) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = made.subject
    # The same for the same release, so that a mail system that gets it twice can tell.
    message["Message-ID"] = f"<{made.release_id}.{made.site_id}@digest.invalid>"
    message.set_content(made.text)
    message.add_alternative(made.html, subtype="html")
    return message


def _addresses(settings: Settings, site_id: str) -> list[str]:
    if not settings.digests_file.exists():
        return []
    lines = read_site_file(settings.digests_file, DigestAddress, "digests_malformed").values()
    return sorted(line.address for line in lines if line.site_id == site_id)


def _path(settings: Settings, made: Digest, ending: str) -> Path:
    return settings.reports / made.site_id / f"{made.release_id}-digest.{ending}"
