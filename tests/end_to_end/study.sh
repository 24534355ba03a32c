#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# experiments/estimators/variance.toml, shortened: what the report says of it, a kill, bad studies.
. "$(dirname "$0")/common.sh" "$@"
FILE=$SOURCE/experiments/estimators/variance.toml
SHORT=(--set pretrain.optimizer.steps=3 --set sft.optimizer.steps=3 --set tuned.optimizer.steps=2
  --set pretrain.data.rows=200 --set sft.data.rows=100 --set pairs.task.rows=40 --set held_out.task.rows=12
  --set estimators.limit=2 --set estimators.repeats=3)

echo "study: every estimator a row"
run_lldm run "$FILE" --out "$WORK/whole" "${SHORT[@]}"
expect_code 0 "the shortened study runs"
cat > "$WORK/rows.py" <<'PY'
import json, sys
report = json.load(open(sys.argv[1] + "/report.json"))
rows = [r for r in report["rows"] if "score_estimator" in r["axes"]]
types = {r["axes"]["score_estimator"]["type"] for r in rows}
wanted = {"full_trajectory", "monte_carlo_elbo", "segmented", "one_step", "complementary_pair", "quadrature",
          "block_aligned", "any_order", "left_to_right", "eubo", "adaptive"}
assert wanted <= types, wanted - types
keys = {"bias", "score_variance", "margin_variance", "loss_variance", "gradient_variance",
        "policy_reference_correlation", "seconds"}
for row in rows:
    assert keys <= set(row["metrics"]), (row["axes"], keys - set(row["metrics"]))
    assert row["axes"]["budget"] >= 1, row["axes"]
by = lambda **w: [r for r in rows if all(r["axes"]["score_estimator"].get(k) == v for k, v in w.items())]
for name in ("one_step", "left_to_right"):  # nothing is drawn: its own target, exactly
    (row,) = by(type=name)
    assert abs(row["metrics"]["bias"]) < 1e-4, row["metrics"]["bias"]
    assert row["metrics"]["score_variance"] < 1e-8, row["metrics"]
    assert row["metrics"]["policy_reference_correlation"] is None
    assert row["metrics"]["elbo_bias"] != 0
(noisy,) = by(type="monte_carlo_elbo", draws=1)
assert noisy["metrics"]["score_variance"] > 0 and noisy["metrics"]["gradient_variance"] > 0
half = noisy["metrics"]["bias_high"] - noisy["metrics"]["bias"]  # three repeats: Student's 4.303
assert noisy["metrics"]["bias_interval"] == "Student"
assert abs(half / noisy["metrics"]["bias_standard_error"] - 4.302653) < 1e-5, half
print(len(rows))
PY
check "every estimator has its row, its budget and its metrics" python3 "$WORK/rows.py" "$WORK/whole"
check "the report has a table of them" grep -q "bias and variance at fixed weights" "$WORK/whole/report.md"

echo "study: killed and resumed"
OMP_NUM_THREADS=1 "$LLDM" run "$FILE" --out "$WORK/killed" "${SHORT[@]}" > "$WORK/log" 2>&1 &
background=$!
for _ in $(seq 400); do
  [ -f "$WORK/killed/held_out/result.json" ] && break
  sleep 0.02
done
kill -KILL "$background" 2> /dev/null
wait "$background" 2> /dev/null
background=""
check "it was killed before the report" [ ! -f "$WORK/killed/report.json" ]
run_lldm run "$FILE" --out "$WORK/killed" "${SHORT[@]}"
expect_code 0 "the same command goes on"
check "the report is that of the run left alone" cmp "$WORK/whole/report.md" "$WORK/killed/report.md"

echo "study: what cannot be"
run_lldm validate "$FILE" --set 'estimators.score_estimators=[{type="segmented", steps=4, segments=8}]'
expect_code 2 "more segments than steps"
expect_text "legal: 1 to 4"
run_lldm validate "$FILE" --set 'estimators.score_estimators=[{type="monte_carlo_elbow"}]'
expect_code 2 "a misspelt estimator"
expect_text "monte_carlo_elbo"
run_lldm run "$FILE" --out "$WORK/bad" --set 'estimators.objective={type="aot"}'
expect_code 2 "a loss over the whole step"
expect_text "no function of one pair"
run_lldm run "$FILE" --out "$WORK/long" "${SHORT[@]}" --set held_out.task.operations_min=3 --set held_out.task.operations_max=3
expect_code 2 "answers too long to enumerate"
expect_text "held_out/pairs.jsonl:1, answer 1"
expect_text "truth_draws"
run_lldm run "$FILE" --out "$WORK/long" --fresh "${SHORT[@]}" --set held_out.task.operations_min=3 --set held_out.task.operations_max=3 --set estimators.truth_draws=8 \
  --set 'estimators.score_estimators=[{type="monte_carlo_elbo", draws=2}, {type="full_trajectory", steps=4}]'
expect_code 0 "with truth_draws they are measured"
summary
