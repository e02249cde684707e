"""The pages of `docs/` that derive from the code; `python -m scripts.docs` builds them."""

from pathlib import Path

from scripts.docs import contract, coverage, exit_codes, labels

DOCS = Path(__file__).parents[2] / "docs"


def pages() -> dict[str, str]:
    """The text of each built page by its path within `docs/`."""
    return {
        "contract.md": contract.page(),
        "coverage.md": coverage.page(),
        "exit-codes.md": exit_codes.page(),
        "labels.md": labels.index(),
        **labels.label_pages(),
    }


def build() -> None:
    """Write every built page, and drop the pages of labels that are no more."""
    built = pages()
    (DOCS / "labels").mkdir(exist_ok=True)
    for path in (DOCS / "labels").glob("*.md"):
        if f"labels/{path.name}" not in built:
            path.unlink()
    for name, text in built.items():
        (DOCS / name).write_text(text, encoding="utf-8")
