#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# All weights trained in bfloat16: published as such, killed and gone on with, keys that nothing would read refused.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

NARROW=("${TINY[@]}" --set threads=1 --set model.storage=bfloat16)

echo "all weights in bfloat16"
run_lldm run "$SMOKE" --out "$WORK/straight" "${NARROW[@]}" --set tuned.optimizer.steps=60 --set tuned.save_steps=3
expect_code 0 "the smoke experiment runs"
python3 - "$WORK/straight/tuned/model" << 'PYTHON'
import json, pathlib, struct, sys
folder = pathlib.Path(sys.argv[1])
with open(folder / "model.safetensors", "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
types = {(len(entry["shape"]), entry["dtype"]) for name, entry in header.items() if name != "__metadata__"}
assert types == {(2, "BF16"), (1, "F32")}, types
PYTHON
check "what is published has bfloat16 matrices and float32 vectors" [ $? -eq 0 ]
run_lldm run "$SMOKE" --out "$WORK/wide" "${TINY[@]}" --set threads=1 --stage pretrain
expect_code 0 "and in float32"
python3 - "$WORK" << 'PYTHON'
import json, pathlib, sys
def losses(run):
    lines = [json.loads(line) for line in (pathlib.Path(sys.argv[1]) / run / "metrics.jsonl").read_text().splitlines()]
    return [line["train/loss"] for line in lines if line["stage"] == "pretrain" and "train/loss" in line]
narrow, wide = losses("straight"), losses("wide")
print("    pretraining, float32 and bfloat16:", wide, narrow)
assert wide and len(wide) == len(narrow) and narrow != wide
assert all(abs(a - b) < 0.02 * a for a, b in zip(wide, narrow))
PYTHON
check "the losses follow those of float32 within 2 %" [ $? -eq 0 ]

echo "killed"
run=$WORK/killed
killed_at_a_checkpoint "$run/tuned" run "$SMOKE" --out "$run" "${NARROW[@]}" --set tuned.optimizer.steps=60 --set tuned.save_steps=3
run_lldm run "$SMOKE" --out "$run" "${NARROW[@]}" --set tuned.optimizer.steps=60 --set tuned.save_steps=3
expect_code 0 "goes on"
expect_text "goes on after step"
check "the models are those of the run left alone, bit for bit" [ "$(model_hashes "$WORK/straight")" = "$(model_hashes "$run")" ]

echo "rounding"
run_lldm run "$SMOKE" --out "$WORK/nearest" "${NARROW[@]}" --set pretrain.optimizer.rounding=nearest --stage pretrain
expect_code 0 "rounding = \"nearest\" runs"
check "and gives other weights" [ "$(sha256sum < "$WORK/nearest/pretrain/model/model.safetensors")" != "$(sha256sum < "$WORK/straight/pretrain/model/model.safetensors")" ]
run_lldm run "$SMOKE" --out "$WORK/host" "${NARROW[@]}" --set pretrain.optimizer.resident=host --stage pretrain
expect_code 0 "resident = \"host\" runs"
run_lldm validate "$SMOKE" --set pretrain.optimizer.rounding=nearest
expect_code 2 "beside float32 weights it is refused"
expect_text "optimizer.rounding has no effect: no weight that this stage trains is bfloat16"
run_lldm validate "$SMOKE" --set model.storage=bfloat16 --set pretrain.optimizer.rounding=nearest --set pretrain.optimizer.resident=host
expect_code 2 "beside float32 copies, too"
expect_text 'resident = "host" has no key rounding'
run_lldm validate "$SMOKE" --set model.storage=bfloat16 --set pretrain.optimizer.rounding=nearst
expect_code 2 "a rounding that is none"
expect_text 'did you mean "nearest"'
summary
