#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An autoregressive folder is converted and pretrained as a masked diffusion model: with shifted logits kept and dropped.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
mkdir -p "$WORK/experiments/ar_to_diffusion" && cd "$WORK" || exit 1
cp "$SOURCE/experiments/ar_to_diffusion/pretrain.toml" experiments/ar_to_diffusion/
file=experiments/ar_to_diffusion/pretrain.toml
run_lldm validate $file
expect_code 0 "the experiment before its folders are made"
# The commands that the file's head gives.
sed -n 's/^#   //p' $file > prepare.sh
check "the file says how its folders are made" [ "$(grep -c . prepare.sh)" = 6 ]
text=$(PATH="$(dirname "$LLDM"):$PATH" bash -e prepare.sh 2>&1)
code=$?
expect_code 0 "and these commands make them"
check "an unused id is the mask" grep -q '"mask_token_id": 318' runs/ar_to_diffusion/kept/config.json
check "shifted logits are dropped where asked" grep -q '"shifted_logits": false' runs/ar_to_diffusion/dropped/config.json
run_lldm grid run $file --out run
expect_code 0 "both are trained"
check "both learn, the one that was shifted too" python3 - <<'PYTHON'
import json, math, pathlib
results = [json.loads(path.read_text()) for path in sorted(pathlib.Path("run").rglob("adapted*/result.json"))]
assert len(results) == 2, len(results)
for result in results:
    assert result["best_validation_loss"] < math.log(320) - 1.5, result["best_validation_loss"]
assert results[0]["loss"] != results[1]["loss"]
PYTHON
for model in $(find run -type d -name model -path '*adapted*'); do
  run_lldm model inspect "$model"
  expect_code 0 "a model folder of its family"
  expect_text "family      qwen2"
done
check "one of them without the shift" [ "$(grep -l '"shifted_logits": false' $(find run -path '*/model/config.json') | wc -l)" = 1 ]
# A folder that is silent about its end-of-text token: [tokenizer] names it, for every kind of stage.
cat > tuned.toml << 'TOML'
name = "tuned"
[model]
path = "runs/ar_to_diffusion/kept"
[tokenizer]
end_of_text_token = "<eos>"
[[stage]]
name      = "first"
kind      = "pretraining"
data      = { generate = "word_problems", form = "pretraining", rows = 40 }
optimizer = { steps = 2, batch_size = 8 }
[[stage]]
name      = "taught"
kind      = "sft"
from      = "first"
data      = { generate = "word_problems", form = "verbose", rows = 40 }
long_rows = "drop"
optimizer = { steps = 2, batch_size = 8 }
[[stage]]
name      = "alone"
kind      = "sft"
data      = { generate = "word_problems", form = "verbose", rows = 40 }
long_rows = "drop"
optimizer = { steps = 2, batch_size = 8 }
TOML
run_lldm validate tuned.toml
expect_code 0 "an sft stage is told the end-of-text token by the file, behind pretraining and alone"
run_lldm run tuned.toml --out tuned
expect_code 0 "and trained"
check "the models say it" [ "$(grep -l '"eos_token_id": 319' tuned/*/model/config.json | wc -l)" = 3 ]
summary
