"""A process that is killed between two of its requests to an object store."""

from threading import Lock
from typing import Any

import obstore
import pytest

_CHANGING = {"put", "delete", "rename"}


class Killed(BaseException):
    """The process ends."""


class Dying:
    """obstore, as a process has it that ends before its n-th request that changes something: from then on all fail."""

    def __init__(self, before: int) -> None:
        self.changes = 0
        self._before = before
        self._counting = Lock()

    def __getattr__(self, name: str) -> Any:
        original = getattr(obstore, name)

        def asked(*arguments: Any, **named: Any) -> Any:
            with self._counting:
                self.changes += name in _CHANGING
                if self.changes >= self._before:
                    raise Killed
            return original(*arguments, **named)

        return asked


def kill(patched: pytest.MonkeyPatch, before: int) -> Dying:
    """Let this process be one that is killed before so many changes of an object store, counted from 1."""
    dying = Dying(before)
    patched.setattr("outcomes.places.obstore", dying)
    return dying
