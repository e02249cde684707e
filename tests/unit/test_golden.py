"""The words of the pages: each says what its golden text says, and none uses a word that the project has dropped."""

import pytest

from tests.support import golden


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return golden.texts(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("page", golden.PAGES)
def test_a_page_says_what_its_golden_text_says(said: dict[str, str], page: str) -> None:
    """After a change of wording: `python -m tests.support.golden`, and read the diff."""
    assert said[page] == (golden.FOLDER / f"{page}.txt").read_text(encoding="utf-8")


def test_each_golden_text_is_that_of_a_page() -> None:
    assert {path.stem for path in golden.FOLDER.iterdir()} == set(golden.PAGES)
