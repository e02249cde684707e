"""The dashboards served as in production, and a headless browser that looks at them."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from playwright.sync_api import Browser, Page, sync_playwright

_ROOT = Path(__file__).parents[2]
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
)


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Serve the dashboards over `home` on a free loopback port; gives their address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--bind 127.0.0.1:{port} --threads 4 --no-control-socket --log-level warning"
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options.split(), "dashboards.app:server()"],
        cwd=_ROOT,
        env=os.environ | {"OUTCOMES_HOME": str(home)},
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(f"{address}/healthz")
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium, or Playwright's own where the system has none."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=_FLAGS.split()
        )
        try:
            yield chromium
        finally:
            chromium.close()


def wait_until_drawn(page: Page) -> None:
    """Wait until the page has its heading and every graph on it is drawn."""
    page.locator("h1, h2").first.wait_for()
    for graph in page.locator(".graph").all():
        graph.locator(".main-svg .draglayer").first.wait_for(state="attached")


def _wait_until_healthy(address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
