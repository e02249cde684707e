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

from playwright.sync_api import Browser, Page, sync_playwright

_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
)


@contextmanager
def serving(home: Path, workers: int = 1, **settings: str) -> Iterator[str]:
    """Serve the dashboards over `home` on a free loopback port; gives their address.

    Args:
        home: the folder that holds all data.
        workers: processes that serve.
        settings: of the dashboards, by name in lower case; the address is their `public_url` if not given.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    options = f"--bind 127.0.0.1:{port} --workers {workers} --threads 4 --no-control-socket --log-level warning"
    variables = {f"OUTCOMES_DASHBOARDS_{name}".upper(): value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options.split(), "dashboards.server:server()"],
        env={**os.environ, "OUTCOMES_HOME": str(home), "OUTCOMES_DASHBOARDS_PUBLIC_URL": address, **variables},
    )
    try:
        wait_until_healthy(f"{address}/healthz", process)
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
    """Wait until the page of the address is there with its heading, and every graph on it is drawn."""
    page.locator("h1").first.wait_for()
    wait_until(
        page,
        """() => document.readyState !== 'loading' && !document.body.ariaBusy
            && [...document.querySelectorAll('.graph')]
                .every((graph) => graph.querySelector('.main-svg .draglayer'))""",
    )


def wait_until_in_view_drawn(page: Page) -> None:
    """Wait until the page has its heading and every graph in view is drawn; the others are drawn afterwards."""
    page.locator("h1").first.wait_for()
    wait_until(
        page,
        """() => document.readyState !== 'loading' && [...document.querySelectorAll('.graph')].every((graph) => {
            const { top, bottom } = graph.getBoundingClientRect();
            return top >= innerHeight || bottom <= 0 || graph.querySelector('.main-svg .draglayer');
        })""",
    )


def wait_until(page: Page, script: str, argument: object = None) -> None:
    """Wait until a function in JavaScript gives true; the page's policy forbids Playwright's own way, an `eval`."""
    deadline = time.monotonic() + 30
    while not page.evaluate(script, argument):
        if time.monotonic() > deadline:
            raise TimeoutError(script)
        page.wait_for_timeout(20)


def free_port() -> int:
    """A port of the loopback address on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_healthy(address: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a server answers there; fail when its process has ended, or after a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
