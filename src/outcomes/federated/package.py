"""The package of a federated study: what each site is asked to run, signed by whoever coordinates the study.

It holds no code. It names the version of the code and of every definition, the thresholds and the minimum cell count; a
site that has installed another version refuses it. The signature is Ed25519 (RFC 8032) over `package.json`, which holds
the sums of the other files.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from outcomes.errors import OutcomesError
from outcomes.federated.archive import read_archive, write_archive
from outcomes.release.inputs import code_version
from outcomes.settings import Settings
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.lock import check_lock, definitions_now, definitions_sha256
from outcomes.sql.reference import thresholds

_FORMAT = 1
_STATEMENT = "package.json"
_DEFINITIONS = "definitions.json"
_SIGNATURE = "signature"
_STUDY = r"[a-z0-9][a-z0-9_-]{0,62}"


class Package(NamedTuple):
    """What a study asks for.

    Attributes:
        study: its name.
        code_version: of the package `outcomes`, with a digest of its code.
        definitions_sha256: a digest of everything in `sql/`, thresholds included.
        minimum_cell_count: the smallest count of patients that a result may show.
        sha256: of the signed statement; a result says to which package it is the answer.
    """

    study: str
    code_version: str
    definitions_sha256: str
    minimum_cell_count: int
    sha256: str


def make_package(settings: Settings, study: str, private_key: Path, path: Path) -> Package:
    """Write and sign a package of the code and definitions that are installed here, in a new file.

    Args:
        settings: with the minimum cell count that the study asks for.
        study: lower-case letters, digits, `-` and `_`.
        private_key: an Ed25519 key in PEM, without a passphrase.
        path: the file to write.

    Raises:
        OutcomesError: package_malformed (the name), key_unreadable, definition_changed, folder_not_empty.
    """
    if not re.fullmatch(_STUDY, study):
        raise OutcomesError("package_malformed", "the study's name has other characters")
    key = _private_key(private_key)
    check_lock()
    definitions = _json(_definitions())
    statement = _json(
        {
            "format": _FORMAT,
            "study": study,
            **installed(settings),
            "sha256": {_DEFINITIONS: hashlib.sha256(definitions).hexdigest()},
        }
    )
    write_archive(path, {_STATEMENT: statement, _DEFINITIONS: definitions, _SIGNATURE: key.sign(statement)})
    return _package(statement)


def open_package(path: Path, public_key: Path) -> Package:
    """Read a package, after its signature has been compared with the coordinator's key.

    Args:
        path: the file.
        public_key: the coordinator's Ed25519 key in PEM, which came by another way than the package.

    Raises:
        OutcomesError: package_malformed, package_not_trusted, key_unreadable.
    """
    key = _public_key(public_key)
    files = read_archive(path, (_STATEMENT, _DEFINITIONS, _SIGNATURE), "package_malformed")
    try:
        key.verify(files[_SIGNATURE], files[_STATEMENT])
    except InvalidSignature:
        raise OutcomesError("package_not_trusted", path.name) from None
    try:
        package, stated = _package(files[_STATEMENT]), json.loads(files[_STATEMENT])["sha256"][_DEFINITIONS]
    except (ValueError, KeyError, TypeError):
        raise OutcomesError("package_malformed", f"{path.name}: {_STATEMENT}") from None
    if stated != hashlib.sha256(files[_DEFINITIONS]).hexdigest():
        raise OutcomesError("package_not_trusted", f"{path.name}: {_DEFINITIONS}")
    return package


def require_same(package: Package, here: dict[str, Any]) -> None:
    """See that what is here is what the package asks for.

    Args:
        package: what is asked for.
        here: code_version, definitions_sha256 and minimum_cell_count, as in the manifest of a release.

    Raises:
        OutcomesError: package_of_other_version, which names what differs.
    """
    asked = {name: getattr(package, name) for name in ("code_version", "definitions_sha256", "minimum_cell_count")}
    differing = [
        f"{name} {wanted} is asked for, here it is {here[name]}"
        for name, wanted in asked.items()
        if wanted != here[name]
    ]
    if differing:
        raise OutcomesError("package_of_other_version", "; ".join(differing))


def installed(settings: Settings) -> dict[str, Any]:
    """What a release made here now would say of itself, as far as a package asks."""
    return {
        "code_version": code_version(),
        "definitions_sha256": definitions_sha256(),
        "minimum_cell_count": settings.minimum_cell_count,
    }


def _package(statement: bytes) -> Package:
    """What a statement says.

    Raises:
        ValueError: it is of another format.
        KeyError: it says too little.
    """
    stated = json.loads(statement)
    if stated["format"] != _FORMAT:
        raise ValueError
    return Package(
        study=str(stated["study"]),
        code_version=str(stated["code_version"]),
        definitions_sha256=str(stated["definitions_sha256"]),
        minimum_cell_count=int(stated["minimum_cell_count"]),
        sha256=hashlib.sha256(statement).hexdigest(),
    )


def _definitions() -> dict[str, Any]:
    """For people at the sites: what is counted, by which version, and the thresholds."""
    return {
        "thresholds": thresholds(),
        "versions": {each.key: {"version": each.version, "sha256": each.sha256} for each in definitions_now()},
        "measures": {
            each.id: {"title": each.title, "numerator": each.numerator, "denominator": each.denominator}
            for each in measure_definitions()
        },
    }


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        raise OutcomesError("key_unreadable", path.name) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise OutcomesError("key_unreadable", f"{path.name}: not Ed25519")
    return key


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        raise OutcomesError("key_unreadable", path.name) from None
    if not isinstance(key, Ed25519PublicKey):
        raise OutcomesError("key_unreadable", f"{path.name}: not Ed25519")
    return key


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
