#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Rows held out by prompt, one answer of a pair, published rows, reward accuracy, passes as they were
# run, and numbers that are none.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$WORK" || exit 1

python3 - << 'PYTHON'
import json, random
random.seed(4)
prompts = ["does %s%s agree" % (c, v) for c in "bdfghjkm" for v in "aeiou"]
rows = []
for prompt in prompts:
    yes = random.random() < .5
    for mark in ("", "!", ".", "?"):
        a, b = ("yes" + mark, "no" + mark) if yes else ("no" + mark, "yes" + mark)
        rows.append({"prompt": prompt, "chosen": a, "rejected": b})
def write(name, rows):
    open(name, "w").write("".join(json.dumps(r) + "\n" for r in rows))
write("grouped.jsonl", rows)
shuffled = rows[:]
random.shuffle(shuffled)
write("shuffled.jsonl", shuffled)
write("eight.jsonl", rows[::20])
write("others.jsonl", [dict(r, prompt=r["prompt"] + " now") for r in rows[:12]] + rows[:4])
write("one_prompt.jsonl", rows[:4])
write("answers.jsonl", [{"prompt": r["prompt"], "response": r["chosen"]} for r in rows])
write("texts.jsonl", [{"text": t} for t in ["one text", "two texts", "one text", "three", "two texts"] * 3])
turn = lambda role, text: {"role": role, "content": text}
write("published.jsonl", [{"prompt": r["prompt"], "prompt_id": str(i), "chosen": [turn("user", r["prompt"]), turn("assistant", r["chosen"])],
    "rejected": [turn("user", r["prompt"]), turn("assistant", r["rejected"])],
    "messages": [turn("user", r["prompt"]), turn("assistant", r["chosen"])], "score_chosen": 8.0, "score_rejected": 5.5}
    for i, r in enumerate(rows[:24])])
PYTHON

cat > base.toml << 'TOML'
name = "held_out"
seed = 3
[model]
width = 16
layers = 1
heads = 2
rope_theta = 100.0
max_length = 48
[tokenizer]
type = "bytes"
[optimizer]
batch_size = 16
[[stage]]
name = "sft"
kind = "sft"
data = { file = "answers.jsonl" }
optimizer = { steps = 2 }
[[stage]]
name = "dpo"
kind = "preference"
from = "sft"
data = { file = "grouped.jsonl" }
score_estimator = { type = "monte_carlo_elbo", draws = 4 }
optimizer = { epochs = 1 }
[[stage]]
name = "scores"
kind = "evaluate"
models = ["sft", "dpo"]
pairs = { file = "others.jsonl" }
reference = "sft"
score_estimator = { type = "monte_carlo_elbo", draws = 2 }
TOML

result() { # stage folder, python expression of r
  python3 -c 'import json, sys; r = json.load(open(sys.argv[1] + "/result.json")); print(eval(sys.argv[2]))' "$1" "$2"
}
is() { [ "$(result "$1" "$2")" = "$3" ] || { echo "    | $2 = $(result "$1" "$2")"; false; }; }

echo "validation_rows: whole prompts, in any order of the file"
for order in grouped shuffled; do
  run_lldm run base.toml --out "$order" --stage dpo --set dpo.validation_rows=32 --set dpo.data.file="$order.jsonl"
  expect_code 0 "$order"
  expect_text "warning: stage dpo: 32 rows of 8 prompts are held out, 0 of which are trained on; stages before it trained on 8 of them"
  check "8 prompts of 40, 128 rows left" is "$order/dpo" \
    '[r["held_out"][k] for k in ("rows", "prompts", "training_rows", "training_prompts", "shared_prompts", "seed")]' "[32, 8, 128, 32, 0, 3]"
done
check "the same prompts" [ "$(result grouped/dpo 'r["held_out"]["prompts_hash"]')" = "$(result shuffled/dpo 'r["held_out"]["prompts_hash"]')" ]
check "no prompt of a held-out row is trained on" python3 - << 'PYTHON'
import json
for order in "grouped", "shuffled":
    rows = [json.loads(line) for line in open(order + ".jsonl")]
    held = set(json.load(open(order + "/dpo/result.json"))["held_out"]["row_ids"])
    a = {r["prompt"] for i, r in enumerate(rows, 1) if i in held}
    b = {r["prompt"] for i, r in enumerate(rows, 1) if i not in held}
    assert len(a) == 8 and not a & b, a & b
