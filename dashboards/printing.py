"""Paper and pictures of what is written as HTML or SVG, by a browser of this machine that shows no window."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from outcomes.errors import OutcomesError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
"""What Chromium and its kin are called on a PATH."""
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # What is drawn holds all that it needs: no host is ever asked.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
)
_SECONDS = 300
"""Nothing takes so long to draw."""


def find_browser(named: Path | None) -> Path | None:
    """Chromium or one of its kin: the one that is named, else the first on PATH; None where there is none.

    Args:
        named: the setting `OUTCOMES_BROWSER`.
    """
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)
    return Path(found) if found else None


def needed_browser(named: Path | None) -> Path:
    """The same.

    Raises:
        OutcomesError: browser_missing.
    """
    found = find_browser(named)
    if found is None:
        raise OutcomesError("browser_missing", "OUTCOMES_BROWSER" if named else "PATH")
    return found


def as_pdf(browser: Path, html: str) -> bytes:
    """A document as PDF, on the paper that its style names.

    Raises:
        OutcomesError: browser_failed.
    """
    return _drawn(browser, html, "page.html", "page.pdf", "--print-to-pdf={}")


def as_png(browser: Path, svg: str, width: int, height: int) -> bytes:
    """A drawing as a picture of twice as many pixels a side.

    Args:
        browser: see `find_browser`.
        svg: the drawing.
        width: of the drawing, in pixels.
        height: the same.

    Raises:
        OutcomesError: browser_failed.
    """
    size = f"--window-size={width},{height}"
    return _drawn(browser, svg, "tile.svg", "tile.png", "--screenshot={}", size, "--force-device-scale-factor=2")


def _drawn(browser: Path, text: str, name: str, drawn: str, *flags: str) -> bytes:
    """What a browser with an empty profile of its own makes of a file; both hold exact numbers, and both are gone."""
    with tempfile.TemporaryDirectory(prefix="outcomes-") as folder:
        source, made = Path(folder, name), Path(folder, drawn)
        source.write_text(text, encoding="utf-8")
        command = [str(browser), *_FLAGS, *_for_root(), f"--user-data-dir={folder}/profile"]
        try:
            subprocess.run(
                [*command, *(flag.format(made) for flag in flags), source.as_uri()],
                env={**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder},
                capture_output=True,
                check=True,
                timeout=_SECONDS,
            )
            return made.read_bytes()
        except (OSError, subprocess.SubprocessError):
            raise OutcomesError("browser_failed", browser.name) from None


def _for_root() -> tuple[str, ...]:
    """Chromium refuses to run as root with its sandbox; what it opens is our own, and asks for nothing."""
    return ("--no-sandbox",) if os.geteuid() == 0 else ()
