"""Take pictures of the dashboards of the current release: `python -m scripts.screenshots`, from the checkout's root."""

import argparse
from pathlib import Path
from typing import Literal

from playwright.sync_api import FloatRect

from tests.support.browser import browser, serving, wait_until_drawn

PAGES = {
    "overview": "/",
    "overview-all-sites": "/?site=all",
    "measure": "/measure/pain_12_months",
    "pain-and-recovery": "/pain",
    "adjacent-segment-disease": "/asd",
    "revision": "/revision",
    "causes-and-red-flags": "/causes",
    "signals": "/signals",
    "network": "/network",
    "data-quality": "/data-quality",
    "cases": "/cases",
    "definitions": "/definitions",
    "research-access": "/research",
    # of docs/tour.md: what is planted in the demo
    "tour-first-page": "/?site=dogwood",
    "tour-measure": "/measure/revision_2_years?site=elm",
    "tour-signals": "/signals?site=elm",
    "tour-patients": "/cases/signal/elm/revision_2_years/funnel/2026?site=elm",
}
_TALLEST = 2400
"""Pixels of a page that a picture shows; lists go on below."""


def take(home: Path, folder: Path, width: int, scheme: Literal["light", "dark"]) -> list[Path]:
    """Write one picture of each page.

    Args:
        home: the folder that holds all data, a published release included.
        folder: where the pictures go.
        width: of the window, in pixels.
        scheme: `light` or `dark`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    with serving(home, cases="true") as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        for name, path in PAGES.items():
            page.goto(address + path)
            wait_until_drawn(page)
            pictures.append(folder / f"{name}.png")
            height = min(page.evaluate("document.documentElement.scrollHeight"), _TALLEST)
            clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
            page.screenshot(path=pictures[-1], full_page=True, clip=clip)
    return pictures


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of the dashboards of the current release.")
    parser.add_argument("--home", type=Path, default=Path("data"), help="folder that holds all data (default: data)")
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"), help="where the pictures go")
    parser.add_argument("--width", type=int, default=1440, help="width of the window in pixels (default: 1440)")
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    options = parser.parse_args()
    for picture in take(options.home, options.out, options.width, options.scheme):
        print(picture)


if __name__ == "__main__":
    main()
