#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Products in float16 under a loss scale: losses, skipped steps, a kill between them, plans, keys that nothing would read refused.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

NARROW=("${TINY[@]}" --set threads=1 --set model.dtype=float16)
# Far too large: the first steps of the stage are skipped.
LARGE=("${NARROW[@]}" --set tuned.optimizer.loss_scale=1099511627776 --set tuned.optimizer.loss_scale_growth_interval=6
  --set tuned.optimizer.steps=60 --set tuned.save_steps=3)

echo "products in float16"
run_lldm run "$SMOKE" --out "$WORK/straight" "${LARGE[@]}"
expect_code 0 "the smoke experiment runs"
expect_text 'dtype = "float16": a CPU rounds what products read to it and multiplies in float32'
expect_text 'stage tuned: step 1 was skipped: its gradient is not finite in float16; the loss scale is 2^39 from now on'
run_lldm run "$SMOKE" --out "$WORK/wide" "${TINY[@]}" --set threads=1 --stage sft
expect_code 0 "and in float32"
python3 - "$WORK" << 'PYTHON'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
def lines(run, stage):
    every = [json.loads(line) for line in (work / run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in every if line["stage"] == stage and "train/loss" in line]
for stage in ("pretrain", "sft"):
    narrow, wide = ([line["train/loss"] for line in lines(run, stage)] for run in ("straight", "wide"))
    print(f"    {stage}, float32 and float16:", wide, narrow)
    assert wide and len(wide) == len(narrow) and narrow != wide
    assert all(abs(a - b) < 0.005 * a for a, b in zip(wide, narrow))
result = json.loads((work / "straight/tuned/result.json").read_text())
last = lines("straight", "tuned")[-1]
print("    skipped:", result["skipped_steps"], "loss scale:", last["train/loss_scale"])
assert 5 < result["skipped_steps"] < 55 and last["train/skipped_steps"] == result["skipped_steps"]
assert 1 < last["train/loss_scale"] < 2.0**40
assert json.loads((work / "straight/sft/result.json").read_text())["skipped_steps"] == 0
assert "skipped_steps" not in json.loads((work / "wide/sft/result.json").read_text())
PYTHON
check "losses follow those of float32 within .5 %, and skipped steps are counted" [ $? -eq 0 ]

echo "killed"
run=$WORK/killed
killed_at_a_checkpoint "$run/tuned" run "$SMOKE" --out "$run" "${LARGE[@]}"
run_lldm run "$SMOKE" --out "$run" "${LARGE[@]}"
expect_code 0 "goes on"
expect_text "goes on after step"
check "the models are those of the run left alone, bit for bit" [ "$(model_hashes "$WORK/straight")" = "$(model_hashes "$run")" ]

echo "two processes"
run_lldm launch --processes 2 -- run "$SMOKE" --out "$WORK/two" "${LARGE[@]}"
expect_code 0 "run, too"
expect_text 'stage tuned: step 1 was skipped'

echo "plans and refusals"
run_lldm plan "$SMOKE" --device rtx4080 --budget 16GiB --set model.dtype=float16
expect_code 0 "a plan for a GPU"
run_lldm validate "$SMOKE" --set pretrain.optimizer.loss_scale=1024 --set pretrain.optimizer.loss_scale_growth_interval=5
expect_code 2 "without float16 the keys are refused"
expect_text 'optimizer.loss_scale has no effect: no product is in float16'
expect_text 'optimizer.loss_scale_growth_interval has no effect: no product is in float16'
expect_text 'it is read with [model] dtype = "float16"'
run_lldm validate "$SMOKE" --set model.dtype=float16 --set pretrain.optimizer.loss_scale=1000 --set pretrain.optimizer.loss_scale_growth_interval=0
expect_code 2 "what is no scale"
expect_text 'optimizer has loss_scale = 1000'
expect_text 'legal: a power of two from 1 to 2^60: gradients are divided by it without rounding'
expect_text 'optimizer has loss_scale_growth_interval = 0'
run_lldm validate "$SMOKE" --set model.dtype=float16 --set model.storage=bfloat16
expect_code 2 "bfloat16 weights are not trained beside it"
expect_text '[model] dtype = "float16" trains weights in float32, and storage is "bfloat16"'
run_lldm validate "$SMOKE" --set model.dtype=float61
expect_code 2 "a dtype that is none"
expect_text 'float16'
summary
