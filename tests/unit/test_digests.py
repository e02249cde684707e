"""The digest of a site: only when something changed, without counts of patients, and never sent twice."""

import html
import re
import smtplib
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards import digests
from dashboards.data.changes import Changes, changes
from dashboards.data.reader import Reader
from dashboards.digests import Digest, digest, send_digest, write_digest
from dashboards.mail import MailServer
from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from tests.support.dashboard_release import FIRST_ID, SECOND_ID, leaked, write_release
from tests.support.mailbox import receiving

SITE = "ashworth"


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two releases, of which the second has more patients."""
    home = tmp_path_factory.mktemp("changed")
    write_release(home)
    write_release(home, SECOND_ID, patients=900, after=FIRST_ID)
    return Settings(home=home)


@pytest.fixture
def made(changed: Settings) -> Digest:
    found = digest(changed, SITE)
    assert found is not None
    return found


def test_nothing_changed_no_digest_and_no_file(tmp_path: Path) -> None:
    write_release(tmp_path)
    write_release(tmp_path, SECOND_ID, after=FIRST_ID)
    assert write_digest(Settings(home=tmp_path), SITE) is None
    assert not (tmp_path / "reports").exists()


def test_the_first_release_has_one(tmp_path: Path) -> None:
    write_release(tmp_path)
    found = digest(Settings(home=tmp_path), SITE)
    assert found is not None
    assert "This is the first release." in found.text


def test_it_says_what_changed_what_stands_out_and_what_is_refused(made: Digest) -> None:
    assert made.subject == f"Ashworth General: outcomes after cervical fusion, release {SECOND_ID}"
    assert "- Neck pain at 12 months: still 27\u00a0%, neither better nor worse." in made.text
    assert "- Better and worse say where a number moved, by chance or not." in made.text
    assert "- Neck pain at 12 months: more than expected for these patients. Chance alone gives this at" in made.text
    assert "- Refused as last sent: February\u00a02026." in made.text
    assert not re.search(r"\n{3}", made.text)


def test_text_and_html_say_the_same(made: Digest) -> None:
    body = made.html.partition("<body>")[2]
    of_html = html.unescape(re.sub(r"<[^>]+>", " ", body)).split()
    assert of_html == [word for word in made.text.split() if word != "-"]


def test_no_count_of_patients_and_nothing_of_other_sites_or_of_a_patient(made: Digest) -> None:
    assert not re.search(r"\d+ (more |fewer |assessed )?patients(?! at other sites)", made.text)
    assert not re.search(r"observed|assessed|→.*\(", made.text)
    assert leaked(made.text + made.html) == []
    assert not re.search(r"patient_id|\bP-?\d{3}", made.text + made.html)


@pytest.mark.parametrize(("patients", "numerator"), [(10, 0), (500, 3), (500, 495)])
def test_a_value_that_rests_on_few_patients_is_not_said(
    changed: Settings, monkeypatch: pytest.MonkeyPatch, patients: int, numerator: int
) -> None:
    def with_few(before: Reader, now: Reader, site_id: str) -> Changes:
        found = changes(before, now, site_id)
        first = found.moved[0]
        assert first.now is not None
        few = replace(first.now, patients=patients, numerator=numerator)
        return replace(found, moved=[replace(first, now=few)])

    monkeypatch.setattr(digests, "changes", with_few)
    found = digest(changed, SITE)
    assert found is not None
    assert "- Neck pain at 12 months: has changed; whether to the better or the worse is not told" in found.text


@pytest.mark.parametrize(("estimate", "said"), [(0.4, "worse"), (0.1, "better")])
def test_it_says_whether_a_number_moved_to_the_better_or_the_worse(
    changed: Settings, monkeypatch: pytest.MonkeyPatch, estimate: float, said: str
) -> None:
    def with_another(before: Reader, now: Reader, site_id: str) -> Changes:
        found = changes(before, now, site_id)
        first = found.moved[0]
        assert first.now is not None
        return replace(found, moved=[replace(first, now=replace(first.now, estimate=estimate))])

    monkeypatch.setattr(digests, "changes", with_another)
    found = digest(changed, SITE)
    assert found is not None
    assert f"- Neck pain at 12 months: 27\u00a0% → {estimate:.0%}, to the {said}." in found.text.replace(
        "\u00a0%,", "%,"
    )


def test_a_site_that_the_release_does_not_have(changed: Settings) -> None:
    with pytest.raises(OutcomesError, match="report_unknown"):
        digest(changed, "nowhere")


def test_it_is_written_for_its_owner_alone(changed: Settings) -> None:
    write_digest(changed, SITE)
    files = sorted(file for file in (changed.reports / SITE).iterdir() if "digest" in file.name)
    assert [file.name for file in files] == [f"{SECOND_ID}-digest.html", f"{SECOND_ID}-digest.txt"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def addressed(home: Path, *lines: str) -> Settings:
    settings = Settings(home=home)
    settings.digests_file.write_text("\n".join(["site_id,address", *lines, ""]), encoding="utf-8")
    (settings.reports / SITE).mkdir(parents=True)
    return settings


def server_at(port: int) -> MailServer:
    return MailServer("127.0.0.1", port, "registry@registry.example", is_ssl=False, is_starttls=False)


def test_it_goes_to_the_addresses_of_its_site_once(made: Digest, tmp_path: Path) -> None:
    settings = addressed(tmp_path, f"{SITE},b@a.example", f"{SITE},a@a.example", "calder,c@c.example")
    with receiving() as (port, received):
        assert send_digest(settings, made, server_at(port))
        assert not send_digest(settings, made, server_at(port))
    (one,) = received
    assert one.recipients == ["a@a.example", "b@a.example"]
    assert (one.message["From"], one.message["Subject"]) == ("registry@registry.example", made.subject)
    assert [part.get_content_type() for part in one.message.iter_parts()] == ["text/plain", "text/html"]
    assert "a@a.example" not in one.message.as_string()


def test_without_an_address_nothing_is_sent(made: Digest, tmp_path: Path) -> None:
    with receiving() as (port, received):
        assert not send_digest(Settings(home=tmp_path), made, server_at(port))
        assert not send_digest(addressed(tmp_path, "calder,c@c.example"), made, server_at(port))
    assert received == []


def test_what_the_server_refused_is_tried_again(made: Digest, tmp_path: Path) -> None:
    settings = addressed(tmp_path, f"{SITE},a@a.example")
    with receiving(b"451 later") as (port, _), pytest.raises(smtplib.SMTPDataError):
        send_digest(settings, made, server_at(port))
    with receiving() as (port, received):
        assert send_digest(settings, made, server_at(port))
    assert len(received) == 1


def test_what_may_have_been_sent_is_not_sent_again(made: Digest, tmp_path: Path) -> None:
    """The connection ends after the message, before the server's answer."""
    settings = addressed(tmp_path, f"{SITE},a@a.example")
    with receiving(None) as (port, received):
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send_digest(settings, made, server_at(port))
        assert not send_digest(settings, made, server_at(port))
    assert len(received) == 1


def test_a_server_that_is_away_is_tried_again(made: Digest, tmp_path: Path) -> None:
    settings = addressed(tmp_path, f"{SITE},a@a.example")
    with receiving() as (port, _):
        pass
    with pytest.raises(OSError, match="refused"):
        send_digest(settings, made, server_at(port))
    assert not list(settings.reports.rglob("*.sent"))


def test_an_address_is_one_address(made: Digest, tmp_path: Path) -> None:
    settings = addressed(tmp_path, f'{SITE},"a@a.example, b@b.example"')
    with pytest.raises(OutcomesError, match="digests_malformed"):
        send_digest(settings, made, server_at(1))