PYTHON
run_lldm run base.toml --out one --stage dpo --set dpo.validation_rows=2 --set dpo.data.file=one_prompt.jsonl
expect_code 2 "one prompt alone"
expect_text "all 4 rows have one prompt"
check "before anything is trained" [ ! -e one/sft ]
head -n 4 grouped.jsonl > two_prompts.jsonl && sed -n 5,6p grouped.jsonl >> two_prompts.jsonl
run_lldm run base.toml --out fewer --stage dpo --set dpo.validation_rows=5 --set dpo.data.file=two_prompts.jsonl
expect_code 0 "two prompts of 4 and 2 rows"
expect_text "2 rows (5 were asked for: prompts are held out whole) of 1 prompts are held out"
sed -e 's/kind = "sft"/kind = "pretraining"/; s/answers.jsonl/texts.jsonl/' -e '/name = "dpo"/,$d' base.toml | sed '$d' > texts.toml
run_lldm run texts.toml --out texts --set sft.validation_rows=6
expect_code 0 "a pretraining stage"
check "splits by text" is texts/sft '[r["held_out"]["by"], r["held_out"]["shared_prompts"], r["held_out"]["rows"] in (3, 6)]' "['text', 0, True]"

echo "validation = { file = ... }"
run_lldm run base.toml --out own --stage dpo --set 'dpo.validation={file="others.jsonl"}'
expect_code 0 "rows of their own"
expect_text "16 rows of 4 prompts are held out, 1 of which are trained on"
check "are counted" is own/dpo '[r["held_out"][k] for k in ("from", "rows", "prompts", "training_rows", "shared_prompts")]' "['validation', 16, 4, 160, 1]"
check "and validated" is own/dpo '"rewards/accuracies" in r["validation"]' True
run_lldm validate base.toml --set 'dpo.validation={file="others.jsonl"}' --set dpo.validation_rows=4
expect_code 2 "both"
expect_text "both give rows for validation"
run_lldm validate base.toml --set 'dpo.validation={generate="word_problems"}'
expect_code 2 "a generator of single answers"
expect_text '`validation` needs two answers'
run_lldm run base.toml --out form --set 'dpo.validation={file="answers.jsonl"}'
expect_code 2 "rows of another form"
expect_text 'rows are of form "prompt_response", a preference stage reads'

echo "forward passes as they are run"
for batch in 1 3 8 16; do
  run_lldm run base.toml --out "passes$batch" --stage dpo --set dpo.data.file=eight.jsonl --set dpo.optimizer.batch_size="$batch"
  expect_code 0 "batches of $batch"
  check "8 pairs, 2 answers, 4 draws" is "passes$batch/dpo" \
    '[r[k] for k in ("forward_passes", "evaluated_passes", "extra_passes", "reference_passes", "forward_passes_per_text")]' "[64, 64, 0, 64, 4]"
done
run_lldm run base.toml --out replay --stage dpo --set dpo.data.file=eight.jsonl --set dpo.gradient_path=replay --set dpo.optimizer.epochs=2
check "replay's second pass is apart" is replay/dpo '[r[k] for k in ("forward_passes", "evaluated_passes", "extra_passes", "reference_passes")]' "[128, 128, 128, 128]"
run_lldm run base.toml --out empty --stage sft --set 'sft.score_estimator={type="monte_carlo_elbo", draws=1, count="bernoulli"}'
check "copies without queries are asked for and not evaluated" is empty/sft \
  'r["forward_passes"] == 32 and 0 < r["evaluated_passes"] < 32 and r["reference_passes"] == 0' True

echo "evaluate with a reference"
run_lldm run base.toml --out whole --set dpo.optimizer.epochs=2
expect_code 0 "pairs with a reference"
expect_text "reward_accuracy"
check "a model equal to its reference: all ties" is whole/scores/sft \
  '[r["metrics"][k] for k in ("reward_accuracy", "reward_margin", "items")]' "[0.5, 0.0, 16]"
