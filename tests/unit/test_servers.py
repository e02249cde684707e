"""What a machine lacks for servers of one's own is said in words."""

import os
import pwd

import pytest

from scripts import servers


def test_programs_that_are_not_there_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(servers, "_program", {"initdb": "/initdb", "postgres": "/postgres"}.get)
    assert servers.main() == 1
    assert capsys.readouterr().out.startswith("pg_isready, redis-server not found; ")


def test_root_needs_an_account_for_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_program", str)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwall", list)
    assert (servers.missing() or "").startswith("PostgreSQL does not run as root")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert servers.missing() is None
