#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a file leaves open is settled once; what happens where memory is short.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
SCRIPT=$SOURCE/tests/end_to_end/planned_memory.py
python3 "$SCRIPT" draw "$WORK" 77
FILE=$WORK/0a.toml
# Every path is exact for these.
sed -i -e 's/^objective = .*/objective = { type = "dpo" }/' \
  -e 's/^score_estimator = .*/score_estimator = { type = "full_trajectory", steps = 6 }/' "$FILE"
OPEN=(--set 'model.recomputation="auto"' --set first.max_tokens_per_forward=0 --set tuned.max_tokens_per_forward=0
  --set tuned.gradient_path=auto --set 'memory.budget="24 MiB"' --set first.save_steps=1 --set tuned.save_steps=1)

echo "a key that nothing reads"
run_lldm validate "$FILE" --set memory.streamed_blocks=4
expect_text "streamed_blocks has no effect: weights are not streamed"
run_lldm validate "$FILE" --set memory.streamed_blocks=4 --set 'memory.frozen_weights="streamed"'
expect_code 0 "it is read where they are"
expect_no_text "has no effect"

run_lldm plan "$FILE" --set 'memory.budgets.logits="1 KiB"' --set 'memory.budgets.activations="4 GiB"'
expect_code 0 "a plan beside soft budgets"
expect_text "planned, above its soft budget of 1.00 KiB"
expect_no_text "soft budget of 4"

unfinish() { # folder of a run: its stages are to be gone on with
  chmod -R u+w "$1" && rm -f "$1"/*/result.json
}

says_settled() { # folder: config.resolved.toml says what step_plan.json does
  python3 - "$1" << 'PYTHON'
import json, pathlib, sys, tomllib
folder = pathlib.Path(sys.argv[1])
stages = tomllib.loads((folder / "config.resolved.toml").read_text())["stage"]
assert len(stages) == 2
for stage in stages:
    plan = json.loads((folder / stage["name"] / "step_plan.json").read_text())
    settled = stage["settled"]
    assert settled and all(plan[key] == value for key, value in settled.items()), (settled, plan)
    assert settled["max_tokens_per_forward"] > 0 and settled["recomputation"] != "auto"
    assert ("gradient_path" in settled) == (stage["gradient_path"] == "auto")
    assert stage["max_tokens_per_forward"] == 0  # the file's own words stay
PYTHON
}

echo "choices are written into config.resolved.toml"
run_lldm run "$FILE" --out "$WORK/open" "${OPEN[@]}"
expect_code 0 "runs"
check "as step_plan.json has them" says_settled "$WORK/open"
before=$(cat "$WORK"/open/*/step_plan.json)
hashes=$(model_hashes "$WORK/open")

echo "and hold when the profile has changed"
sed -e 's/call = .*/call = 4000/' -e 's/bandwidth = .*/bandwidth = 0.01/' "$SOURCE/profiles/cpu.toml" > "$WORK/slow.toml"
# Another machine would choose another way (memory is all that counts there), in a folder of its own:
run_lldm run "$FILE" --out "$WORK/other" "${OPEN[@]}" --set "memory.profile=\"$WORK/slow.toml\""
expect_code 0 "a run by another profile"
unfinish "$WORK/open"
run_lldm run "$FILE" --out "$WORK/open" "${OPEN[@]}" --set "memory.profile=\"$WORK/slow.toml\""
expect_code 0 "goes on by another profile"
check "the way is the one that was settled" [ "$before" == "$(cat "$WORK"/open/*/step_plan.json)" ]
check "in config.resolved.toml too" says_settled "$WORK/open"
check "and the models are the same" [ "$hashes" == "$(model_hashes "$WORK/open")" ]
run_lldm run "$WORK/open/config.resolved.toml" --out "$WORK/again" --set "memory.profile=\"$WORK/slow.toml\""
expect_code 0 "config.resolved.toml runs elsewhere"
check "by the way that it names" python3 - "$WORK" << 'PYTHON'
import json, pathlib, sys
for stage in ("first", "tuned"):
    one, other = (json.loads((pathlib.Path(sys.argv[1]) / run / stage / "step_plan.json").read_text()) for run in ("open", "again"))
    assert one.pop("same_budgets") and "same_budgets" not in other  # the file's own words settle it there
    assert one == other, (one, other)
