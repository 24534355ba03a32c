#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every kind of stage, and what scripts rely on in a run's folder.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

echo "a dry run"
run_lldm run "$SMOKE" --out "$WORK/dry" --dry-run
expect_code 0 "says what it would do"
check "writes nothing" [ ! -e "$WORK/dry" ]

echo "the smoke experiment"
run=$WORK/run
begin=$SECONDS
run_lldm run "$SMOKE" --out "$run"
expect_code 0 "runs in $((SECONDS - begin)) s"
for file in config.resolved.toml metrics.jsonl report.md report.json; do
  check "$file" [ -s "$run/$file" ]
done
for stage in pretrain sft tuned; do
  for file in config.json model.safetensors MANIFEST.json; do
    check "$stage/model/$file" [ -s "$run/$stage/model/$file" ]
  done
  newest=$(ls "$run/$stage/checkpoints" | tail -n 1)
  check "$stage/checkpoints/$newest" grep -qE '^step-[0-9]{8}$' <<< "$newest"
done
check "no unfinished folders are left" [ -z "$(find "$run" -name '*.tmp*' -o -name '*.partial*')" ]
python3 - "$run" << 'PYTHON'
import json, pathlib, sys
run = pathlib.Path(sys.argv[1])
report = json.loads((run / "report.json").read_text())
rows = report["rows"]
for row in rows:
    missing = {"axes", "seed", "stage", "role", "starts_from", "metrics"} - row.keys()
    assert not missing, f"a row lacks {missing}"
    assert row["seed"] == 7 and row["axes"] == {}, row["stage"]
by = {(row["stage"], row["evaluated_by"]): row for row in rows}
tuned, start = by["tuned", "scores"], by["sft", "scores"]
assert tuned["role"] == "preference" and tuned["starts_from"] == "sft", tuned["role"]
assert start["role"] == "start" and start["starts_from"] == "pretrain", start["role"]
for row in tuned, start:
    for name in "accuracy superfluous_steps exact items seconds_per_step peak_bytes".split():
        assert isinstance(row["metrics"].get(name), (int, float)), f"{row['stage']} has no {name}"
assert tuned["metrics"]["items"] == 30
assert 0 < tuned["metrics"]["peak_bytes"]
for stage in "sft", "tuned":
    assert "preference_accuracy" in by[stage, "detection"]["metrics"], stage
lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
steps = {}
for line in lines:
    if "train/loss" in line:
        steps.setdefault(line["stage"], []).append(line["step"])
assert steps == {"pretrain": [10, 20, 30, 40], "sft": [10, 20, 30, 40], "tuned": [4, 8, 12]}, steps
print(f"  ok: report.json has {len(rows)} rows, metrics.jsonl {len(lines)} lines: {steps}")
PYTHON
check "report.json and metrics.jsonl hold what the contract says" [ $? -eq 0 ]

echo "the same command again"
before=$(file_hashes "$run")
begin=$(date +%s%N)
run_lldm run "$SMOKE" --out "$run"
took=$((($(date +%s%N) - begin) / 1000000))
expect_code 0 "ends well"
check "changes no file" [ "$before" = "$(file_hashes "$run")" ]
[ "$before" = "$(file_hashes "$run")" ] || diff <(echo "$before") <(file_hashes "$run") | sed 's/^/    | /'
check "takes $took ms, less than 5000" [ "$took" -lt 5000 ]

echo "another config in the same folder"
run_lldm run "$SMOKE" --out "$run" --set tuned.optimizer.steps=13
expect_code 2 "is refused"
expect_text "steps = 12"
expect_text "steps = 13"
check "changes no file" [ "$before" = "$(file_hashes "$run")" ]

echo "one stage"
run_lldm run "$SMOKE" --out "$WORK/one" --stage sft "${TINY[@]}"
expect_code 0 "--stage sft"
check "its model is there" [ -s "$WORK/one/sft/model/model.safetensors" ]
check "so is the one it needs" [ -s "$WORK/one/pretrain/model/model.safetensors" ]
check "nothing else ran" [ "$(cd "$WORK/one" && ls -d */ | tr -d '\n')" = "claims/pretrain/sft/tensorboard/" ]
run_lldm run "$SMOKE" --out "$WORK/one" --stage all "${TINY[@]}"
expect_code 0 "--stage all goes on with it"

echo "config.resolved.toml in its own folder"
run_lldm run "$WORK/one/config.resolved.toml" --out "$WORK/one"
expect_code 0 "is the same experiment"
check "trains nothing" [ -z "$(grep -E '^stage .* steps, ' <<< "$text")" ]

echo "config.resolved.toml in another folder"
run_lldm run "$WORK/one/config.resolved.toml" --out "$WORK/resolved"
expect_code 0 "runs"
check "gives the same models" [ "$(model_hashes "$WORK/one")" = "$(model_hashes "$WORK/resolved")" ]
model_hashes "$WORK/resolved" | cut -c1-16,65- | sed 's/^/    /'
run_lldm run "$SMOKE" --out "$WORK/one" --stage nothing "${TINY[@]}"
expect_code 2 "a stage that does not exist is refused"
summary
