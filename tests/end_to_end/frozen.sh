#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The smoke experiment and a small grid write what they wrote when tests/golden/data/frozen was kept.
# A change that is meant: run this with LLDM_FROZEN_WRITE=1, and name the fields in the commit.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
here=$(dirname "${BASH_SOURCE[0]}") kept=$SOURCE/tests/golden/data/frozen
mode=check
[ -z "${LLDM_FROZEN_WRITE:-}" ] || mode=write

file=$WORK/grid.toml
sed '/^objective = /s/.*/objective = { type = "dpo", beta = 0.2 }/' "$SMOKE" > "$file"
cat >> "$file" << 'TOML'

[grid]
seeds = { values = [1, 2], from = "tuned" }
[grid.axes]
"tuned.objective.beta" = [0.1, 0.4]
TOML

run_lldm run "$SMOKE" --out "$WORK/smoke" --set threads=1
expect_code 0 "the smoke experiment runs"
run_lldm grid run "$file" --out "$WORK/grid" "${TINY[@]}"
expect_code 0 "the grid runs"
for run in smoke grid; do
  text=$(python3 "$here/frozen.py" "$mode" "$WORK/$run" "$kept/$run.json" 2>&1)
  code=$?
  expect_code 0 "$run is what it was"
  sed 's/^/    /' <<< "$text"
done
summary
