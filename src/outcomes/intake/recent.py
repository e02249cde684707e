"""What this process has worked out lately, up to so many bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by key; those used longest ago go when all together are too large."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value of a key, if it is still held."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def keep(self, key: Key, value: Value, size: int) -> None:
        """Hold a value of so many bytes; one that is larger than the limit is not held."""
        self._held[key] = (value, size)
        while sum(size for _, size in self._held.values()) > self._limit:
            self._held.popitem(last=False)
