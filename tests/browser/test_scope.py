"""Nobody gets at another site's numbers: over every page, table and export, and whatever is sent.

The exact numbers of foreign sites are secrets that are found by searching what is sent (tests.support).
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dashboard_client import CLINICAL, MEASURES, PAGES, QUALITY, STRANGER, Client
from tests.support.dashboard_release import FIRST_ID, FOREIGN, SITES, leaked, write_release
from tests.support.html_tree import Element, figures, parsed

DENIED = "No access"
FILTERS = ("", "?period=2023", "?group=approach:anterior", "?peers=similar", "?site=all", "?site=all&period=2021")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_release(folder)
    return folder


@pytest.fixture(scope="module")
def quality(home: Path) -> Client:
    return Client(home, QUALITY)


@pytest.fixture(scope="module")
def clinical(home: Path) -> Client:
    return Client(home, CLINICAL)


@pytest.fixture(scope="module", params=[QUALITY, CLINICAL, STRANGER])
def anybody(request: pytest.FixtureRequest, home: Path) -> Client:
    return Client(home, request.param)


def exports(content: Element) -> Iterator[str]:
    """Addresses of the CSV files that a page offers."""
    yield from (link.get("href") for link in content.all("a") if link.get("href").startswith("/export"))


def tables(content: Element) -> Iterator[str]:
    """Addresses of the tables that a page asks for."""
    yield from (link.get("href") for link in content.all("a") if link.get("data-action") == "table")


def seen(client: Client, path: str) -> int:
    """The status of a page of the navigation: those of single patients are not everybody's."""
    return 403 if path == "/cases" and client.get("/cases").status_code == 403 else 200


def test_the_search_for_secrets_finds_what_a_page_of_a_foreign_site_would_tell(home: Path) -> None:
    (home / "elsewhere").mkdir(exist_ok=True)
    write_release(home / "elsewhere")
    owner = Client(home / "elsewhere", CLINICAL)
    (home / "elsewhere" / "access.csv").write_text(f"user,site_id,role\n{CLINICAL},{FOREIGN},clinical\n")
    for address in ("/", *MEASURES):
        assert leaked(owner.page(address)), address
    assert not leaked(owner.page("/?site=all"))


def test_no_page_tells_a_number_of_a_foreign_site(anybody: Client) -> None:
    found = anybody.everything("/") | anybody.everything("/?site=all")
    assert {address.partition("?")[0] for address in found} >= {*PAGES, MEASURES[0]} - {"/cases"}
    for address, answer in found.items():
        assert not leaked(answer), address
        assert "No such page" not in answer or "/cases" in address, address


@pytest.mark.parametrize("query", FILTERS)
def test_no_filter_tells_a_number_of_a_foreign_site(clinical: Client, query: str) -> None:
    for path in (*PAGES, *MEASURES):
        assert not leaked(clinical.page(path + query)), path


def test_no_csv_tells_a_number_of_a_foreign_site(clinical: Client) -> None:
    contents = [parsed(answer) for answer in clinical.everything("/").values()]
    files = {file for content in contents for file in exports(content)}
    assert len(files) > 2 * len(PAGES)
    for file in sorted(files):
        response = clinical.get(file)
        assert response.status_code == 200, file
        assert not leaked(response.get_data(as_text=True)), file


@pytest.mark.parametrize("site_id", [FOREIGN, "brackenridge", "nowhere", "ashworth'--", "../ashworth"])
def test_every_page_of_a_foreign_site_is_denied(quality: Client, site_id: str) -> None:
    for path in (*PAGES, *MEASURES):
        answer = quality.page(f"{path}?site={site_id}", 403)
        assert DENIED in answer, path
        assert not leaked(answer), path
        assert figures(parsed(answer)) == [], path


def test_pages_of_one_thing_do_not_open_a_foreign_site_by_their_path(quality: Client) -> None:
    kinds = {address.partition("?")[0].rpartition("/")[0] for address in quality.everything("/")} - {""}
    for kind in kinds:
        for name in (FOREIGN, f"{FOREIGN}/patientaa", f"{FOREIGN}:patientaa", "unseen%20patientaa"):
            answer = quality.page(f"{kind}/{name}", 403 if kind.startswith("/cases") else 404)
            assert not leaked(answer.replace("unseen%20patientaa", "")), kind


