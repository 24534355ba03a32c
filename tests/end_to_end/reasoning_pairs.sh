#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Pairs for reasoning: made, judged again by another program, looked at, trained on with LoRA; answers made elsewhere; benchmarks.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
experiment=$SOURCE/experiments/reasoning_pairs/preference.toml
cd "$WORK" || exit 1
head -n 60 "$SOURCE/tests/unit/eval/fixtures/gsm8k_train_200.jsonl" > train.jsonl

echo "errors put into chains"
run_lldm data synthesize --task gsm8k --from train.jsonl --out pairs.jsonl --seed 1
expect_code 0 "GSM8K's own rows"
expect_text "final_answer            60 pairs"
kinds=final_answer,carry_over,unit,swapped_steps,dropped_step,off_by_one,operand,operation
run_lldm data synthesize --task gsm8k --from train.jsonl --out again.jsonl --seed 1 --kinds $kinds
check "another order of the kinds gives the same bytes" cmp -s pairs.jsonl again.jsonl
run_lldm data synthesize --task gsm8k --from train.jsonl --out again.jsonl --seed 1 --kinds unit operation
expect_code 0 "kinds as words of their own"
run_lldm data synthesize --task gsm8k --from train.jsonl --out other.jsonl --seed 2
check "another seed gives others" [ "$(cmp -s pairs.jsonl other.jsonl; echo $?)" = 1 ]
check "every pair is what it says, by another program" python3 "$here/check_pairs.py" train.jsonl pairs.jsonl
run_lldm data check pairs.jsonl --kind preference
expect_code 0 "the rows are good"
expect_no_text "keys that nobody reads"
run_lldm data inspect pairs.jsonl --rows 1
expect_code 0 "and can be looked at"
run_lldm data synthesize --task gsm8k --from train.jsonl --out x.jsonl --kinds operatoin
expect_code 2 "a misspelt kind"
expect_text 'did you mean "operation"?'
run_lldm data synthesize --task gsm8k --from train.jsonl
expect_code 2 "no --out"
run_lldm data synthesize --task gsm8k --from train.jsonl --out ./train.jsonl
expect_code 2 "the chains themselves as --out"
check "are not written over" [ "$(wc -l < train.jsonl)" -eq 60 ]
run_lldm data synthesize --task gsm8k --from train.jsonl --out x.jsonl --pair-by grade
expect_code 2 "an option of imports"

echo "the same as a stage, and training on it"
run_lldm run "$experiment" --out run --set seed=1
expect_code 0 "an experiment with kinds"
run_lldm data synthesize --task gsm8k --from "$SOURCE/experiments/reasoning_pairs/chains.jsonl" --out chains.jsonl --seed 1 --pairs-per-prompt 8
check "a stage writes the bytes of the command" cmp -s chains.jsonl run/pairs/pairs.jsonl
check "512 pairs of 64 rows, eight kinds" python3 -c '
import json, collections
rows = [json.loads(line) for line in open("chains.jsonl")]
counts = collections.Counter(row["error"] for row in rows)
assert set(counts.values()) == {64} and len(counts) == 8, counts'
before=$(sha256sum < run/solutions/model/model.safetensors)
cat > lora.toml <<TOML
name = "lora"
[model]
adapter = { type = "lora", rank = 4, alpha = 8 }
[[stage]]
name = "tuned"
kind = "preference"
from = "$WORK/run/solutions/model"
data = { file = "pairs.jsonl" }
objective = { type = "dpo", beta = 0.2 }
score_estimator = { type = "monte_carlo_elbo", draws = 2 }
optimizer = { learning_rate = 1e-3, steps = 8, batch_size = 4 }
validation_rows = 8
logging_steps = 1
TOML
run_lldm run lora.toml --out lora
expect_code 0 "LoRA on the pairs"
check "the base is what it was" [ "$before" = "$(sha256sum < run/solutions/model/model.safetensors)" ]
check "there is an adapter" test -s lora/tuned/model/adapter_model.safetensors

echo "other sets: rows with a solution"
fixtures=$SOURCE/tests/unit/synthesis/fixtures
run_lldm data synthesize --task file --from "$fixtures/logic_chains.jsonl" --out logic.jsonl --set 'extract="Answer: (.*)"' --kinds swapped_entity,negated_premise,unsupported_conclusion
expect_code 0 "logic"
check "64 pairs of each kind" [ "$(grep -c . logic.jsonl)" = 192 ]
run_lldm data synthesize --task file --from "$fixtures/math_chains.jsonl" --out math.jsonl --set 'extract="boxed\\{(.*)\\}"' --kinds carry_over
expect_code 0 "mathematics in LaTeX"
check "64 pairs" [ "$(grep -c . math.jsonl)" = 64 ]
run_lldm data synthesize --task file --from "$fixtures/logic_chains.jsonl" --out x.jsonl --set 'extract="Answer: (.*)"' --kinds operation
expect_code 2 "a kind that fits no row"
expect_text "no pair was made of 64 rows"
expect_text "64 no place for it"
check "nothing is written" [ ! -e x.jsonl ]