check "the tuned one" is whole/scores/dpo \
  'all(k in r["metrics"] for k in ("reward_accuracy", "reward_accuracy_low", "reward_margin", "preference_accuracy", "preference_margin", "preference_margin_per_token"))' True
check "the report has a column for it" grep -q ' reward accuracy |' whole/report.md
check "passes" is whole/scores/dpo '[r[k] for k in ("forward_passes", "evaluated_passes", "reference_passes")]' "[64, 64, 64]"
check "prompts that were trained on are counted" is whole/scores/dpo '[r["shared_prompts"][k] for k in ("prompts", "shared", "items", "shared_items", "is_known")]' "[4, 1, 16, 4, True]"
check "items hold the rewards" python3 - << 'PYTHON'
import json
def items(model): return [json.loads(line) for line in open(f"whole/scores/{model}/items.jsonl")]
sft, dpo = items("sft"), items("dpo")
for a, b in zip(sft, dpo):  # the reference's scores are those of the model measured alone: same draws
    assert (b["reference_score_chosen"], b["reference_score_rejected"]) == (a["score_chosen"], a["score_rejected"])
    margin = b["score_chosen"] - b["reference_score_chosen"] - b["score_rejected"] + b["reference_score_rejected"]
    assert abs(margin - b["metrics"]["reward_margin"]) < 1e-9
mean = sum(b["metrics"]["reward_accuracy"] for b in dpo) / len(dpo)
assert abs(mean - json.load(open("whole/scores/dpo/result.json"))["metrics"]["reward_accuracy"]) < 1e-12
PYTHON
run_lldm validate base.toml --set 'scores.reference="stf"'
expect_code 2 "a misspelt reference"
expect_text 'did you mean "sft"'
run_lldm run base.toml --out folder --stage scores --set 'scores.reference="./whole/sft/model"'
expect_code 0 "a model folder as reference"

echo "one answer of a pair"
for take in chosen rejected; do
  run_lldm run base.toml --out "$take" --stage sft --set "sft.data={file=\"grouped.jsonl\", take=\"$take\"}"
  expect_code 0 "take = $take"
  expect_text "the $take answer of each is read"
done
check "are other answers" [ "$(model_hashes chosen)" != "$(model_hashes rejected)" ]
refused() { # what, stage.data, text
  run_lldm run base.toml --out refused --set "$2"
  expect_code 2 "$1"
  expect_text "$3"
}
refused "a pairs file without take" 'sft.data={file="grouped.jsonl"}' 'take = "chosen" (or "rejected") reads one answer'
refused "take = pairs in an sft stage" 'sft.data={file="grouped.jsonl", take="pairs"}' 'take = "chosen" or "rejected"'
refused "take in a preference stage" 'dpo.data={file="grouped.jsonl", take="chosen"}' "remove take, both are read"
refused "take of a file of single answers" 'sft.data={file="answers.jsonl", take="chosen"}' "take belongs to files of pairs"
refused "samples of a file" 'sft.data={file="grouped.jsonl", take="samples"}' "samples and ranked belong to"
refused "one answer as a pair" 'scores.pairs={file="grouped.jsonl", take="chosen"}' '`pairs` reads two answers'

echo "published preference rows"
run_lldm run base.toml --out published --stage dpo --set dpo.data.file=published.jsonl
expect_code 0 "extra messages and scores"
expect_text 'unused keys: "messages" "prompt_id" "score_chosen" "score_rejected"'
run_lldm run base.toml --out published_sft --stage sft --set sft.data.file=published.jsonl
expect_code 0 "an sft stage reads their messages"

echo "numbers that are none"
run_lldm run base.toml --out nan --stage dpo --set dpo.optimizer.learning_rate=1e30 --set dpo.optimizer.epochs=3
expect_code 1 "a learning rate far too large"
expect_text 'stage "dpo": '
expect_text 'denoiser "llada"'
expect_text "grouped.jsonl:"
# promise 9: a learning rate far too large ends with stage, denoiser and rows, and updates nothing
expect_text "nothing was updated by this step"
summary
