#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A grid of 2 betas and 2 seeds: shared stages run once, finished cells are skipped.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The smoke experiment with a grid behind it, and beta as a key of its own.
file=$WORK/grid.toml
sed '/^objective = /s/.*/objective = { type = "dpo", beta = 0.2 }/' "$SMOKE" > "$file"
cat >> "$file" << 'TOML'

[grid]
seeds = { values = [1, 2], from = "tuned" }
[grid.axes]
"tuned.objective.beta" = [0.1, 0.4]
TOML
run=$WORK/run

echo "plan"
run_lldm grid plan "$file" --out "$run" "${TINY[@]}"
expect_code 0 "is shown"
expect_text "4 cells"
sed "s#$WORK/##; s/^/    /" <<< "$text"
check "nothing was written" [ ! -e "$run" ]

echo "a misspelt axis"
sed 's/tuned.objective.beta/tuned.objective.betta/' "$file" > "$WORK/misspelt.toml"
run_lldm grid plan "$WORK/misspelt.toml" --out "$run" "${TINY[@]}"
expect_code 2 "is an error at plan time"
expect_text 'did you mean "beta"?'
check "the error has a place" grep -qE "^$WORK/misspelt.toml:[0-9]+:[0-9]+: " <<< "$text"

echo "run"
run_lldm grid run "$file" --out "$run" "${TINY[@]}"
expect_code 0 "runs"
results=$(cd "$run" && find . -name result.json | sort)
sed 's/^/    /' <<< "$results"
count() { grep -cE "$1" <<< "$results"; }
for stage in pretrain sft pairs; do
  check "$stage ran once" [ "$(count "/shared/$stage-[0-9a-f]+/result.json")" -eq 1 ]
done
check "tuned ran in 4 cells" [ "$(count '/cells/[^/]+/tuned/result.json')" -eq 4 ]
check "sft was measured once by scores" [ "$(count '/shared/scores/sft-[0-9a-f]+/result.json')" -eq 1 ]
check "tuned was measured in 4 cells" [ "$(count '/scores/tuned/result.json')" -eq 4 ]
check "the four models differ" [ "$(sha256sum "$run"/cells/*/tuned/model/model.safetensors | cut -c1-64 | sort -u | wc -l)" -eq 4 ]
python3 - "$run" << 'PYTHON'
import json, pathlib, sys
rows = json.loads((pathlib.Path(sys.argv[1]) / "report.json").read_text())["rows"]
cells = sorted((r["axes"].get("tuned.objective.beta"), r["seed"]) for r in rows
               if r["stage"] == "tuned" and r["evaluated_by"] == "scores")
print("  tuned, (beta, seed):", cells)
assert cells == [(0.1, 1), (0.1, 2), (0.4, 1), (0.4, 2)], cells
starts = [r for r in rows if r["stage"] == "sft" and r["evaluated_by"] == "scores"]
assert all(r["seed"] == 7 and r["axes"] == {} for r in starts), [(r["axes"], r["seed"]) for r in starts]
PYTHON
check "the rows of the report carry axes and seeds" [ $? -eq 0 ]

echo "again"
before=$(file_hashes "$run")
run_lldm grid run "$file" --out "$run" "${TINY[@]}"
expect_code 0 "ends well"
check "finished cells are skipped: no file changes" [ "$before" = "$(file_hashes "$run")" ]
[ "$before" = "$(file_hashes "$run")" ] || diff <(echo "$before") <(file_hashes "$run") | sed 's/^/    | /'

echo "one cell is lost"
models=$(model_hashes "$run")
lost=$(ls -d "$run"/cells/*/tuned | head -n 1)
rm -r "$lost"
run_lldm grid status "$file" --out "$run" "${TINY[@]}"
expect_code 0 "status"
sed "s#$WORK/##; s/^/    /" <<< "$text"
run_lldm run "$file" --out "$run" "${TINY[@]}"
expect_code 0 "lldm run makes it again"
check "only that one was trained" [ "$(grep -cE '^stage .* steps, ' <<< "$text")" -eq 1 ]
grep '^stage' <<< "$text" | sed 's/^/    /'
check "the models are the same as before" [ "$models" = "$(model_hashes "$run")" ]
summary