def test_single_patients_are_for_the_clinical_role(quality: Client, clinical: Client) -> None:
    of_label = "/cases/of/pain_past_3_months"
    assert "patientaa" in clinical.page(of_label)
    assert "patientaa" not in quality.page(of_label, 403)
    assert "/cases" not in {link.get("href") for link in quality.content("/").all("a")}


def test_every_export_of_a_foreign_site_is_refused(quality: Client) -> None:
    for path in (*PAGES, *MEASURES):
        for file in exports(parsed(quality.page(path, seen(quality, path)))):
            mark = "&" if "?" in file else "?"
            response = quality.get(f"{file}{mark}site={FOREIGN}")
            assert response.status_code == 403, file
            assert not leaked(response.get_data(as_text=True)), file


def test_an_export_of_a_foreign_site_cannot_be_hidden_among_repeated_filters(quality: Client) -> None:
    first = quality.get(f"/export/?site=ashworth&site={FOREIGN}&card=measures")
    last = quality.get(f"/export/?site={FOREIGN}&site=ashworth&card=measures")
    assert (first.status_code, last.status_code) == (403, 200)
    assert not leaked(last.get_data(as_text=True))


def test_nothing_that_is_sent_widens_the_scope(quality: Client) -> None:
    widened = f"user={CLINICAL}&role=clinical&scope={FOREIGN}&" + "&".join(f"sites={site}" for site in SITES)
    assert DENIED in quality.page(f"/?{widened}&site={FOREIGN}", 403)
    assert not leaked(quality.page(f"/?{widened}"))
    assert "patientaa" not in quality.page(f"/cases/of/pain_past_3_months?{widened}", 403)
    assert not leaked(quality.get("/", Cookie=f"user={CLINICAL}; site={FOREIGN}").get_data(as_text=True))
    assert quality.get("/", **{"X-Forwarded-User": f"{QUALITY},{CLINICAL}"}).status_code == 403
    assert quality.get("/", **{"X-Forwarded-User": "somebody-else"}).status_code == 403


@pytest.mark.parametrize(
    "release",
    [f"../releases/{FIRST_ID}", "../../etc", "current", "", "2019-01-000000000000", "a" * 300, "%00", "%ed%a0%80"],
)
def test_no_release_that_is_named_opens_another_folder(quality: Client, release: str) -> None:
    for kind in ("table", "export"):
        foreign = quality.get(f"/{kind}/?card=measures&site={FOREIGN}&release={release}")
        assert foreign.status_code in (403, 410)
        own = quality.get(f"/{kind}/?card=measures&release={release}")
        assert own.status_code == (200 if release == "" else 410)
        assert not leaked(foreign.get_data(as_text=True) + own.get_data(as_text=True))
    assert not leaked(quality.page(f"/?release={release}"))


@pytest.mark.parametrize(
    "path",
    ["//", "/measure/../cases", "/measure/pain_past_3_months'", "/%2e%2e/etc/passwd", "/%00", "/None", "/[]", "/%ff"],
)
def test_odd_addresses_get_a_page_and_no_number(quality: Client, path: str) -> None:
    answer = quality.get(path)
    assert answer.status_code in (308, 404)
    assert not leaked(answer.get_data(as_text=True))


@pytest.mark.parametrize(
    "query", ["7", "?site=calder", "a=1", "site=%ff", "site=%00", "site=%ed%a0%80", "=", "site[]=calder"]
)
def test_odd_filters_get_a_page_and_no_number(quality: Client, query: str) -> None:
    answer = quality.get(f"/?{query}")
    assert answer.status_code in (200, 403)
    assert not leaked(answer.get_data(as_text=True))


@pytest.mark.parametrize(("query", "status"), [("", 404), (f"?site={FOREIGN}", 403)])
def test_a_patient_key_that_is_no_text_gets_a_page(clinical: Client, query: str, status: int) -> None:
    assert not leaked(clinical.page(f"/cases/%ed%a0%80{query}", status))