echo "answers made elsewhere"
python3 - <<'PYTHON'
import json
rows = [json.loads(line) for line in open("train.jsonl")]
with open("answers.jsonl", "w") as out:
    for i, row in enumerate(rows[:10]):
        right = "#### " + row["answer"].split("#### ")[1]
        texts = [right, "So it is\n" + right, "#### -1", "I do not know"] if i else ["#### -1", "#### -2"]
        out.write(json.dumps({"prompt": row["question"], "responses": texts}) + "\n")
    out.write(json.dumps({"prompt": "What else?", "response": "#### 1"}) + "\n")
PYTHON
run_lldm data synthesize --task gsm8k --problems train.jsonl --from answers.jsonl --out imported.jsonl --pairs-per-prompt 0 --json
expect_code 0 "labeled by the checker"
expect_text "1 prompts are none of the problems"
check "the short correct one above the wrong, the long one above the incomplete" python3 -c '
import json
rows = [json.loads(line) for line in open("imported.jsonl")]
assert len(rows) == 18, len(rows)
assert {(row["outcome_chosen"], row["outcome_rejected"]) for row in rows} == {("correct", "wrong"), ("correct", "incomplete")}
assert all(row["chosen"].startswith("####") == (row["outcome_rejected"] == "wrong") for row in rows)
assert all(row["provenance"]["labeled_by"] == "gsm8k" for row in rows)'
run_lldm data synthesize --task gsm8k --problems train.jsonl --from answers.jsonl --out x.jsonl --correct-share-max 0.25
expect_code 2 "a difficulty that no prompt has"
expect_text '"too_easy":9'
cat > judge.py <<'PYTHON'
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    print(json.dumps({"correct": "#### -" not in call["response"], "grade": -len(call["response"])}))
PYTHON
run_lldm data synthesize --judge "python3 judge.py" --from answers.jsonl --out judged.jsonl --pair-by grade
expect_code 0 "labeled by a judge"
check "says so" [ "$(grep -c '"labeled_by":"judge: python3 judge.py"' judged.jsonl)" = "$(grep -c . judged.jsonl)" ]
run_lldm data synthesize --judge "head -n 1" --from answers.jsonl --out x.jsonl
expect_code 1 "a judge that does not answer"
expect_text "the judge was given 39 answers and wrote 1 lines"
printf '%s\n' '{"question": "3-2?", "answer": "#### 1"}' '{"question": "3+2?", "answer": "#### 5"}' '{"question": "一加一?", "answer": "#### 2"}' \
  '{"question": "一减一?", "answer": "#### 0"}' > signs.jsonl
printf '%s\n' '{"prompt": "3+2?", "responses": ["#### 5", "#### 1"]}' '{"prompt": "一减一?", "responses": ["#### 0", "#### 2"]}' > sign_answers.jsonl
cat > signs.toml <<TOML
name = "signs"
[[stage]]
name = "imported"
kind = "synthesize"
method = "import"
answers = "sign_answers.jsonl"
task = { type = "gsm8k", path = "signs.jsonl" }
TOML
run_lldm data synthesize --task gsm8k --problems signs.jsonl --from sign_answers.jsonl --out signs_imported.jsonl
expect_code 0 "problems that differ in a sign, or hold no ASCII letter"
run_lldm run signs.toml --out signs
expect_code 0 "and in a stage"
for pairs in signs_imported.jsonl signs/imported/pairs.jsonl; do
  check "$pairs: each answer is judged by its own problem" python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
