#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Forward processes other than masks over the whole answer: from the file to the report, and what they refuse.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
UNIFORM=$SOURCE/experiments/smoke/uniform.toml
BLOCKS=$SOURCE/experiments/smoke/block_masked.toml

for name in uniform block_masked; do
  echo "$name: pretraining, fine-tuning, preferences, detection of pairs"
  run=$WORK/$name
  begin=$SECONDS
  run_lldm run "$SOURCE/experiments/smoke/$name.toml" --out "$run"
  expect_code 0 "runs in $((SECONDS - begin)) s"
  for file in report.md report.json sft/model/model.safetensors; do
    check "$file" [ -s "$run/$file" ]
  done
  check "the model folder says $name" grep -q "type = \"$name\"" "$run/sft/model/forward_process.toml"
done
python3 - "$WORK" << 'PYTHON'
import json, math, pathlib, sys
work = pathlib.Path(sys.argv[1])
targets = {"uniform": ["uniform_elbo(16, uniform_time)", "uniform_elbo(4, uniform_time)"],
           "block_masked": ["block_elbo_truncated(8, 0.001, two_stream)", "block_elbo(8, two_stream)"]}
for name, (pretrain, tuned) in targets.items():
    run = work / name
    said = {stage: json.loads((run / stage / "result.json").read_text())["score_target"] for stage in ("pretrain", "tuned")}
    assert said == {"pretrain": pretrain, "tuned": tuned}, said
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [line["train/loss"] for line in lines if line["stage"] == "pretrain" and "train/loss" in line]
    assert all(map(math.isfinite, losses)) and losses[-1] < losses[0], losses
    print(f"  ok: {name}: pretraining loss {losses[0]:.3f} -> {losses[-1]:.3f}")
PYTHON
check "targets and losses are what they should be" [ $? -eq 0 ]

echo "memory of two streams"
run_lldm run "$BLOCKS" --out "$WORK/recomputed" --set model.recomputation=full
expect_code 0 "runs with blocks computed again"
check "is predicted, with recomputation and without" python3 - "$WORK/block_masked" "$WORK/recomputed" << 'PYTHON'
import json, pathlib, sys
for stage in ("pretrain", "sft", "tuned"):
    said = [json.loads((pathlib.Path(run) / stage / "result.json").read_text()) for run in sys.argv[1:]]
    kept, again = [(one["predicted_peak_bytes"], one["peak_bytes"]) for one in said]
    print(f"  {stage}: predicted and measured {kept}, computed again {again}")
    assert again[1] < kept[1] and again[0] < kept[0]
    # Two streams run by tensor operations, whose passing tensors are bounded from above.
    assert all(0.95 * measured <= predicted < 1.5 * measured for predicted, measured in (kept, again))
PYTHON

echo "an estimator that has no meaning for the process"
run_lldm run "$UNIFORM" --out "$WORK/refused" --set 'score_estimator={ type = "monte_carlo_elbo" }'
expect_code 2 "is refused before anything is trained"
expect_text 'score estimator "monte_carlo_elbo" needs absorbing noise'
check "nothing was written" [ ! -e "$WORK/refused" ]
run_lldm run "$BLOCKS" --out "$WORK/refused" --set 'score_estimator={ type = "one_step" }'
expect_code 2 "so is one without blocks"
expect_text 'does not score noise of blocks'

echo "sampling from a model of uniform-state noise"
cat "$UNIFORM" - > "$WORK/sampled.toml" << 'TOML'

[[stage]]
name    = "texts"
kind    = "sample"
from    = "sft"
prompts = ["ann has 4 apples ."]
TOML
run_lldm validate "$WORK/sampled.toml"
expect_code 2 "is refused in the file"
expect_text 'the samplers replace mask tokens'
run_lldm sample "$WORK/uniform/sft/model" --prompt "ann has 4 apples ." \
  --set 'sampler={ type = "fixed_length", response_length = 10, steps = 5 }'
expect_code 2 "and from its folder"
expect_text 'was trained with forward_process "uniform"'
run_lldm sample "$WORK/block_masked/sft/model" --prompt "ann has 4 apples ." \
  --set 'sampler={ type = "fixed_length", response_length = 10, steps = 5 }'
expect_code 0 "from a model of blocks it runs"
expect_text 'under full attention, which it was not trained for'

echo "lldm score"
echo '{"prompt_ids": [1, 2], "chosen_ids": [3, 4, 5, 6], "rejected_ids": [6, 5, 4]}' > "$WORK/ids.jsonl"
score() { run_lldm score "$WORK/$1/sft/model" "$WORK/ids.jsonl" --json "${@:2}"; }
score uniform
expect_code 2 "another process than the model was trained with, unless it is named"
expect_text 'was trained with forward_process "uniform", it is scored with "masked"'
score uniform --estimator full_trajectory --set 'forward_process={ type = "uniform", last_token = 20 }'
expect_code 0 "uniform"
expect_text '"target":"uniform_elbo(16, uniform_time)"'
score block_masked --set 'forward_process={ type = "block_masked", block_size = 8 }'
expect_code 0 "block_masked"
expect_text '"target":"block_elbo(8, two_stream)"'
summary
