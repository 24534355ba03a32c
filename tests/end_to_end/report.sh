#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Figures of reports: shares and flips of small counts, reports over several folders.
# Arguments: program, source folder, build folder.
source "$(dirname "$0")/common.sh"

# A start that is never right, and a model tuned from it that is right in 4 of 20, made from finished runs: the
# figures of the report are worked out by hand.
prepare() { # folder, the tuned stage's role
  mkdir -p "$1"
  python3 - "$1" "$2" << 'PYTHON'
import json, pathlib, sys
folder, role = pathlib.Path(sys.argv[1]), sys.argv[2]
letters = "abcdefghijklmnopqrst"
def rows(right):
    return [{"prompt": f"Question: item {c * 2}\nAnswer:", "response": "#### 7" if i < right else "#### 3"}
            for i, c in enumerate(letters)]
for name, right in (("start", 0), ("tuned", 4)):
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows(right)))
(folder / "q.jsonl").write_text("".join(json.dumps({"question": f"item {c * 2}", "answer": "#### 7"}) + "\n" for c in letters))
(folder / "s.toml").write_text(f'''name = "s"
seed = 1
threads = 1
[model]
width = 64
layers = 2
heads = 4
rope_theta = 100.0
max_length = 64
[tokenizer]
type = "bytes"
[sampler]
type = "fixed_length"
response_length = 8
steps = 8
[[stage]]
name = "start"
kind = "sft"
role = "start"
data = {{ file = "start.jsonl" }}
optimizer = {{ steps = 2, batch_size = 20, learning_rate = 3e-3 }}
[[stage]]
name = "tuned"
kind = "sft"
role = "{role}"
from = "start"
data = {{ file = "tuned.jsonl" }}
optimizer = {{ steps = 2, batch_size = 20, learning_rate = 2e-3 }}
[[stage]]
name = "ev"
kind = "evaluate"
models = ["start", "tuned"]
task = {{ type = "gsm8k", path = "q.jsonl" }}
''')
PYTHON
}

# Two steps teach nothing: the answers are put in the items' place, as a model trained for long gives them.
answer() { # run folder, right answers of the tuned model
  python3 - "$1" "$2" << 'PYTHON'
import json, pathlib, sys
run, right = pathlib.Path(sys.argv[1]), int(sys.argv[2])
report = json.loads((run / "report.json").read_text())
for row in report["rows"]:
    count = right if row["stage"] == "tuned" else 0
    path = run / row["items"]
    items = [json.loads(line) for line in path.read_text().splitlines()]
    for i, item in enumerate(items):
        item["correct"] = i < count
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    (path.parent / "MANIFEST.json").unlink(missing_ok=True)  # as if they were written so
    row["metrics"]["accuracy"] = count / len(items)
(run / "report.json").write_text(json.dumps(report))
(run / "MANIFEST.json").unlink(missing_ok=True)  # as if it were written so
PYTHON
}

line_of() { # folder, label, then a python expression of its line `l`
  python3 - "$1" "$2" "$3" << 'PYTHON'
import json, sys
lines = json.load(open(sys.argv[1] + "/report.json"))["lines"]
l = next(x for x in lines if x["label"] == sys.argv[2])
assert eval(sys.argv[3]), l
PYTHON
}

for role in control preference; do
  echo "few flips, as a $role"
  prepare "$WORK/$role" "$role"
  run_lldm run "$WORK/$role/s.toml" --out "$WORK/$role/run"
  expect_code 0 "runs"
  for right in 0 4 6; do
    answer "$WORK/$role/run" "$right"
    run_lldm report "$WORK/$role/run" --out "$WORK/$role/$right"
    expect_code 0 "reports $right of 20"
  done
  check "0 of 20 has Wilson's [0, .161]" line_of "$WORK/$role/4" start \
    'l["figures"]["accuracy"]["interval"] == "Wilson" and l["figures"]["accuracy"]["low"] == 0 and abs(l["figures"]["accuracy"]["high"] - .1611) < 1e-4'
  check "it says so" grep -q '\[0.00, 0.161 Wilson\]' "$WORK/$role/4/report.md"
  check "no flip is no change" line_of "$WORK/$role/0" tuned \
    'l["changes"]["accuracy"]["p"] == 1 and not l["changes"]["accuracy"]["is_change"]'
  check "4 flips of 20 are no change" line_of "$WORK/$role/4" tuned \
    'l["changes"]["accuracy"]["p"] == .125 and l["changes"]["accuracy"]["test"] == "exact McNemar" and not l["changes"]["accuracy"]["is_change"]'
  check "it says so" grep -q 'accuracy: no change that is sure, +20.0 points' "$WORK/$role/4/report.md"
  check "6 flips are one" line_of "$WORK/$role/6" tuned \
    'l["changes"]["accuracy"]["p"] == .03125 and l["changes"]["accuracy"]["is_change"]'
  check "it says so" grep -q 'accuracy rose by 30.0 points' "$WORK/$role/6/report.md"
