#!/usr/bin/env bash
# Trains a tiny model for a few steps, exports it, samples from it and fills a gap. It shows that the parts work together;
# the text it writes has no sense. Usage: runs/smoke.sh [output folder [engine]]
set -euo pipefail
cd "$(dirname "$0")/.."
node tools/bootstrap.mjs
output="${1:-outputs}"
engine="${2:-auto}"
mdiff() { node apps/mdiff/bin/mdiff.js "$@"; }
mdiff train --config runs/smoke.yaml --set output_dir="$output" --set engine="$engine" --set 'reports=[html, tensorboard]' --fresh --yes
mdiff generate "$output/smoke/model" --prompt "Call me" --seed 1
mdiff infill "$output/smoke/model" "The ___ of the whale" --seed 1