asked = [(row["prompt"].removeprefix("Question: ").removesuffix("\nAnswer:"), row["chosen"]) for row in rows]
assert asked == [("3+2?", "#### 5"), ("一减一?", "#### 0")], asked' "$pairs"
done
printf '%s\n' '{"question": "3 + 2?", "answer": "#### 5"}' '{"question": "3  + 2?", "answer": "#### 6"}' > twice.jsonl
printf '%s\n' '{"prompt": "3 +  2?", "responses": ["#### 5", "#### 1"]}' > twice_answers.jsonl
run_lldm data synthesize --task gsm8k --problems twice.jsonl --from twice_answers.jsonl --out x.jsonl
expect_code 2 "a prompt of two problems with different answers"
expect_text "twice_answers.jsonl:1: which problem it answers cannot be told: "
expect_text "twice.jsonl:1 and "
printf '%s\n' '{"id": 1, "prompt": "p", "response": "good", "correct": true}' '{"id": 1, "prompt": "p", "response": "bad", "correct": false}' > labeled.jsonl
run_lldm data synthesize --labeled --from labeled.jsonl --out hand.jsonl
expect_code 0 "labeled in the file"
run_lldm data synthesize --labeled --from answers.jsonl --out x.jsonl
expect_code 2 "rows without a label"
cat > stages.toml <<TOML
name = "stages"
[[stage]]
name = "imported"
kind = "synthesize"
method = "import"
answers = "answers.jsonl"
task = { type = "gsm8k", path = "train.jsonl" }
pair_by = "outcome"
pairs_per_prompt = 2
[[stage]]
name = "sampled"
kind = "synthesize"
from = "$WORK/run/solutions/model"
task = { type = "file", file = "items.jsonl", check = "command", command = ["python3", "alternate.py"] }
sampler = { type = "fixed_length", response_length = 16, steps = 4, temperature = 1.5 }
samples_per_prompt = 4
pairs_per_prompt = 2
pair_by = "outcome"
correct_share_max = 0.5
TOML
printf '%s\n' '{"prompt": "a"}' '{"prompt": "b"}' > items.jsonl
cat > alternate.py <<'PYTHON'
import json, sys
sys.stdin.read()
with open("calls", "a") as calls:
    calls.write("x")
    n = calls.tell()
correct = n in (1, 5, 6, 7)
print(json.dumps({"correct": correct, "extracted": "[invalid]" if n == 2 else "y"}))
PYTHON
run_lldm run stages.toml --out stages
expect_code 0 "stages that import and that sample"
check "the pairs of the command" python3 -c '
import json
texts = lambda name: [(row["chosen"], row["rejected"]) for row in map(json.loads, open(name))]
assert texts("stages/imported/pairs.jsonl") == texts("imported.jsonl")'
check "too easy a prompt is left out, and a pair says its outcomes" python3 -c '
import json
rows = [json.loads(line) for line in open("stages/sampled/pairs.jsonl")]
result = json.load(open("stages/sampled/result.json"))
assert result["too_easy"] == 1 and {row["prompt"] for row in rows} == {"a"}
assert ("correct", "wrong") in {(row["outcome_chosen"], row["outcome_rejected"]) for row in rows}
assert all(row["provenance"]["method"] == "sample" for row in rows)'

run_lldm validate stages.toml --set 'sampled.kinds=["unit"]' --set imported.per_kind=2
expect_code 2 "keys of another way"
expect_text 'kinds is not read here'
expect_text 'per_kind is not read without kinds'
run_lldm validate stages.toml --set sampled.correct_share_min=0.6
expect_code 2 "no prompt in between"

echo "benchmarks"
python3 - <<'PYTHON'
import json
question = ("Janet\u2019s ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for her friends every day "
            "with four. She sells the remainder at the farmers' market daily for $2 per fresh duck egg. How much in dollars does she make "
            "every day at the farmers' market?")
