"""The licences of the run-time lock."""

import pytest

from scripts import licences


@pytest.mark.parametrize(
    ("said", "is_refused"),
    [
        *(("MIT", False), ("BSD-3-Clause", False), ("MPL-2.0", False), ("", True), (None, False)),
        *(("GPL-3.0-or-later", True), ("AGPL-3.0-only", True), ("LGPL-2.1-only", True)),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
    ],
)
def test_what_asks_for_the_source_or_states_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, said: str | None, is_refused: bool
) -> None:
    monkeypatch.setattr(licences, "licence", {"some-package": said}.get)
    assert bool(licences.problems("some-package==1.0 \\\n    --hash=sha256:0")) is is_refused


def test_what_is_allowed_all_the_same_is_in_the_lock() -> None:
    lock = licences.LOCK.read_text(encoding="utf-8")
    assert all(f"\n{name}==" in lock for name in licences.ALLOWED)