PYTHON
check "with the same models" [ "$(cd "$WORK/open" && sha256sum */model/*.safetensors)" == "$(cd "$WORK/again" && sha256sum */model/*.safetensors)" ]
run_lldm validate "$WORK/open/config.resolved.toml" --set tuned.gradient_path=replay --set tuned.settled.gradient_path=retain
expect_code 2 "a way that contradicts the file"
expect_text "settled.gradient_path contradicts gradient_path"
run_lldm validate "$WORK/open/config.resolved.toml" --set 'model.recomputation="full"' --set 'tuned.settled.recomputation="none"'
expect_code 2 "a recomputation that contradicts the file"
expect_text "settled.recomputation contradicts [model] recomputation"
run_lldm validate "$WORK/open/config.resolved.toml" --set tuned.gradient_path=replay --set tuned.settled='{pairwise_copies=8}'
expect_text "settled.pairwise_copies has no effect: the gradient path is replay"

for path in auto pairwise; do  # a path that the file states leaves the copies of an answer in one pass open
echo "another budget, gradient_path = \"$path\""
TUNED=(--set tuned.gradient_path=$path --set 'tuned.score_estimator={type="monte_carlo_elbo",draws=24}' --set tuned.max_tokens_per_forward=16384
  --set first.save_steps=1)
run_lldm run "$FILE" --out "$WORK/budgets_$path" "${TUNED[@]}" --set 'memory.budget="64 MiB"'
expect_code 0 "a run with one"
before=$(model_hashes "$WORK/budgets_$path")
eval "$(python3 - "$WORK/budgets_$path" << 'PYTHON'
import json, pathlib, sys
first, tuned = (json.loads((pathlib.Path(sys.argv[1]) / stage / "step_plan.json").read_text()) for stage in ("first", "tuned"))
budgets = tuned["same_budgets"]
assert first["same_budgets"]["below"] is None and first["same_budgets"]["without"], first  # known weights: one way
assert budgets["from"] == tuned["predicted_peak_bytes"] and not budgets["without"], budgets  # more copies with a budget
print(f"least={budgets['from']} of_first={first['same_budgets']['from']}")
PYTHON
)"
run_lldm run "$FILE" --out "$WORK/budgets_$path" "${TUNED[@]}" --set "memory.budget=\"$((least + 1000000)) B\""
expect_code 0 "one that leads to the same steps"
expect_no_text "steps, "
check "trains nothing again" [ "$before" == "$(model_hashes "$WORK/budgets_$path")" ]
run_lldm run "$FILE" --out "$WORK/budgets_$path" "${TUNED[@]}" --set "memory.budget=\"$((least - 1)) B\""
expect_code 2 "one that leads to others"
expect_text "it was made with memory.budget = "
expect_text "; budgets from $least B on"
check "is other work: of tuned, not of first" [ "$(grep -c 'stage "first"' <<< "$text")" -eq 0 ]
check "config.resolved.toml names the copies" grep -q "pairwise_copies = " "$WORK/budgets_$path/config.resolved.toml"
done

