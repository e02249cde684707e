"""The pages of `docs/` that derive from the code; `python -m scripts.docs` builds them."""

import tempfile
from pathlib import Path

from scripts.docs import (
    codebook,
    configuration,
    contract,
    contract_files,
    cookbook,
    coverage,
    exit_codes,
    labels,
    measures,
    records,
)
from scripts.docs.registry import make_registry

DOCS = Path(__file__).parents[2] / "docs"
RECORDS = DOCS.parent / "dashboards" / "data" / "records.py"


def pages() -> dict[str, str]:
    """The text of each page that is built from the code alone, by its path within `docs/`."""
    return {
        "codebook.md": codebook.page(),
        "configuration.md": configuration.page(),
        "contract.md": contract.page(),
        "coverage.md": coverage.page(),
        "exit-codes.md": exit_codes.page(),
        "labels.md": labels.index(),
        "measures.md": measures.page(),
        **contract_files.files(),
        **labels.label_pages(),
    }


def registry_pages() -> dict[str, str]:
    """The text of each page whose figures come from a registry, which is made for it."""
    with tempfile.TemporaryDirectory() as home:
        return {"cookbook.md": cookbook.page(make_registry(Path(home)))}


def build() -> None:
    """Write every built page and the records of the dashboards, and drop the pages of labels that are no more."""
    built = pages() | registry_pages()
    for folder in ("contract", "labels"):
        (DOCS / folder).mkdir(exist_ok=True)
    for path in (DOCS / "labels").glob("*.md"):
        if f"labels/{path.name}" not in built:
            path.unlink()
    RECORDS.write_text(records.module(), encoding="utf-8")
    for name, text in built.items():
        (DOCS / name).write_text(text, encoding="utf-8")