@pytest.mark.parametrize("path", ["measure", "cases/of"])
def test_what_somebody_types_into_a_denied_address_is_not_in_the_audit_log(
    quality: Client, home: Path, path: str
) -> None:
    quality.page(f"/{path}/typed-here?site={FOREIGN}", 403)
    quality.get(f"/export/{path}/typed-here?card=x&site={FOREIGN}")
    log = (home / "logs" / "access.jsonl").read_text(encoding="utf-8")
    assert f"denied /{path}/" in log
    assert "typed-here" not in log


def test_the_offer_of_a_new_release_tells_no_number(quality: Client) -> None:
    answer = quality.get("/offer?release=2026-01-old").get_data(as_text=True)
    assert FIRST_ID in answer
    assert not leaked(answer)
    assert quality.get(f"/offer?release={FIRST_ID}").get_data(as_text=True) == ""
    assert "<script>" not in quality.get("/offer?release=<script>").get_data(as_text=True)


def test_a_csv_holds_the_table_that_the_page_shows(quality: Client) -> None:
    for path in (*PAGES, *MEASURES):
        for section in parsed(quality.page(path, seen(quality, path))).all("section"):
            asked, files = list(tables(section)), list(exports(section))
            assert len(list(section.all("table"))) + len(asked) == len(files), (path, section.get("id"))
            if files:
                lines = csv_lines(quality, files[0])
                shown = rows(section) or rows(parsed(quality.get(asked[0]).get_data(as_text=True)))
                assert [len(line) for line in lines] == [len(row) for row in shown], files[0]
                assert lines[0] == shown[0], files[0]


def rows(content: Element) -> list[list[str]]:
    """The cells of a table, by row."""
    return [
        [cell.text for cell in row.inside if isinstance(cell, Element)]
        for row in content.all("tr")
        if row.get("class") != "group"
    ]


def test_tables_that_pages_ask_for_are_of_the_own_site_and_tell_nothing_of_others(quality: Client) -> None:
    found = 0
    for path in (*PAGES, *MEASURES):
        for address in tables(parsed(quality.page(path, seen(quality, path)))):
            found += 1
            answer = quality.get(address)
            assert answer.status_code == 200, address
            assert not leaked(answer.get_data(as_text=True)), address
            foreign = address.replace("?", f"?site={FOREIGN}&", 1)
            foreign = foreign.replace("&site=ashworth", "")
            assert quality.get(foreign).status_code == 403, foreign
    assert found > 10


def csv_lines(client: Client, file: str) -> list[list[str]]:
    """The lines of a CSV file below its comments."""
    response = client.get(file)
    assert response.status_code == 200, file
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    return [line for line in csv.reader(io.StringIO(response.get_data(as_text=True))) if not line[0].startswith("# ")]


def test_a_csv_says_what_it_is_and_holds_whole_numbers(quality: Client) -> None:
    lines = (
        quality.get(f"/export/measure/pain_past_3_months?card=value&release={FIRST_ID}")
        .get_data(as_text=True)
        .splitlines()
    )
    assert lines[1:4] == ["# of: Ashworth General", f"# release: {FIRST_ID}", "# data to: 2026-03"]
    assert lines[5].startswith("Ashworth General,0.04044117647058824,")
    assert lines[5].endswith(",22,544,96")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/export/?card=nothing", 404),
        ("/export/nowhere?card=measures", 404),
        ("/export/?card=measures&period=1999", 400),
        ("/export/?card=measures&release=2019-01-000000000000", 410),
        ("/export/?card=measures&release=../x", 410),
    ],
)
def test_an_export_that_cannot_be_says_why(quality: Client, address: str, status: int) -> None:
    response = quality.get(address)
    assert (response.status_code, response.mimetype) == (status, "text/plain")


def test_every_view_and_every_denial_is_in_the_audit_log_without_a_value(quality: Client, home: Path) -> None:
    quality.page(f"/?site={FOREIGN}", 403)
    quality.page("/?period=2023")
    lines = [json.loads(line) for line in (home / "logs" / "access.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["view"].partition("?")[0] for line in lines[-2:]] == ["denied /", "/"]
    assert lines[-1]["user"] == QUALITY
    assert not any(leaked(line) for line in map(json.dumps, lines))
