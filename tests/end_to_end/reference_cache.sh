#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Reference scores on disk: the same bits with and without; killed, damaged, foreign, shared.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

FEW=("${TINY[@]}" --set tuned.optimizer.steps=10)
cache=$WORK/cache
CACHED=(--set "tuned.reference.cache=$cache")

model_of() { sha256sum < "$1/tuned/model/model.safetensors"; }
result_of() { # run folder, python expression over r
  python3 -c 'import json, sys; r = json.load(open(sys.argv[1] + "/tuned/result.json")); print(eval(sys.argv[2]))' "$1" "$2"
}
flip() { # file, byte from the end
  python3 - "$1" "$2" << 'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-int(sys.argv[2]), 2)
    byte = file.read(1)[0]
    file.seek(-int(sys.argv[2]), 2)
    file.write(bytes([byte ^ 1]))
PYTHON
}

echo "without, filling, reading"
run_lldm run "$SMOKE" --out "$WORK/without" "${FEW[@]}"
expect_code 0 "without a cache"
run_lldm plan "$SMOKE" "${FEW[@]}" "${CACHED[@]}"
expect_text "reference scores of stage tuned: $cache (empty)"
run_lldm run "$SMOKE" --out "$WORK/filling" "${FEW[@]}" "${CACHED[@]}"
expect_code 0 "fills the cache"
expect_text "reference scores: 0 of "
run_lldm run "$SMOKE" --out "$WORK/reading" "${FEW[@]}" "${CACHED[@]}"
expect_code 0 "reads the cache"
expect_text "nothing is left to compute"
check "one file" [ "$(ls "$cache" | wc -l)" -eq 1 ]
file=$(ls "$cache"/*.scores)
whole=$(sha256sum < "$file")
check "filling: the model has the bits of a run without a cache" [ "$(model_of "$WORK/filling")" = "$(model_of "$WORK/without")" ]
check "reading: the same" [ "$(model_of "$WORK/reading")" = "$(model_of "$WORK/without")" ]
check "the study of the scores says the same" [ "$(result_of "$WORK/reading" 'r["score_study"]')" = "$(result_of "$WORK/without" 'r["score_study"]')" ]
check "every plan was computed once" [ "$(result_of "$WORK/filling" 'r["reference_scores"]["computed"] == r["reference_scores"]["plans"] > 0')" = True ]
check "none was computed again" [ "$(result_of "$WORK/reading" 'r["reference_scores"]["computed"]')" = 0 ]
check "no weights of a reference: half the bytes" \
  [ "$(result_of "$WORK/without" 'r["peak_bytes_by_purpose"]["weights"]')" -eq \
  "$((2 * $(result_of "$WORK/reading" 'r["peak_bytes_by_purpose"]["weights"]')))" ]
run_lldm plan "$SMOKE" "${FEW[@]}" "${CACHED[@]}"
expect_text "1 reference, "

echo "other settings"
run_lldm run "$SMOKE" --out "$WORK/beta" "${FEW[@]}" "${CACHED[@]}" --stage tuned \
  --set 'tuned.objective.terms=[{ type = "ipo", beta = 0.5 }]' --set tuned.optimizer.learning_rate=3e-4
expect_code 0 "another loss, beta and rate"
expect_text "nothing is left to compute"
run_lldm run "$SMOKE" --out "$WORK/draws" "${FEW[@]}" "${CACHED[@]}" --stage tuned --set tuned.score_estimator.draws=3
expect_code 0 "another number of draws"
expect_text "reference scores: 0 of "
expect_text "which holds "
check "says which setting differs" grep -q 'score_estimator: it was filled for .*draws = 2.*, here .*draws = 3' <<< "$text"
run_lldm run "$SMOKE" --out "$WORK/long" "${FEW[@]}" --set "tuned.reference.cache=$WORK/repeated" --stage tuned \
  --set tuned.draws_epochs=1 --set tuned.optimizer.steps=40
expect_code 0 "draws_epochs = 1, forty steps"
check "as many plans as one epoch has" [ "$(result_of "$WORK/long" 'r["reference_scores"]["plans"]')" -eq \
  "$(result_of "$WORK/long" '2 * (r["rows"] + 4 + 8 * 4)')" ]

echo "another reference"
run_lldm run "$SMOKE" --out "$WORK/foreign" "${FEW[@]}" "${CACHED[@]}" --stage tuned --set sft.optimizer.steps=7
expect_code 2 "a reference that was trained longer"
expect_text "holds the scores of another reference (made by stage sft of smoke)"
expect_text 'model: the cache has "sha256:'
cp -r "$cache" "$WORK/before"
run_lldm run "$SMOKE" --out "$WORK/foreign64" "${FEW[@]}" "${CACHED[@]}" --stage tuned --set model.dtype=float64
expect_code 2 "another type of number"
expect_text 'dtype: the cache has "float32", here "float64"'
check "nothing was overwritten" diff -r "$cache" "$WORK/before"
mkdir "$WORK/renamed"
run_lldm run "$SMOKE" --out "$WORK/own" "${FEW[@]}" --set "tuned.reference.cache=$WORK/renamed" --stage tuned --set sft.optimizer.steps=7
expect_code 0 "with a cache of its own"
cp "$file" "$(ls "$WORK"/renamed/*.scores)"
run_lldm run "$SMOKE" --out "$WORK/own" "${FEW[@]}" --set "tuned.reference.cache=$WORK/renamed" --stage tuned --set sft.optimizer.steps=7 --fresh
expect_code 2 "a file under the name of another"
expect_text "is not what its name says"

echo "damage"
truncate --size=-5 "$file"
flip "$file" 5000
run_lldm run "$SMOKE" --out "$WORK/damaged" "${FEW[@]}" "${CACHED[@]}" --stage tuned --set tuned.score_estimator.draws=3
expect_code 0 "a torn last record and a flipped bit"
expect_text "cut off"
expect_text "are damaged; what they held is computed again"
check "two plans were computed again" [ "$(result_of "$WORK/damaged" 'r["reference_scores"]["computed"]')" = 2 ]
check "the model is that of whole scores" [ "$(model_of "$WORK/damaged")" = "$(model_of "$WORK/draws")" ]
flip "$file" "$(($(stat -c %s "$file") - 40))"
run_lldm run "$SMOKE" --out "$WORK/header" "${FEW[@]}" "${CACHED[@]}" --stage tuned
expect_code 2 "a flipped bit in the first line"
expect_text "its first line is damaged"

echo "killed while it fills"
slow=$WORK/slow
# Few steps, and many rows to validate: most of the work is the filling.
MORE=("${TINY[@]}" --set pairs.task.rows=400 --set tuned.validation_rows=300 --set tuned.score_estimator.draws=32)
size_of() { stat -c %s "$slow"/*.scores 2> /dev/null || echo 0; }
grows_beyond() { [ "$(size_of)" -gt "$1" ]; }
"$LLDM" run "$SMOKE" --out "$WORK/killed" "${MORE[@]}" --set "tuned.reference.cache=$slow" --stage tuned > "$WORK/output" 2>&1 &
background=$!
check "the cache grows" wait_for "$background" 60 grows_beyond 20000
kill -KILL "$background"
wait "$background" 2> /dev/null
background=""
check "training had not begun" [ ! -e "$WORK/killed/tuned/result.json" ]
"$LLDM" run "$SMOKE" --out "$WORK/killed" "${MORE[@]}" --set "tuned.reference.cache=$slow" --stage tuned > "$WORK/output" 2>&1 &
background=$!
check "it says what it found" wait_for "$background" 60 grep -q 'reference scores: [1-9][0-9]* of ' "$WORK/output"
check "the cache grows further" wait_for "$background" 60 grows_beyond "$(($(size_of) + 1))"
kill -TERM "$background"
wait "$background"
code=$? background=""
check "stops on request (exit code $code)" [ "$code" -eq 75 ]
run_lldm run "$SMOKE" --out "$WORK/killed" "${MORE[@]}" --set "tuned.reference.cache=$slow" --stage tuned
expect_code 0 "goes on and finishes"
check "most was there" [ "$(result_of "$WORK/killed" '0 < r["reference_scores"]["computed"] < r["reference_scores"]["plans"]')" = True ]
run_lldm run "$SMOKE" --out "$WORK/left_alone" "${MORE[@]}" --stage tuned
check "the model is that of a run left alone, without a cache" [ "$(model_of "$WORK/killed")" = "$(model_of "$WORK/left_alone")" ]

echo "two cells at once, two references in one cache"
cat > "$WORK/grid.toml" << TOML
extends = ["$SMOKE"]
[grid]
axes  = { "tuned.optimizer.learning_rate" = [1e-4, 2e-4] }
seeds = { values = [1, 2], from = "sft" }
TOML
run_lldm grid run "$WORK/grid.toml" --out "$WORK/grid" --jobs 2 "${FEW[@]}" --set "tuned.reference.cache=$WORK/shared"
expect_code 0 "a grid over rate and seed"
check "one file per reference" [ "$(ls "$WORK/shared" | wc -l)" -eq 2 ]
sum_of() { python3 -c 'import glob, json, sys
r = [json.load(open(f))["reference_scores"] for f in glob.glob(sys.argv[1] + "/cells/*/tuned/result.json")]
assert len(r) == 4, len(r)
print(sum(x[sys.argv[2]] for x in r))' "$1" "$2"; }
check "four cells asked, at most half was computed, or little more where two met" \
  [ "$(sum_of "$WORK/grid" computed)" -le "$(($(sum_of "$WORK/grid" plans) * 3 / 4))" ]
run_lldm grid run "$WORK/grid.toml" --out "$WORK/again" --jobs 2 "${FEW[@]}" --set "tuned.reference.cache=$WORK/shared"
expect_code 0 "the grid again, elsewhere"
check "nothing was computed" [ "$(sum_of "$WORK/again" computed)" -eq 0 ]

echo "keys that cannot be"
run_lldm validate "$SMOKE" --set "sft.reference.cache=$cache"
expect_code 2 "a stage without a reference"
expect_text "it belongs to preference stages: there is no reference here"
run_lldm validate "$SMOKE" "${CACHED[@]}" --set 'tuned.objective={ type = "simpo" }'
expect_code 2 "an objective without a reference"
expect_text 'objective "simpo" has no reference'
run_lldm validate "$SMOKE" "${CACHED[@]}" --set 'tuned.score_estimator={ type = "adaptive" }'
expect_code 2 "an adaptive estimator"
expect_text 'cannot be filled for the estimator "adaptive"'
run_lldm validate "$SMOKE" --set "tuned.reference.cache=$SMOKE"
expect_code 2 "a file"
expect_text "is a file"
run_lldm validate "$SMOKE" --set tuned.reference.cash=x
expect_code 2 "a misspelt key"
expect_text "cache"
run_lldm validate "$SMOKE" --set pretrain.draws_epochs=2
expect_code 2 "draws_epochs of a pretraining"
summary
