#!/usr/bin/env bash
# Clones the committed state into an empty folder, runs `npm test` there and times it. Uncommitted changes are not tested.
set -euo pipefail
source="$(cd "$(dirname "$0")/.." && pwd)"
target="$(mktemp -d)"
trap 'rm -rf "$target"' EXIT
git clone --quiet "$source" "$target/mdiff"
cd "$target/mdiff"
started=$SECONDS
status=0
npm test "$@" || status=$?
size="$(du -sh node_modules 2>/dev/null | cut -f1)"
echo "npm test in an empty clone: $((SECONDS - started)) s, exit code $status, node_modules ${size:-not installed}"
exit "$status"
