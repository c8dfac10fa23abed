#!/usr/bin/env bash
# Fine-tunes the base model on a book of yours (default: Moby-Dick) for half an hour, preset `book`, then prints three samples.
# Usage: runs/book.sh [book.txt]
set -euo pipefail
cd "$(dirname "$0")/.."
node tools/bootstrap.mjs
mdiff() { node apps/mdiff/bin/mdiff.js "$@"; }
mdiff train "$@" --config runs/book.yaml
for seed in 1 2 3; do mdiff generate outputs/book/model --seed "$seed"; done
