"""What the keys of one column tell together: whether they were numbered rather than drawn, and which were not drawn.

Keys come as a table of distinct `values` and, in `count_all`, the rows of each.
"""

import base64
import hashlib
import re
import string
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import compress
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Mask

FEWEST_KEYS = 20
"""Below this many keys of a column nothing is said of them together."""

_MOST = 0.95
"""The share of a column's keys that makes what they are its rule."""

_SPARE_BITS = 6
"""Keys drawn at random leave more than 63 of 64 possible ones unused."""

_LENGTHS_OF_A_NUMBER = 2
"""A number written without leading zeros is by chance a digit or two shorter than others."""

_NUMBERED = r"^(?P<beginning>|.*\D)\d{1,12}$"
_SIGN = r"[^0-9A-Za-z]"
_KINDS = (r"\d", r"[A-Z]", r"[a-z]", _SIGN)

_KEY = r"^[A-Za-z0-9._:/+=_-]*$"
# Letters, or three digits and more: a sign alone is a slip.
_TELLS = r"[^\x00-@\[-`{-\x7f]|\d{3,}|\d\D+\d\D+\d"

_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits
_HIGH_BITS = (32, 8, 2)
"""In the three characters of base64 that hold the highest bit of a byte, which bit it is: zero in ASCII."""


def _base64_of_ascii() -> str:
    """Pattern of base64, its padding left out, whose bytes are all ASCII: one in 8 of three random bytes."""
    first, second, third = (
        "[" + "".join(letter for place, letter in enumerate(_BASE64 + "+/") if not place & bit) + "]"
        for bit in _HIGH_BITS
    )
    group = f"{first}{second}{third}[A-Za-z0-9+/_-]"
    return rf"^(?:{group}){{2,}}(?:{group}|{first}{second}(?:{third})?)=*$"


_ENCODED = {
    "hexadecimal": r"^(?i:(?:2[0-9a-f]|[3-6][0-9a-f]|7[0-9a-e]){7,})$",
    "base64": _base64_of_ascii(),
}


def not_keys(keys: pa.Table) -> pa.Table:
    """Those that no contract key can be and that may tell something: text with blanks or beyond ASCII, a number."""
    values = keys["values"]
    is_key = pc.match_substring_regex(values, _KEY)
    return keys.filter(pc.and_not(pc.match_substring_regex(values, _TELLS), is_key))


def decoded(keys: pa.Table) -> pa.Table:
    """The keys that are base64 or hexadecimal of ASCII text, which stands beside them as `text`."""
    values = keys["values"]
    is_encoded = pc.or_(*(pc.match_substring_regex(values, pattern) for pattern in _ENCODED.values()))
    found = keys.filter(is_encoded)
    texts = [_text(value) for value in found["values"].to_pylist()]
    return found.append_column("text", pa.array(texts, pa.string())).drop_null()


def _text(value: str) -> str | None:
    """The printable text that a key encodes."""
    try:
        content = bytes.fromhex(value) if len(value) % 2 == 0 else b""
    except ValueError:
        content = b""
    content = content or base64.b64decode(value.rstrip("=") + "==", altchars=b"-_" if "-" in value else None)
    text = content.decode("ascii", errors="replace")
    return text if text.isascii() and text.isprintable() else None


def hashed(keys: pa.Table) -> pa.Table:
    """Those that are the hash, without salt, of a short number or of a date: anyone can work them back.

    Numbers of up to six digits and dates are all tried, of longer ones some: where many keys are such hashes, some of
    these are found. Of the beginnings of hashes fewer are tried, and some may be found by chance.
    """
    digests = {_digest(value): value for value in keys["values"].to_pylist()}
    found: set[str] = set()
    for length in {len(digest) for digest in digests} - {0}:
        of_length = {digest: value for digest, value in digests.items() if len(digest) == length}
        found |= _worked_back(of_length, length)
    return keys.filter(pc.is_in(keys["values"], pa.array(sorted(found), pa.string())))


def is_hash_shaped(keys: pa.Table) -> bool:
    """Whether nearly all keys have the length of an MD5 or SHA-1 in hexadecimal digits, and are no other UUIDs."""
    values = keys["values"]
    shaped, others = (_share(values, pattern) for pattern in (_HASH, _NO_HASH))
    return shaped >= _MOST > others


