#!/usr/bin/env bash
# Print the first Python on PATH that the locks are made for: 3.11 to 3.14, able to make a virtual environment.
set -euo pipefail
for python in python3 python3.11 python3.12 python3.13 python3.14; do
    if "$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
        echo "$python"
        exit 0
    fi
done
echo "No Python 3.11 to 3.14 with its venv module was found on PATH; on Debian: apt-get install python3-venv" >&2
exit 1
