#!/usr/bin/env bash
# Write OUTCOMES_HOME to a file of the given folder: backup.sh FOLDER. Prints the file's name.
#
# Nothing is written to the lake meanwhile, and the reviews are copied as one state. What can be made anew is left out.
set -euo pipefail
umask 077
: "${OUTCOMES_HOME:?}"
file=$(realpath "$1")/outcomes-$(date --utc +%Y%m%dT%H%M%SZ).tar
copies=$(mktemp --directory)
trap 'rm -rf "$copies" "$file.unfinished"' EXIT

cd "$OUTCOMES_HOME"
mkdir -p locks
reviews=()
if [ -e reviews.sqlite ]; then
    python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("VACUUM INTO ?", sys.argv[2:])' \
        reviews.sqlite "$copies/reviews.sqlite"
    reviews=(--directory="$copies" reviews.sqlite)
fi
# tar ends with 1 when a file changed while it was read: a log that grew, a delivery that is arriving.
flock locks/lake.lock tar --create --file="$file.unfinished" \
    --exclude='./reviews.sqlite*' --exclude=./locks --exclude=./tmp --exclude=./labelled --exclude=./copies \
    --exclude=./airflow \
    . "${reviews[@]}" || [ $? -eq 1 ]
mv "$file.unfinished" "$file"
echo "$file"
