#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the planner predicts is what the memory manager measures: configurations drawn by a fixed seed over families,
# sizes, lengths, adapters, storages, recomputation, objectives, estimators and gradient paths.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
SCRIPT=$SOURCE/tests/end_to_end/planned_memory.py
python3 "$SCRIPT" draw "$WORK" "${4:-77}"
for file in "$WORK"/*.toml; do
  run_lldm run "$file" --out "${file%.toml}"
  expect_code 0 "$(basename "$file") runs"
done
check "at least 20 stages, each within 5 %" python3 "$SCRIPT" compare "$WORK"

echo "what was planned fits into a budget of as much, and ways that hold less are taken within less"
python3 "$SCRIPT" budgets "$WORK" "${4:-77}" > "$WORK/budgets.txt"
while read -r file bytes share; do
  run_lldm run "$file" --out "$WORK/budgets/$(basename "${file%.toml}")" --set "memory.budget=\"$bytes B\""
  # Less may be too little; as much as was planned is not.
  [ "$code" -eq 3 ] && [ "$share" != 1 ] && grep -qF "out of memory before the first step: the plan needs" <<< "$text" && continue
  expect_code 0 "$(basename "$file") runs within $bytes B"
done < "$WORK/budgets.txt"
check "each stage within 5 %, and no step done twice" python3 "$SCRIPT" compare "$WORK/budgets" 8

echo "before the first stage and in the run the plans are alike"
for file in "$WORK"/*.toml; do
  "$LLDM" plan "$file" --out "${file%.toml}" --device cpu --json > "${file%.toml}.plan.json" || failures=$((failures + 1))
done
check "the same paths, and peaks within 5 %" python3 "$SCRIPT" agree "$WORK"

echo "a budget below the least plan"
run_lldm run "$WORK/0a.toml" --out "$WORK/small" --set 'memory.budget="20 KiB"'
expect_code 3 "is refused before the first step"
expect_text "the plan needs"
expect_text "the least way to do the steps"
run_lldm run "$WORK/0a.toml" --out "$WORK/tight" --set 'memory.budget="2 MiB"'
expect_code 3 "so is one that the weights fit into and the steps do not"
expect_text "out of memory before the first step: the plan needs"
expect_text "it needs"

echo "what is left open is settled once"
run_lldm run "$WORK/0a.toml" --out "$WORK/open" --set 'model.recomputation="auto"' --set first.max_tokens_per_forward=0 \
  --set tuned.max_tokens_per_forward=0 --set tuned.gradient_path=auto --set 'memory.budget="24 MiB"'
expect_code 0 "runs"
check "and written down" python3 - "$WORK/open/first/step_plan.json" << 'PYTHON'
import json, sys
plan = json.load(open(sys.argv[1]))
assert plan["recomputation"] in ("none", "selective", "full"), plan
assert plan["max_tokens_per_forward"] > 0 and plan["gradient_path"] == "linear", plan
PYTHON

echo "every way to do the steps"
"$LLDM" plan "$WORK/0a.toml" --budget "64 MiB" --device cpu --json > "$WORK/plan.json"
check "is listed as JSON" python3 - "$WORK/plan.json" << 'PYTHON'
import json, sys
plan = json.load(open(sys.argv[1]))
assert plan["budget_bytes"] == 64 << 20 and plan["device"] == "cpu"
for stage in plan["stages"]:
    choices = stage["choices"]
    assert choices[stage["configured"]]["configured"] and len(choices) > 3
    fastest = choices[stage["fastest_that_fits"]]
    assert fastest["fits"] and fastest["peak_bytes"] <= plan["budget_bytes"]
    for choice in choices:
        assert choice["fits"] == (choice["peak_bytes"] <= plan["budget_bytes"])
        assert abs(sum(choice["seconds"].values()) - choice["seconds_per_step"]) < 1e-9
        if choice["fits"]:
            assert choice["seconds_per_step"] >= fastest["seconds_per_step"]
by = {(c["recomputation"], c["gradient_path"], c["max_tokens_per_forward"]): c for c in plan["stages"][1]["choices"][1:] if c["same_numbers"]}
for (recomputation, path, tokens), choice in by.items():
    if recomputation == "none" and ("full", path, tokens) in by:  # less memory for more time
        again = by["full", path, tokens]
        assert again["peak_bytes"] <= choice["peak_bytes"] and again["seconds_per_step"] > choice["seconds_per_step"]
PYTHON
run_lldm plan "$WORK/0a.toml" --budget "1 GiB" --device rtx4080
expect_code 0 "is listed as a table"
expect_text "of a budget of 1.00 GiB, 600 MiB are driver and libraries: planned with 424 MiB"
expect_text "the file"
expect_text "all of these: "
check "of every stage, in 100 columns" [ "$(grep -c "^the file" <<< "$text")" -ge "$(grep -c "^stage " <<< "$text")" -a \
  "$(grep -E '^(the file|fastest that fits| {8})' <<< "$text" | awk 'length > 100' | wc -l)" -eq 0 ]
run_lldm plan "$WORK/0a.toml" --device rtx4088
expect_code 2 "no such device"
expect_text 'did you mean "rtx4080"'

echo "rows that a run has made are its plans', for whatever device and budget"
run_lldm run "$SMOKE" --stage pairs --out "$WORK/made"
expect_code 0 "pairs are made"
for asked in "--budget 8MiB" "--device rtx4080"; do
  run_lldm plan "$SMOKE" --out "$WORK/made" $asked
  expect_text "stage tuned, of its 52 rows"
done
run_lldm plan "$SMOKE" --out "$WORK/made" --set 'model.adapter={type="lora", rank=40}'
expect_code 0 "a plan says how much is trained"
expect_text "all 24928 parameters are trained"
expect_text "numbers are trained beside 24928: an adapter of rank 40 of 14 matrices, 14 of which have a shorter side"

echo "bytes, rates and memory of one device"
cat > "$WORK/full.toml" << TOML
name = "full"
device = "cuda"
[model]
width = 2048
layers = 24
heads = 16
mlp_width = 5632
vocab_size = 32000
dtype = "bfloat16"
[[stage]]
name = "sft"
kind = "sft"
data = { generate = "word_problems", form = "concise", rows = 40 }
optimizer = { steps = 2, batch_size = 1 }
TOML
"$LLDM" plan "$WORK/full.toml" --device rtx4080 --budget "400 GiB" --json > "$WORK/room.json"
"$LLDM" plan "$WORK/full.toml" --json > "$WORK/assumed.json"
check "as JSON" python3 - "$WORK/room.json" "$WORK/assumed.json" << 'PYTHON'
import json, sys
room, assumed = (json.load(open(name)) for name in sys.argv[1:])
assert room["budget_bytes"] == (16376 - 600) << 20 and room["asked_budget_bytes"] == 400 << 30, room["budget_bytes"]
assert [note for note in room["notes"] if "rtx4080 has" in note], room["notes"]
assert (assumed["device"], assumed["kind"]) == ("h100", "cuda") and assumed["asked_budget_bytes"] is None
assert [note for note in assumed["notes"] if "no profile is named" in note], assumed["notes"]
stage = room["stages"][0]
choices = stage["choices"]
host = [c for c in choices if c["optimizer_resident"] == "host"]
assert host and all(c["host_bytes"] > c["locked_host_bytes"] > 0 for c in host)
assert not choices[0]["fits"] and not [c for c in choices if c["fits"] and c["optimizer"] == "adamw" and
                                       c["optimizer_resident"] == "device" and c["storage"] == "float32"]
fastest = choices[stage["fastest_that_fits"]]  # trained bfloat16 weights, states of 8 bits, or states elsewhere
assert fastest["changes"] and (fastest["storage"] == "bfloat16" or fastest["optimizer"] == "adamw_8bit" or
                               fastest["optimizer_resident"] == "host"), fastest
PYTHON
run_lldm plan "$WORK/full.toml" --device rtx4080 --budget "2 GiB"
expect_code 0 "where nothing fits"
expect_text "nothing fits; the least holds"
expect_text "weights, gradients and the optimizer's states alone take"
expect_no_text "shorter texts"
run_lldm plan "$WORK/full.toml" --set 'sft.optimizer.resident="host"'
expect_code 0 "a file's own plan"
expect_text "on the host"
run_lldm plan "$WORK/full.toml" --json --set 'memory.profile="cpu"'
expect_code 2 "a profile of another device"
expect_text '[memory] profile "cpu" is of cpu, the file computes on "cuda"'
run_lldm plan "$SOURCE/experiments/llada_8b/dpo_rtx4080.toml" --budget 16GiB --device rtx4080
expect_code 0 "the example of the documentation"
expect_text "more than rtx4080 has"
summary