echo "a budget that logits of a trained head pass by themselves"
awk '/^\[\[stage\]\]/ { n++ } n < 2' "$FILE" > "$WORK/logits.toml"
LOGITS=(--set model.vocab_size=20000 --set model.width=32 --set first.optimizer.batch_size=32 --set first.optimizer.steps=2 --set 'first.optimizer.type="adafactor"')
peak_of() { python3 -c "import json; print(json.load(open('$1/first/result.json'))['$2'])"; }
run_lldm run "$WORK/logits.toml" --out "$WORK/whole" "${LOGITS[@]}"
expect_code 0 "without one"
fits=$(($(peak_of "$WORK/whole" predicted_peak_bytes) * 7 / 10))
run_lldm run "$WORK/logits.toml" --out "$WORK/cut" "${LOGITS[@]}" --set "memory.budget=\"$fits B\""
expect_code 0 "with .7 of what it held"
check "logits are cut further" python3 - "$WORK" << 'PYTHON'
import json, pathlib, sys
whole, cut = (json.loads((pathlib.Path(sys.argv[1]) / run / "first" / "step_plan.json").read_text()) for run in ("whole", "cut"))
assert 0 < cut["head_rows"] < whole["head_rows"], (whole, cut)
assert cut["same_budgets"]["below"] is not None and not cut["same_budgets"]["without"], cut
result = json.loads((pathlib.Path(sys.argv[1]) / "cut" / "first" / "result.json").read_text())
assert abs(result["predicted_peak_bytes"] - result["peak_bytes"]) <= 0.05 * result["peak_bytes"], result["peak_bytes"]
assert "memory_retries" not in result, result
PYTHON
check "config.resolved.toml names their rows" grep -q "head_rows = " "$WORK/cut/config.resolved.toml"
run_lldm run "$WORK/cut/config.resolved.toml" --out "$WORK/cut_again" --set 'memory.budget="4 GiB"'
expect_code 0 "another budget, by config.resolved.toml"
check "has the same bits" [ "$(cd "$WORK/cut" && sha256sum first/model/*.safetensors)" == "$(cd "$WORK/cut_again" && sha256sum first/model/*.safetensors)" ]
run_lldm validate "$WORK/cut/config.resolved.toml" --set 'model.storage="bfloat16"'
expect_text "settled.head_rows has no effect"

echo "a settled way that no longer fits"
unfinish "$WORK/open"
python3 - "$WORK/open/first/step_plan.json" << 'PYTHON'
import json, sys
plan = json.load(open(sys.argv[1]))
plan["recomputation"], plan["max_tokens_per_forward"] = "none", 1 << 20
json.dump(plan, open(sys.argv[1], "w"))
PYTHON
least=$(python3 - "$WORK/open" << 'PYTHON'
import json, pathlib, sys
print(json.loads((pathlib.Path(sys.argv[1]) / "first" / "step_plan.json").read_text())["predicted_peak_bytes"])
PYTHON
)
run_lldm run "$FILE" --out "$WORK/tight" "${OPEN[@]}" --set "memory.budget=\"$least B\"" --set first.optimizer.batch_size=16
mkdir -p "$WORK/small/first" && cp "$WORK/open/first/step_plan.json" "$WORK/small/first/"
run_lldm run "$FILE" --out "$WORK/small" "${OPEN[@]}" --set 'memory.budget="700 KiB"' --set first.optimizer.batch_size=32
expect_code 3 "is refused"
expect_text "was settled when the stage began"
expect_text "step_plan.json: without that file it is chosen anew"

echo "soft budgets by purpose"
run_lldm validate "$FILE" --set 'memory.budgets.logit="1 MiB"'
expect_code 2 "an unknown purpose"
expect_text 'did you mean "logits"'
run_lldm run "$FILE" --out "$WORK/soft" --set 'memory.budgets.logits="16 KiB"' --set 'memory.budgets.activations="64 KiB"' \
  --set first.logging_steps=1
expect_code 0 "fail no run"
expect_text "memory was given up: memory that was kept for later uses"
check "are counted" python3 - "$WORK/soft" << 'PYTHON'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
result = json.loads((folder / "first" / "result.json").read_text())
assert result["budgets_passed"]["logits"] >= 3 and result["budgets_passed"]["activations"] >= 3, result["budgets_passed"]
given = result["memory_reclaimed"]["kept_blocks"]
assert given["times"] >= 1 and given["bytes"] > 0, given
lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
assert any(line.get("train/memory/passed_logits", line.get("values", {}).get("train/memory/passed_logits", 0)) > 0 for line in lines), lines[0]
PYTHON
check "each step is said once" [ "$(grep -c 'memory was given up' <<< "$text")" -le 4 ]

