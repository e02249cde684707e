"""`python -m scripts.docs` builds the pages; a test fails when they are stale."""

from scripts.docs import build

build()