def _share(values: pa.ChunkedArray, pattern: str) -> float:
    return float(pc.mean(pc.match_substring_regex(values, pattern)).as_py() or 0) if len(values) else 0.0


def _digest(value: str) -> bytes:
    """The bytes of a key that is hexadecimal or base64 of as many as a hash or the beginning of one has; else none."""
    if _HEXADECIMAL.fullmatch(value):
        return bytes.fromhex(value)
    if _BASE64_OF_HASH.fullmatch(value):
        return base64.b64decode(value.rstrip("=") + "==", altchars=b"-_" if re.search("[-_]", value) else None)
    return b""


def _worked_back(digests: dict[bytes, str], length: int) -> set[str]:
    """Of the keys by their bytes, those that are a hash of a short secret, or its beginning."""
    begun = _begin(digests, length)
    found: set[bytes] = set()
    if length in _HASHES:
        found = {_HASHES[length](secret) for secret in _short_hashes(length).secrets(begun, _short_secrets())}
    some = [tried.secrets(begun, _some_secrets()) for tried in _some_hashes()]
    beginnings = {
        hash_of(secret)[:length] for hash_of, each in zip(_HASHES.values(), some, strict=True) for secret in each
    }
    cut = digests.keys() & beginnings
    if len(cut) >= _MORE_THAN_CHANCE:
        found |= cut
    return {digests[digest] for digest in digests.keys() & found}


class _Tried(NamedTuple):
    """How the hashes of secrets begin, ascending, and the place of each secret among them."""

    begun: NDArray[np.uint64]
    places: NDArray[np.uint32]

    def secrets(self, begun: NDArray[np.uint64], secrets: Iterable[bytes]) -> Iterable[bytes]:
        """Of the secrets, those with a hash that begins like one of these."""
        if not (self.begun[np.searchsorted(self.begun[:-1], begun)] == begun).any():
            return ()
        is_one = np.zeros(len(self.places), dtype=bool)
        is_one[self.places[np.isin(self.begun, begun)]] = True
        return compress(secrets, is_one.tolist())


@cache
def _short_hashes(length: int) -> _Tried:
    """All that hashes of so many bytes are compared with; it takes a second a process."""
    return _tried(_HASHES[length], length, _short_secrets())


@cache
def _some_hashes() -> list[_Tried]:
    """What beginnings of hashes are compared with, by the kind of hash; it takes half a second a process."""
    return [_tried(hash_of, length, _some_secrets()) for length, hash_of in _HASHES.items()]


def _tried(hash_of: Callable[[bytes], bytes], length: int, secrets: Iterable[bytes]) -> _Tried:
    begun = _begin(map(hash_of, secrets), length)
    places = np.argsort(begun)
    return _Tried(begun[places], places.astype(np.uint32))


def _begin(digests: Iterable[bytes], length: int) -> NDArray[np.uint64]:
    """The first six of so many bytes of each, which even a UUID made of a hash has of it."""
    whole = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, length)
    begun = np.zeros((len(whole), 8), dtype=np.uint8)
    begun[:, 2:] = whole[:, :6]
    return begun.view(">u8").ravel().astype(np.uint64)


_HASHES: dict[int, Callable[[bytes], bytes]] = {
    16: lambda secret: hashlib.md5(secret, usedforsecurity=False).digest(),
    20: lambda secret: hashlib.sha1(secret, usedforsecurity=False).digest(),
    32: lambda secret: hashlib.sha256(secret).digest(),
}
"""By the length of the hash in bytes."""


def _uuid(versions: str) -> str:
    """Pattern of a UUID of one of these versions, with or without its hyphens."""
    return rf"[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?[{versions}][0-9a-f]{{3}}-?[89ab][0-9a-f]{{3}}-?[0-9a-f]{{12}}"


_HASH = rf"^(?i:[0-9a-f]{{32}}|[0-9a-f]{{40}}|{_uuid('35')})$"
"""MD5 and SHA-1, also as the UUIDs that are made of them."""

_NO_HASH = rf"^(?i:{_uuid('124678')})$"
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2}){6,20}|[0-9A-Fa-f]{64}")
_BASE64_OF_HASH = re.compile(r"(?:[A-Za-z0-9+/_-]{22}|[A-Za-z0-9+/_-]{27}|[A-Za-z0-9+/_-]{43})={0,2}")
_MORE_THAN_CHANCE = 3

