#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `lldm score` on token ids against the exact bounds of golden/likelihood, from the command line.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
golden=${LLDM_GOLDEN:-$SOURCE/tests/golden/data}
python3 - "$golden/likelihood/exact_elbo.json" "$WORK/pairs.jsonl" << 'PYTHON'
import json, sys
pairs = json.load(open(sys.argv[1]))["pairs"]
with open(sys.argv[2], "w") as out:
    for p in pairs:
        row = {"prompt_ids": p["prompt"], "chosen_ids": p["chosen"]["response"], "rejected_ids": p["rejected"]["response"]}
        out.write(json.dumps(row) + "\n")
PYTHON
mkdir "$WORK/reference"
cp "$golden/llada/config.json" "$WORK/reference/"
cp "$golden/likelihood/ref_model.safetensors" "$WORK/reference/model.safetensors"
scores() { run_lldm score "$golden/llada" "$WORK/pairs.jsonl" --reference "$WORK/reference" --json "$@"
  text=$(grep -v '^note: .* a model from elsewhere' <<< "$text"); }

echo "exact"
scores --estimator exact
expect_code 0 "scores every row"
printf '%s\n' "$text" > "$WORK/exact.jsonl"
scores --estimator left_to_right
printf '%s\n' "$text" > "$WORK/chain.jsonl"
scores --estimator monte_carlo_elbo --set draws=2 --repeat 500 --draws-seed 5
printf '%s\n' "$text" > "$WORK/sampled.jsonl"
python3 - "$golden/likelihood/exact_elbo.json" "$WORK" << 'PYTHON'
import json, math, pathlib, sys
pairs = json.load(open(sys.argv[1]))["pairs"]
read = lambda name: [json.loads(line) for line in (pathlib.Path(sys.argv[2]) / name).read_text().splitlines()]
exact, chain, sampled = read("exact.jsonl"), read("chain.jsonl"), read("sampled.jsonl")
assert len(exact) == len(chain) == len(sampled) == len(pairs)
for i, pair in enumerate(pairs):
    for answer in ("chosen", "rejected"):
        want, difference = pair[answer]["policy"], pair[answer]["policy_minus_reference_shared_draws"]
        got = exact[i][answer]
        assert exact[i]["row"] == i and got["target"] == "elbo" and got["standard_error"] is None
        assert abs(got["score"] - want["elbo"]) < 2e-4, (got, want["elbo"])
        assert abs(got["difference"]["score"] - difference["mean"]) < 4e-4
        assert abs(chain[i][answer]["score"] - want["left_to_right_logp"]) < 2e-4
        got = sampled[i][answer]
        assert got["forward_passes"] == 2 and got["standard_error"] is not None
        # Two draws halve the variance; 7 standard errors of a mean of 500.
        for value, mean, variance in ((got, want["elbo"], want["single_sample_variance"] / 2),
                                      (got["difference"], difference["mean"], difference["single_sample_variance"] / 2)):
            assert abs(value["mean"] - mean) <= 7 * math.sqrt(variance / 500) + 5e-4, (value, mean)
            assert abs(value["variance"] - variance) <= 0.5 * variance + 1e-6, (value, variance)
print(f"  ok: {2 * len(pairs)} answers: exact, chain rule, and mean and variance of 500 draws")
PYTHON
check "the scores are those of the golden file" [ $? -eq 0 ]

echo "rows are counted from 1"
run_lldm score "$golden/llada" "$WORK/pairs.jsonl" --estimator exact
check "the table says the line of the file" [ "$(grep -oE '^ *[0-9]+ +chosen' <<< "$text" | head -n 1 | tr -d ' ')" = 1chosen ]
run_lldm data inspect "$SMOKE" --rows 1
expect_code 0 "data inspect of generated rows"
check "their first is row 1" grep -qx "row 1" <<< "$text"
check "and none is row 0" [ -z "$(grep '^row 0' <<< "$text")" ]
long=$(printf '%s,' $(seq 1 400)); long=${long//[0-9]/}; long="[${long//,/1,}1]"
{ head -n 1 "$WORK/pairs.jsonl"; echo "{\"prompt_ids\": [1], \"chosen_ids\": $long, \"rejected_ids\": [1]}"; } > "$WORK/long.jsonl"
run_lldm score "$golden/llada" "$WORK/long.jsonl"
expect_code 2 "a row that is too long"
expect_text "long.jsonl:2: 402 tokens"

echo "bad input"
run_lldm score "$golden/llada" "$WORK/pairs.jsonl" --estimator quadrature --set nodes=0
expect_code 2 "no nodes"
run_lldm score "$golden/llada" "$WORK/pairs.jsonl" --set response_length=30
expect_code 2 "a canvas for rows of token ids"
expect_text "is not read here"
echo '{"prompt_ids": [1], "chosen_ids": [1000000], "rejected_ids": [1]}' > "$WORK/bad.jsonl"
run_lldm score "$golden/llada" "$WORK/bad.jsonl"
expect_code 2 "an id outside the vocabulary"
expect_text "bad.jsonl:1:"
summary
