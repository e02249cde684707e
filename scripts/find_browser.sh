#!/usr/bin/env bash
# See that the browser tests can run: a browser on PATH, and what Playwright's driver is linked to. What is missing
# comes from Debian where this is root on Debian; elsewhere the browser comes from Playwright.
set -euo pipefail
playwright="$(dirname "$0")/../.venv/bin/playwright"
missing=()
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
"$playwright" --version >/dev/null 2>&1 || missing+=(libatomic1)

if [ ${#missing[@]} = 0 ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the browser tests: ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null && exit 0
fi
"$playwright" install chromium
