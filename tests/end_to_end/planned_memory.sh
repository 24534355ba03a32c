#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the planner predicts is what the memory manager measures: configurations drawn by a fixed seed over families,
# sizes, lengths, adapters, storages, recomputation, objectives, estimators and gradient paths.
#     tests/end_to_end/planned_memory.sh LLDM SOURCE BUILD [SEED]
source "$(dirname "$0")/common.sh"
SEED=${4:-20}
python3 "$(dirname "$0")/planned_memory.py" draw "$WORK" "$SEED"
for number in $(seq 0 9); do
  for part in a b; do
    FILE="$WORK/$number$part.toml"
    [ -f "$FILE" ] || continue
    check "configuration $number$part runs" "$LLDM" run "$FILE" --out "$WORK/$number$part"
  done
done
check "is predicted within 5 %" python3 "$(dirname "$0")/planned_memory.py" compare "$WORK"
finish
