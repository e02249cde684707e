"""Refuse what the run-time lock may not bring along: a licence that asks for the source of all that is linked.

Read from what the installed packages say of themselves, so that it works offline: `License-Expression` (PEP 639), else
the classifiers, else the old free `License` field.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements" / "base.txt"
REFUSED = re.compile(r"\b(AGPL|GPL|LGPL|GNU|SSPL|BUSL|Commons Clause|Affero)", re.IGNORECASE)
ALLOWED = {
    "openlineage-sql": "states none; OpenLineage is under Apache-2.0, and its bill of materials has nothing stricter",
    "text-unidecode": "it may be used under the Artistic License instead of the GPL",
}
"""Packages of the lock whose licence is refused otherwise, each with the reason why it may be used."""


def licence(package: str) -> str | None:
    """What a package says of its licence; None where it is not installed, as on another platform."""
    try:
        fields = metadata(package)
    except PackageNotFoundError:
        return None
    classifiers = [text for text in fields.get_all("Classifier") or [] if text.startswith("License :: OSI")]
    stated = [fields.get_all("License-Expression"), classifiers, fields.get_all("License")]
    return next(("; ".join(texts).strip() for texts in stated if texts), "")


def problems(lock: str) -> list[str]:
    """Each package of a lock whose licence is refused, or unknown."""
    found = {name: licence(name) for name in re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE)}
    return [
        f"{name}: {said.splitlines()[0] if said else 'states no licence'}"
        for name, said in found.items()
        if said is not None and name not in ALLOWED and (not said or REFUSED.search(said))
    ]


if __name__ == "__main__":
    refused = problems(LOCK.read_text(encoding="utf-8"))
    sys.exit("\n".join(["licences that the run-time lock may not hold:", *refused]) if refused else 0)