echo "no byte of a step is outside every scope"
check "of training, on every path" python3 - "$WORK/soft" "$WORK/open" << 'PYTHON'
import json, pathlib, sys
seen = 0
for folder in sys.argv[1:]:
    for path in pathlib.Path(folder).glob("*/result.json"):
        result = json.loads(path.read_text())
        assert result["peak_bytes_by_purpose"]["unscoped"] == 0 and "unscoped_bytes" not in result, path
        seen += 1
assert seen >= 2
PYTHON
for path in retain replay pairwise; do
  run_lldm run "$FILE" --out "$WORK/path-$path" --set tuned.gradient_path=$path --set tuned.validation_rows=4
  expect_code 0 "$path runs"
  check "nothing is unscoped" [ -z "$(grep -l unscoped_bytes "$WORK/path-$path"/*/result.json)" ]
done
run_lldm run "$SMOKE" --out "$WORK/smoke" "${TINY[@]}"
expect_code 0 "pretraining, sft, synthesis, preference, evaluation and sampling"
check "nothing is unscoped" [ -z "$(find "$WORK/smoke" -name result.json -exec grep -l unscoped_bytes {} +)" ]

echo "a plugin that allocates outside every scope"
PLUGIN=$BUILD/lib/test_plugins/libtest_hungry.so
HUNGRY=(--plugin "$PLUGIN" --set tuned.objective.type=hungry --set tuned.save_steps=1 --set tuned.logging_steps=1)
HUNGRY_BYTES=3000000 run_lldm run "$FILE" --out "$WORK/plugin" "${HUNGRY[@]}"
expect_code 0 "runs"
expect_text "2.86 MiB were allocated outside every purpose scope (unscoped)"
expect_text "from plugins: hungry"
check "is counted" grep -q '"unscoped_bytes": 300' "$WORK/plugin/tuned/result.json"

echo "a step that does not fit all the same"
peak=$(python3 -c "import json; print(json.load(open('$WORK/plugin/tuned/result.json'))['predicted_peak_bytes'])")
budget="memory.budget=\"$((peak * 11 / 10)) B\""
run_lldm run "$FILE" --out "$WORK/full" "${HUNGRY[@]}" --set "$budget" --stage first
HUNGRY_BYTES=$((peak * 2)) HUNGRY_FROM=3 run_lldm run "$FILE" --out "$WORK/full" "${HUNGRY[@]}" --set "$budget"
expect_code 3 "ends the run"
expect_text "did not fit and is done again"
expect_text "out of cpu memory: \"unscoped\" asked for"
check "with three keys that help" [ "$(grep -c '^ *with .* it needs' <<< "$text")" -eq 3 ]
check "its plan names no budgets with the same steps" [ "$(grep -c same_budgets "$WORK/full/tuned/step_plan.json")" -eq 0 ]
newest=$(ls -d "$WORK"/full/tuned/checkpoints/step-* | tail -n 1)
check "the last checkpoint is there" [ -n "$newest" ]
run_lldm run "$FILE" --out "$WORK/full" "${HUNGRY[@]}" --set "$budget"
expect_code 0 "and the same command goes on from it"
expect_text "goes on after step"
run_lldm run "$FILE" --out "$WORK/never" "${HUNGRY[@]}" --set "$budget"
expect_code 0 "as a run that was never short"
check "to the same model" [ "$(cd "$WORK/full" && sha256sum tuned/model/*.safetensors)" == "$(cd "$WORK/never" && sha256sum tuned/model/*.safetensors)" ]