_TRIED = 200_000
"""Of the numbers of seven to nine digits, how many of each length."""

_STEP = 618_033_989
"""Prime to every power of ten: its multiples fall evenly over the numbers of a length."""


def _short_secrets() -> Iterator[bytes]:
    """Numbers of up to six digits, also with leading zeros, some longer ones, and dates."""
    yield from (b"%d" % number for number in range(10**6))
    yield from (b"%06d" % number for number in range(10**5))
    yield from _some_numbers((7, 8, 9), _TRIED)
    yield from _dates()


def _some_secrets() -> Iterator[bytes]:
    """Dates, and of numbers of five to nine digits some."""
    yield from _some_numbers((5, 6, 7, 8, 9), _TRIED // 4)
    yield from _dates()


def _some_numbers(lengths: Iterable[int], count: int) -> Iterator[bytes]:
    for length in lengths:
        yield from (b"%0*d" % (length, number * _STEP % 10**length) for number in range(count))


def _dates() -> Iterator[bytes]:
    """The dates on which people were born or operated on, in two spellings."""
    for date in np.arange("1915-01-01", "2035-01-01", dtype="datetime64[D]").astype(str):
        yield date.encode()
        yield date.replace("-", "").encode()


def numbered(keys: pa.Table) -> bool:
    """Whether nearly all keys are up to twelve digits after the same beginning, or none."""
    values = keys["values"]
    if len(values) < FEWEST_KEYS:
        return False
    beginnings = pc.struct_field(pc.extract_regex(values, _NUMBERED), "beginning")
    counts = pc.value_counts(beginnings.drop_null())
    most = pc.max(pc.struct_field(counts, "counts")).as_py() or 0
    return bool(most >= _MOST * len(values))


def sequential(keys: pa.Table) -> bool:
    """Whether the keys fill so much of what they can be that they were given in sequence, or drawn of too few."""
    if len(keys) < FEWEST_KEYS:
        return False
    return _bits(keys["values"]) < float(np.log2(len(keys))) + _SPARE_BITS


def _bits(values: pa.ChunkedArray) -> float:
    """The entropy of the keys, each place by itself, counted from the end."""
    longest = pc.max(pc.utf8_length(values)).as_py()
    padded = np.asarray(pc.utf8_lpad(values, longest).to_numpy(zero_copy_only=False), dtype=f"U{longest}")
    characters = padded.view(np.uint32).reshape(len(values), longest)
    shares = (np.unique(place, return_counts=True)[1] / len(values) for place in characters.T)
    return float(-sum((share * np.log2(share)).sum() for share in shares))


def unlike_others(keys: pa.Table) -> pa.Table:
    """The few keys that differ from nearly all others: by length, by the places of signs, by a kind of character."""
    if len(keys) < FEWEST_KEYS:
        return keys.slice(0, 0)
    unlike = np.zeros(len(keys), dtype=bool)
    for differs in _differences(keys["values"]):
        unlike |= differs
    found = keys.filter(pa.array(unlike))
    return found.filter(pc.match_substring_regex(found["values"], _TELLS))


def _differences(values: pa.ChunkedArray) -> Iterator[Mask]:
    lengths = pc.utf8_length(values).to_numpy()
    common, counts = np.unique(lengths, return_counts=True)
    usual = common[counts.argmax()]
    if counts.max() >= _MOST * len(lengths):
        yield np.abs(lengths - usual) > _LENGTHS_OF_A_NUMBER
    for pattern in _KINDS:
        has = np.asarray(pc.match_substring_regex(values, pattern).to_numpy(), dtype=bool)
        if has.mean() <= 1 - _MOST:
            yield has
        elif pattern == _SIGN:
            # Keys of another length have their own places; whether they may is judged by length.
            yield (lengths == usual) & _signs_elsewhere(values)


def _signs_elsewhere(values: pa.ChunkedArray) -> Mask:
    """The keys whose signs are not, or not in the places, that nearly all have; none where there are no such places."""
    signs = pc.replace_substring_regex(values, r"[0-9A-Za-z]", "0").combine_chunks().dictionary_encode()
    places = signs.indices.to_numpy()
    counts = np.bincount(places)
    elsewhere: Mask = (places != counts.argmax()) & (counts.max() >= _MOST * len(places))
    return elsewhere