done

echo "several folders"
sed 's/^name = "s"/name = "g"/' "$WORK/control/s.toml" > "$WORK/control/g.toml"
printf '[grid]\naxes = { "tuned.optimizer.learning_rate" = [1e-3] }\n' >> "$WORK/control/g.toml"
run_lldm run "$WORK/control/g.toml" --out "$WORK/b"
expect_code 0 "a grid of one cell"
cp -r "$WORK/control/run" "$WORK/a"
for order in "a b" "b a" "$WORK/a ./b" "a/../b $WORK/b/../a"; do
  # shellcheck disable=SC2086
  (cd "$WORK" && "$LLDM" report $order --out "$WORK/both" > /dev/null 2>&1)
  hash=$(cat "$WORK/both/report.json" "$WORK/both/report.md" | sha256sum)
  check "the same report of '${order//$WORK/...}'" [ "$hash" = "${first:=$hash}" ]
done
check "the shared start has no axis, and both changes are known" python3 - "$WORK/both" << 'PYTHON'
import json, sys
lines = json.load(open(sys.argv[1] + "/report.json"))["lines"]
start = [l for l in lines if l["stage"] == "start"]
assert len(start) == 1 and not start[0]["axes"] and start[0]["label"] == "start", start
tuned = [l for l in lines if l["stage"] == "tuned"]
assert len(tuned) == 2 and all(l["changes"]["accuracy"]["mean"] is not None for l in tuned), tuned
PYTHON

echo "damage of finished work"
damage() { # file of the run, what is said of it
  rm -rf "$WORK/harmed"
  cp -r "$WORK/control/plain" "$WORK/harmed"
  echo '{"id": 0}' >> "$WORK/harmed/$1"
  run_lldm report "$WORK/harmed" --out "$WORK/of_harmed"
  expect_code 2 "$1"
  expect_text "$2"
}
run_lldm run "$WORK/control/s.toml" --out "$WORK/control/plain"
damage tuned/result.json "result.json"
damage tuned/MANIFEST.json "MANIFEST.json"
damage ev/tuned/items.jsonl "items.jsonl"
rm -r "$WORK/harmed"
cp -r "$WORK/control/plain" "$WORK/harmed"
rm "$WORK"/harmed/metrics.jsonl "$WORK"/harmed/ev/tuned/items.jsonl
run_lldm report "$WORK/harmed"
expect_code 0 "what is gone is noted"
expect_text "metrics.jsonl is not there: no learning curve is drawn"
expect_text "items.jsonl is not there of tuned (ev, seed 1)"
check "in the page too" grep -q '^- items.jsonl is not there of tuned' "$WORK/harmed/report.md"

echo "nothing evaluated"
sed '/^name = "ev"/,$d; /^.sampler./,/^steps/d' "$WORK/control/s.toml" | sed '$d' > "$WORK/control/n.toml"
sed -i '/2e-3/s/^/validation_rows = 4\n/' "$WORK/control/n.toml"
run_lldm run "$WORK/control/n.toml" --out "$WORK/n"
expect_code 0 "trains"
expect_text "note: nothing was evaluated"
expect_text "note: tuned: 4 of 4 held-out prompts were trained on by stages before it"
check "its losses are shown" python3 - "$WORK/n" << 'PYTHON'
import json, pathlib, sys
run = pathlib.Path(sys.argv[1])
results = {s: json.loads((run / s / "result.json").read_text()) for s in ("start", "tuned")}
report = json.loads((run / "report.json").read_text())
assert not report["rows"] and len(report["lines"]) == 2, report["lines"]
for line in report["lines"]:
    result = results[line["stage"]]
    shown = next(l for l in (run / "report.md").read_text().splitlines() if l.startswith(f"| {line['label']} "))
    losses = {"training_loss": result["loss"]}
    if line["stage"] == "tuned":
        losses["held_out_loss"] = result["validation"]["loss"]
    for name, loss in losses.items():
        assert line["figures"][name]["mean"] == loss, line
        assert f" {loss:.3f} " in shown, (shown, loss)
assert "| start " in (run / "costs.md").read_text()
PYTHON

echo "items that are gone"
rm "$WORK"/b/*/ev*/items.jsonl "$WORK"/b/*/*/items.jsonl "$WORK"/b/ev/*/items.jsonl 2> /dev/null
rm "$WORK"/a/ev/*/items.jsonl
run_lldm report "$WORK/a" "$WORK/b" --out "$WORK/both"
expect_text "items.jsonl of"
expect_text "is not there"
summary