echo "scoring behind the last step and evaluation, in what training fits into"
run_lldm run "$SMOKE" --out "$WORK/study" --stage tuned --set tuned.gradient_path=pairwise --set 'memory.budget="6.2MiB"'
expect_code 0 "held-out pairs are scored in passes of a step's size"
check "and hold no more than was planned" python3 - "$WORK/study" << 'PYTHON'
import json, pathlib, sys
result = json.loads((pathlib.Path(sys.argv[1]) / "tuned" / "result.json").read_text())
assert result["score_study"]["pairs"] > 0
assert abs(result["peak_bytes"] - result["predicted_peak_bytes"]) <= max(65536, 0.05 * result["predicted_peak_bytes"]), result["peak_bytes"]
PYTHON
SMALL=(--set tuned.gradient_path=pairwise --set 'memory.budget="1900KiB"')
for stage in pretrain sft tuned; do SMALL+=(--set $stage.max_tokens_per_forward=256); done
run_lldm run "$SMOKE" --out "$WORK/small_passes" "${SMALL[@]}"
expect_code 0 "an evaluation that does not fit"
expect_text "scoring does not fit into memory: done again, from here on in passes of at most"
expect_text "sampling does not fit into memory: done again, from here on at most"
run_lldm run "$SMOKE" --out "$WORK/large_passes" "${SMALL[@]}" --set 'memory.budget="1 GiB"'
check "has the same scores" python3 - "$WORK" << 'PYTHON'
import pathlib, sys
one, other = (sorted((path.parent.name, path.read_text()) for path in (pathlib.Path(sys.argv[1]) / run).rglob("items.jsonl"))
              for run in ("small_passes", "large_passes"))
assert one and one == other
PYTHON

echo "a budget that is advised is enough"
run_lldm run "$SMOKE" --out "$WORK/advised" --stage sft --set 'memory.budget="5.0MiB"'
expect_code 3 "one that is not"
advised=$(sed -n 's/.*or a \[memory\] budget of \([0-9.]* [KMG]iB\).*/\1/p' <<< "$text")
run_lldm run "$SMOKE" --out "$WORK/advised" --stage sft --set "memory.budget=\"$advised\""
expect_code 0 "the advised one"
expect_no_text "done again"

echo "a machine with too little memory"
run_lldm run "$FILE" --out "$WORK/machine" --set tuned.gradient_path=retain --set tuned.max_tokens_per_forward=16384 \
  --set 'tuned.score_estimator={type="monte_carlo_elbo",draws=4000}' --set tuned.optimizer.batch_size=64 \
  --set model.width=128 --set model.mlp_width=2048
expect_code 3 "is told before the first step"
expect_text "out of host memory before the first step: the plan needs"
expect_text "this machine has"

echo "fewer copies are proposed, never taken"
"$LLDM" plan "$FILE" --device cpu --budget "1 GiB" --seconds 1e-4 --json --set tuned.score_estimator.type=full_trajectory \
  --set tuned.score_estimator.steps=24 > "$WORK/fewer.json"
check "with their bytes and seconds" python3 - "$WORK/fewer.json" << 'PYTHON'
import json, sys
plan = json.load(open(sys.argv[1]))
assert plan["seconds_limit"] == 1e-4
fewer = plan["stages"][1]["fewer"]
steps = [one for one in fewer if one["key"] == "score_estimator.steps"]
assert [one["value"] for one in steps] == [18, 12, 9, 6, 4, 3, 2, 1], steps
assert all(one["now"] == 24 for one in steps)
for more, less in zip(steps, steps[1:]):
    assert less["seconds_per_step"] < more["seconds_per_step"] and less["peak_bytes"] <= 1.01 * more["peak_bytes"]
    assert less["copies_per_text"] < more["copies_per_text"]
PYTHON
limit=$(python3 -c "
import json
steps = json.load(open('$WORK/fewer.json'))['stages'][1]['fewer']
print(next(one for one in steps if one['value'] == 6)['seconds_per_step'] * 1.001)")
run_lldm plan "$FILE" --device cpu --seconds "$limit" --set tuned.score_estimator.type=full_trajectory \
  --set tuned.score_estimator.steps=24 --set tuned.gradient_path=replay
expect_code 0 "as a text"
expect_text "a noisier score: score_estimator.steps = "
run_lldm plan "$FILE" --seconds soon
expect_code 2 "no number"
expect_text 'got "soon"'
summary