answer = "Janet sells 16 - 3 - 4 = <<16-3-4=9>>9 duck eggs a day.\nShe makes 9 * 2 = $<<9*2=18>>18 every day.\n#### 18"
json.dump({"question": question, "answer": answer}, open("mixed.jsonl", "w"))
json.dump({"prompt": question, "response": answer}, open("rows.jsonl", "w"))
PYTHON
echo >> mixed.jsonl
echo >> rows.jsonl
head -n 1 train.jsonl >> mixed.jsonl
run_lldm data synthesize --task gsm8k --from mixed.jsonl --out x.jsonl
expect_code 2 "a row of GSM8K's test half, known by what it says"
expect_text "mixed.jsonl:1: of GSM8K test"
run_lldm data synthesize --task gsm8k --from mixed.jsonl --out x.jsonl --allow-benchmarks
expect_code 0 "where it is meant"
check "every pair of it says so" [ "$(grep -c '"benchmark":"GSM8K test"' x.jsonl)" = "$(grep -c 'Janet' x.jsonl)" ]
mkdir -p gsm8k && tail -n 1 mixed.jsonl > gsm8k/test.jsonl
run_lldm data synthesize --task gsm8k --from gsm8k/test.jsonl --out x.jsonl
expect_code 2 "a file known by its name"
expect_text "known by the name gsm8k/test.jsonl"
cat > train.toml <<TOML
name = "train"
[model]
path = "$WORK/run/solutions/model"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 1, batch_size = 1 }
TOML
run_lldm run train.toml --out train
expect_code 2 "training on it"
expect_text 'stage "sft": data that models are measured by is never trained on'
expect_text "rows.jsonl:1: of GSM8K test"
check "nothing was trained" [ ! -e train/sft/model ]
run_lldm run train.toml --out train --set sft.allow_benchmarks=true
expect_code 0 "where it is meant"
check "the result says so" grep -q '"GSM8K test": 1' train/sft/result.json
printf '%s\n' '{"question": "Were Scott Derrickson and Ed Wood of the same nationality?", "answer": "yes"}' > hotpot.jsonl
run_lldm run train.toml --out hotpot --set 'sft.data={ file = "hotpot.jsonl", columns = { prompt = "question", response = "answer" } }'
expect_code 2 "a question of HotpotQA's development set"
expect_text "hotpot.jsonl:1: of HotpotQA dev"
printf '%s\n' '{"prompt": "How many pears does the fourth baker of Lisbon keep?", "response": "#### 4"}' '{"prompt": "1 + 1?", "response": "#### 2"}' > own.jsonl
run_lldm data benchmark own.jsonl --name "our test" --out sets.jsonl
expect_code 0 "a set of one's own"
expect_text "sets.jsonl: 1 prompts of 2 rows; 1 have fewer than 20"
check "holds no text" [ -z "$(grep -i pears sets.jsonl)" ]
run_lldm run train.toml --out own --set sft.data.file=own.jsonl
expect_code 0 "rows that nobody knows"
run_lldm run train.toml --out own_known --set sft.data.file=own.jsonl --set sft.benchmarks=sets.jsonl
expect_code 2 "and that a file of sets knows"
expect_text "own.jsonl:1: of our test"
run_lldm run train.toml --out own_other --set sft.benchmarks=sets.jsonl
expect_code 2 "the built-in ones are refused beside them"
run_lldm validate train.toml --set sft.benchmarks=sets.jsonl --set sft.allow_benchmarks=true
expect_code 2 "sets that are refused and let through"
sed 's/prompt/question/; s/response/answer/' own.jsonl > own_gsm8k.jsonl
run_lldm data synthesize --task gsm8k --from own_gsm8k.jsonl --out x.jsonl --benchmarks sets.jsonl
expect_code 2 "pairs of it"
expect_text "own_gsm8k.jsonl:1: of our test"
sed 's/"prompt": \(".*"\), "response".*/"text": \1}/' own.jsonl > own_text.jsonl
run_lldm data pack own_text.jsonl --tokenizer bytes --out own_corpus --benchmarks sets.jsonl
expect_code 2 "a corpus of it"
check "is not made" [ ! -e own_corpus ]
python3 -c 'import json
for line in open("mixed.jsonl"): print(json.dumps({"text": json.loads(line)["question"]}))' > mixed_text.jsonl
run_lldm data pack mixed_text.jsonl --tokenizer bytes --out mixed_corpus
expect_code 2 "a corpus of a built-in one"
expect_text "--allow-benchmarks"
run_lldm data pack mixed_text.jsonl --tokenizer bytes --out mixed_corpus --allow-benchmarks
expect_code 0 "where it is meant"
expect_text "GSM8K test, 1 times"
check "is made" [ -e mixed_corpus/tokens.bin ]
run_lldm data pack mixed_text.jsonl --tokenizer bytes --out y --allow-benchmarks --benchmarks sets.jsonl
expect_code 2 "sets that are refused and let through"
run_lldm data benchmark own.jsonl --name "our test" --out old_sets.jsonl
sed -i 's/of the key with signs/of ASCII letters and digits/' old_sets.jsonl
run_lldm data pack own_text.jsonl --tokenizer bytes --out y --benchmarks old_sets.jsonl
expect_code 2 "sets of an earlier key"
expect_text "are kept in another way"
printf '%s\n' '{"text": "Simplify $(k - 4) - (2 + 3k)$."}' > signs_text.jsonl
run_lldm data pack signs_text.jsonl --tokenizer bytes --out signs_corpus
expect_code 0 "a problem that differs from one of MATH-500 in its signs"
run_lldm data pack own_text.jsonl --tokenizer bytes --out own_corpus --benchmarks own.jsonl
expect_code 2 "a file that holds no sets"
expect_text "own.jsonl:1: is no set of benchmark prompts"
run_lldm data benchmark own.jsonl --out own.jsonl
expect_code 2 "the rows themselves as --out"
summary
