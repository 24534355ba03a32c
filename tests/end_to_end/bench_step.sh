#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lldm bench step: the trainer of `run`, the keys that scripts read, counts worked out here, and refusals.
. "$(dirname "$0")/common.sh" "$@"
BENCH=$SOURCE/experiments/bench
SMALL=(--set model.width=32 --set model.layers=2 --set model.heads=4 --set model.mlp_width=48 --set model.vocab_size=300)

echo "bench step: sft"
run_lldm run "$BENCH/sft_134m.toml" --out "$WORK/run" "${SMALL[@]}" --set sft.optimizer.steps=5 --set sft.logging_steps=1
expect_code 0 "the file runs"
"$LLDM" bench step "$BENCH/sft_134m.toml" "${SMALL[@]}" --steps 3 --warm-up 2 --json --plans "$WORK/plans.jsonl" \
  --svg "$WORK/plot.svg" > "$WORK/sft.json" 2> "$WORK/errors"
code=$? text=$(cat "$WORK/errors")
expect_code 0 "it is measured"
check "the plot is SVG" grep -q "<svg" "$WORK/plot.svg"
cat > "$WORK/sft.py" <<'PY'
import json, statistics, sys
made = json.load(open(sys.argv[1] + "/sft.json"))
for key in ("work seconds_per_step useful_tokens_per_step evaluations_per_step useful_flops_per_step "
            "gemm_flops_per_second peak_bytes predicted_peak_bytes").split():
    assert key in made, key
assert len(made["seconds"]) == 3 and made["seconds_per_step"] == statistics.median(made["seconds"])
logged = [json.loads(line) for line in open(sys.argv[1] + "/run/metrics.jsonl")]
losses = [line["train/loss"] for line in logged if "train/loss" in line]
assert losses[:5] == made["losses"], (losses, made["losses"])  # the same trainer, bit for bit
plans = [json.loads(line)["plans"] for line in open(sys.argv[1] + "/plans.jsonl")]
assert len(plans) == 5 and all(len(step) == 4 for step in plans)
matrices, layers, width, vocabulary = 2 * (4 * 32 * 32 + 3 * 32 * 48), 2, 32, 300
flops = tokens = copies = 0
for step in plans[2:]:
    for plan in step:
        for index, copy in enumerate(plan["copies"]):
            asked = sum(query[0] == index for query in plan["queries"])
            flops += 3 * (2 * len(copy) * matrices + 4 * layers * len(copy) ** 2 * width + 2 * asked * width * vocabulary)
            tokens, copies = tokens + len(copy), copies + 1
assert abs(made["useful_flops_per_step"] - flops / 3) < 1, (made["useful_flops_per_step"], flops / 3)
assert made["useful_tokens_per_step"] == tokens / 3 and made["evaluations_per_step"] == copies / 3
phases = made["seconds_by_phase"]
assert any(abs(sum(phases.values()) - seconds) < 1e-9 for seconds in made["seconds"]), phases
assert all(phases[name] > 0 for name in ("plans", "forward", "head", "backward", "optimizer")), phases
assert phases["reference"] == 0
peaks = made["peak_bytes"]
# AdamW's two moments are two numbers a parameter; gradients one, and those of a block on their way.
assert 0 < peaks["weights"] < peaks["total"] and peaks["optimizer"] <= 2 * peaks["gradients"] < 2 * peaks["total"], peaks
PY
check "its counts are those worked out from the plans, its losses those of run" python3 "$WORK/sft.py" "$WORK"

echo "bench step: a pair"
"$LLDM" bench step "$BENCH/dpo_134m.toml" "${SMALL[@]}" --steps 2 --json > "$WORK/dpo.json" 2> "$WORK/errors"
code=$? text=$(cat "$WORK/errors")
expect_code 0 "a preference step from fresh weights"
cat > "$WORK/dpo.py" <<'PY'
import json, math, sys
made = json.load(open(sys.argv[1] + "/dpo.json"))
assert made["evaluations_per_step"] == made["reference_evaluations_per_step"] == 40, made
assert abs(made["losses"][0] - math.log(2)) < 1e-6, made["losses"]  # policy and reference begin equal
assert made["seconds_by_phase"]["reference"] > 0
assert made["peak_bytes"]["adapter"] > 0
PY
check "its figures" python3 "$WORK/dpo.py" "$WORK"

echo "bench step: a run's models, a table, refusals"
run_lldm bench step "$BENCH/dpo_134m.toml" "${SMALL[@]}" --steps 1 --warm-up 0
expect_code 0 "a table"
expect_text "of the product rate"
expect_text "optimizer"
run_lldm bench step "$BENCH/dpo_134m.toml" "${SMALL[@]}" --steps 1 --out "$WORK/run"
expect_code 2 "a folder of another experiment"
run_lldm run "$BENCH/dpo_134m.toml" "${SMALL[@]}" --stage base --out "$WORK/pair"
expect_code 0 "the first stage runs"
file_hashes "$WORK/pair" > "$WORK/before_pair"
run_lldm bench step "$BENCH/dpo_134m.toml" "${SMALL[@]}" --steps 1 --out "$WORK/pair"
expect_code 0 "a step from its model"
file_hashes "$WORK/pair" > "$WORK/after_pair"
check "nothing was written there" cmp -s "$WORK/before_pair" "$WORK/after_pair"
OMP_NUM_THREADS=2 run_lldm bench step "$BENCH/dpo_134m.toml" "${SMALL[@]}" --steps 1 --out "$WORK/pair"
expect_code 0 "with as many threads as the run was begun with, whatever there are here"
run_lldm bench step "$BENCH/dpo_134m.toml" "${SMALL[@]}" --steps 1 --out "$WORK/pair" --set base.optimizer.learning_rate=0.5
expect_code 2 "a file whose first stage is another"
expect_text 'stage "base": optimizer.learning_rate = 0.5, it was made with'
run_lldm bench step "$SMOKE" --steps 1
expect_code 2 "rows that no stage has made"
expect_text 'reads rows of stage "pairs"'
run_lldm bench step "$SMOKE" --stage scores
expect_code 2 "a stage that does not train"
expect_text "stages that do: pretrain, sft, tuned"
run_lldm bench step "$BENCH/sft_134m.toml" --set model.vocab_size=20
expect_code 2 "fewer ids than the tokenizer has"
expect_text "vocab_size = 20"
summary
