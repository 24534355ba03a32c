#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tasks as a lab uses them: how answers are graded, which prompts are refused, what trains.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$WORK" || exit 1

metric() { # result file, metric
  python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["metrics"].get(sys.argv[2]))' "$1" "$2"
}
expect_metric() { # result file, metric, wanted
  local got
  got=$(metric "$1" "$2")
  check "$2 is $got, wanted $3" [ "$got" = "$3" ]
}

# A byte model that has learnt one answer by heart, behind which another question follows.
cat > base.toml <<'EOF'
name = "heart"
seed = 1
[model]
width = 64
layers = 2
heads = 4
rope_theta = 100.0
max_length = 256
[tokenizer]
type = "bytes"
[sampler]
type = "fixed_length"
response_length = 64
steps = 64
[[stage]]
name = "sft"
kind = "sft"
data = { file = "stop.jsonl" }
optimizer = { steps = 300, batch_size = 4, learning_rate = 3e-3 }
response_length = 64
EOF
cat base.toml - > stop.toml <<'EOF'
[[stage]]
name = "ev"
kind = "evaluate"
models = ["sft"]
task = { type = "gsm8k", path = "q.jsonl", filter = "flexible" }
EOF
cat > q.jsonl <<'EOF'
{"question": "Ann has 2 clips. She gets 3. How many?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"}
EOF
prompt='Question: Ann has 2 clips. She gets 3. How many?\nAnswer:'
echo "{\"prompt\": \"$prompt\", \"response\": \" 2 + 3 = 5\\n#### 5\\n\\nQuestion: Bob has 70 cups\"}" > stop.jsonl
echo "{\"prompt\": \"$prompt\", \"response\": \" It is five.\\n\\nQuestion: B?\\nAnswer: 9-4\\n#### 5\"}" > stop2.jsonl
printf '\n  \n' >> stop.jsonl # an editor's blank lines at the end are no rows

echo "gsm8k: stop strings before extraction"
run_lldm run stop.toml --out stop
expect_code 0 "a model that goes on with another question"
expect_metric stop/ev/sft/result.json strict_match 1.0
expect_metric stop/ev/sft/result.json flexible_extract 1.0
expect_metric stop/ev/sft/result.json accuracy 1.0
run_lldm run stop.toml --out stop2 --set sft.data.file=stop2.jsonl --set ev.task.filter=strict
expect_code 0 "a model that answers behind the stop string"
expect_metric stop2/ev/sft/result.json strict_match 0.0
expect_metric stop2/ev/sft/result.json flexible_extract 0.0
model=$WORK/stop/sft/model

echo "a file task: evaluate"
cat > items.jsonl <<EOF
{"prompt": "$prompt", "answer": "2 + 3 = 5\\n#### 5", "level": 3}
{"id": "second", "prompt": "$prompt", "answer": 6}

EOF
cat > check.py <<'EOF'
import json, sys, time
call = json.load(sys.stdin)
item, output = call["item"], call["output"]
way = sys.argv[1]
if item["id"] != "second" or way == "plain":
    print(json.dumps({"correct": "#### 5" in output, "metrics": {"level": item.get("level", 0)}}))
elif way == "timeout":
    time.sleep(60)
elif way == "crash":
    import os
    os.abort()
elif way == "exit":
    sys.exit("no idea")
elif way == "garbage":
    print("correct, I think")
EOF
cat > file.toml <<EOF
name = "file"
[sampler]
type = "fixed_length"
response_length = 64
steps = 64
[[stage]]
name = "ev"
kind = "evaluate"
models = ["$model"]
task = { type = "file", file = "items.jsonl", check = "exact_match", stop = ["Question:"] }
EOF
result() { find "$1/ev" -name result.json; }
run_lldm run file.toml --out exact
expect_code 0 "exact_match"
expect_metric "$(result exact)" accuracy 0.5
run_lldm run file.toml --out numeric --set 'ev.task={ type = "file", file = "items.jsonl", check = "numeric", stop = ["Question:"] }'
expect_code 0 "numeric"
expect_metric "$(result numeric)" accuracy 0.5
for way in plain timeout crash exit garbage; do
  run_lldm run file.toml --out "$way" --set "ev.task={ type = \"file\", file = \"items.jsonl\", check = \"command\", command = [\"python3\", \"check.py\", \"$way\"], timeout_seconds = 2 }"
  expect_code 0 "a checker command: $way"
  for kind in timeout crash exit garbage; do
    expect_metric "$(result "$way")" "check_$kind" "$([ "$way" = "$kind" ] && echo 0.5 || echo 0.0)"
  done
  if [ "$way" = plain ]; then
    expect_metric "$(result plain)" accuracy 1.0
    expect_metric "$(result plain)" level 1.5
  else
    expect_metric "$(result "$way")" accuracy 0.5
    expect_text "the check of 1 of 2 answers failed; they count as not correct"
    expect_text "item second: "
    check "the table has the share" grep -q "checker $way" "$way/report.md"
    check "the item says why" grep -q '"check_failure"' "$(dirname "$(result "$way")")/items.jsonl"
  fi
done
expect_text "check_garbage 0.5"
check "a checker that never fails has no such column" [ -z "$(grep "checker" plain/report.md)" ]
run_lldm run file.toml --out none --set 'ev.task={ type = "file", file = "items.jsonl", check = "command", command = ["false"] }'
expect_code 2 "a checker that fails for every answer measures nothing"
expect_text "the check of all 2 answers failed: nothing was measured"
check "there is no result" [ -z "$(result none)" ]
check "the items say why" [ "$(grep -c '"check_failure"' none/ev/*/items.jsonl none/ev/items.jsonl 2> /dev/null | cut -d: -f2 | head -n 1)" = 2 ]
run_lldm run file.toml --out plain --set 'ev.task={ type = "file", file = "items.jsonl", check = "command", command = ["python3", "check.py", "plain"], timeout_seconds = 2 }'
expect_code 0 "the same again"
sed -i 's/#### 5/#### 6/' check.py
run_lldm run file.toml --out plain --set 'ev.task={ type = "file", file = "items.jsonl", check = "command", command = ["python3", "check.py", "plain"], timeout_seconds = 2 }'
expect_code 2 "another checker is another experiment"
sed -i 's/#### 6/#### 5/' check.py

echo "a file task: expressions are no words"
printf '%s\n' '{"text": "one two three"}' '{"text": "three two one"}' > words.jsonl
echo '{"prompt": "one two", "answer": "thr[e]{2}\\b"}' > regex.jsonl
cat > regex.toml <<'EOF'
name = "regex"
[model]
width = 16
layers = 1
heads = 2
max_length = 32
[sampler]
type = "fixed_length"
response_length = 4
steps = 4
[[stage]]
name = "pre"
kind = "pretraining"
data = { file = "words.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "ev"
kind = "evaluate"
models = ["pre"]
task = { type = "file", file = "regex.jsonl", check = "regex" }
EOF
run_lldm run regex.toml --out regex --set threads=1
expect_code 0 "an answer that is an expression"
check "has no words in the vocabulary" [ -z "$(grep "thr\[e\]" regex/pre/model/lldm_tokenizer.json)" ]
check "which has the prompt's" grep -q '"three"' regex/pre/model/lldm_tokenizer.json

echo "a file task: refused"
run_lldm run file.toml --out bad --set 'ev.task={ type = "file", file = "items.jsonl", check = "command", command = ["no-such-checker"] }'
expect_code 2 "a program that is not there"
expect_text '"no-such-checker" is in no folder of PATH'
run_lldm run stop.toml --out bad2 --set ev.task.path=nowhere.jsonl
expect_code 2 "a task's file that is not there"
expect_text "nowhere.jsonl does not exist"
check "nothing was trained" [ ! -e bad2/sft ]
run_lldm validate file.toml --set 'ev.task={ type = "file", file = "items.jsonl", check = "numeric", ignore_case = true }'
expect_code 2 "a key that the check does not read"
expect_text 'ignore_case is not read by check = "numeric"'
echo '{"prompt": 5}' >> items.jsonl
run_lldm run file.toml --out bad
expect_code 2 "bad rows"
expect_text "items.jsonl:3: empty line"
expect_text 'items.jsonl:4: "prompt" is missing or not a string'
sed -i '3,$d' items.jsonl

echo "a file task: synthesize and sample"
cat > make.toml <<EOF
name = "make"
seed = 3
[sampler]
type = "fixed_length"
response_length = 64
steps = 32
temperature = 1.5
[[stage]]
name = "pairs"
kind = "synthesize"
from = "$model"
samples_per_prompt = 4
task = { type = "file", file = "items.jsonl", check = "command", command = ["python3", "grade.py"] }
[[stage]]
name = "texts"
kind = "sample"
from = "$model"
task = { type = "file", file = "items.jsonl" }
EOF
cat > grade.py <<'EOF'
import json, sys
call = json.load(sys.stdin)
with open("calls", "a") as calls:
    calls.write("x")
    grade = calls.tell()
if grade % 4 == 0:
    sys.exit(3)
print(json.dumps({"correct": grade > 5, "grade": grade}))
EOF
run_lldm run make.toml --out make
expect_code 0 "pairs by a checker's grade, and texts"
check "no answer without a verdict is paired" python3 - <<'EOF'
import json
samples = [json.loads(line) for line in open("make/pairs/samples.jsonl")]
pairs = [json.loads(line) for line in open("make/pairs/pairs.jsonl")]
result = json.load(open("make/pairs/result.json"))
assert [k for k, row in enumerate(samples) if "check_failure" in row] == [3, 7]
assert [(row["grade_chosen"], row["grade_rejected"]) for row in pairs] == [(3, 1), (7, 5)]
assert result["failed_checks"] == 2 and result["sample_accuracy"] == 0.25
assert len(open("make/texts/samples.jsonl").readlines()) == 2
EOF

echo "prompts that do not fit, before the first answer"
python3 - <<'EOF'
import json
with open("long.jsonl", "w") as out:
    for i in range(40):
        question = "long " + "x" * 300 if i in (20, 39) else f"short {i}"
        out.write(json.dumps({"question": question, "answer": "#### 1"}) + "\n")
EOF
for stage in evaluate sample synthesize; do
  cat > long.toml <<EOF
name = "long"
[sampler]
type = "fixed_length"
response_length = 16
steps = 16
[[stage]]
name = "st"
kind = "$stage"
$([ $stage = evaluate ] && echo "models = [\"$model\"]" || echo "from = \"$model\"")
task = { type = "gsm8k", path = "long.jsonl" }
EOF
  run_lldm run long.toml --out "long-$stage"
  expect_code 2 "$stage"
  # promise 16: prompts that leave no room are all named before the first answer
  expect_text 'stage "st": 2 of 40 prompts are too long: the model takes 256 tokens, 16 of them for the answer'
  expect_text "item 21 (gsm8k-long-21, "
  expect_text "item 40 (gsm8k-long-40, "
  check "nothing was answered" [ -z "$(find "long-$stage" -name '*.jsonl' -size +0)" ]
done
run_lldm sample "$model" --prompt short --prompt "$(printf 'x%.0s' $(seq 300))"
expect_code 2 "lldm sample"
expect_text "prompt 2: 300 tokens"

echo "words outside the vocabulary"
cat > words.toml <<'EOF'
name = "words"
[model]
width = 16
layers = 1
heads = 2
max_length = 32
[[stage]]
name = "sft"
kind = "sft"
data = { file = "known.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
EOF
echo '{"prompt": "a b", "response": "c d"}' > known.jsonl
run_lldm run words.toml --out words
expect_code 0 "a model of four words"
echo '{"prompt": "a zebra", "answer": "okapi"}' > asked.jsonl
cat words.toml - > asked.toml <<'EOF'
[[stage]]
name = "asked"
kind = "evaluate"
models = ["sft"]
task = { type = "file", file = "asked.jsonl", check = "exact_match" }
sampler = { type = "fixed_length", response_length = 4, steps = 4 }
EOF
run_lldm run asked.toml --out asked
expect_code 0 "a vocabulary holds the words of a file task"
check "both prompt and answer" [ "$(grep -c -e '"zebra"' -e '"okapi"' asked/sft/model/lldm_tokenizer.json)" -ge 1 ]
printf '%s\n' '{"prompt": "a", "response": "b"}' '{"prompt": "a zebra", "response": "b"}' '{"prompt": "a", "response": "lion"}' > unknown.jsonl
printf '%s\n' '{"prompt": "a", "chosen": "b", "rejected": "c"}' '{"prompt": "a", "chosen": "b", "rejected": "c tiger"}' > pairs.jsonl
cat > more.toml <<EOF
name = "more"
[[stage]]
name = "more"
kind = "sft"
from = "$WORK/words/sft/model"
data = { file = "unknown.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
EOF
run_lldm run more.toml --out more
expect_code 2 "training"
expect_text "2 of 3 rows cannot be encoded"
expect_text "$WORK/unknown.jsonl:2: "
expect_text '"zebra"'
expect_text "$WORK/unknown.jsonl:3: "
cat > later.toml <<EOF
name = "later"
[[stage]]
name = "first"
kind = "sft"
from = "$WORK/words/sft/model"
data = { file = "known.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "second"
kind = "preference"
from = "first"
data = { file = "pairs.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
EOF
run_lldm run later.toml --out later
expect_code 2 "a later stage, before the first"
expect_text 'stage "second": 1 of 2 rows cannot be encoded'
expect_text "$WORK/pairs.jsonl:2: "
expect_text '"tiger"'
check "nothing was trained" [ ! -e later ]
run_lldm score words/sft/model pairs.jsonl
expect_code 2 "scoring"
expect_text "pairs.jsonl:2: "
expect_text '"tiger"'
run_lldm sample words/sft/model --prompt a --prompt "a gnu"
expect_code 2 "sampling"
expect_text "prompt 2: "
expect_text '"gnu"'
printf '%s\n' '{"prompt": "a", "answer": "b"}' '{"prompt": "a okapi", "answer": "b"}' > words_items.jsonl
run_lldm evaluate words/sft/model --task file --set task.file=words_items.jsonl
expect_code 2 "tasks"
expect_text "words_items.jsonl:2"
expect_text '"okapi"'

echo "what trains"
run_lldm data inspect stop.toml --out stop --tokens 200 --rows 1
expect_code 0 "an experiment's files"
expect_text "== stage sft"
expect_text "stop.jsonl:1"
expect_text "response: 120 tokens: 56 prompt, 45 response, 19 padding; 64 scored"
check "the last token is scored padding" grep -qE '^ +119 +25[0-9]  padding   yes ' <<< "$text"
cat > prefer.toml <<EOF
name = "prefer"
[template]
type = "plain"
separator = "|"
[model]
width = 16
layers = 1
heads = 2
max_length = 64
[tokenizer]
type = "bytes"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "known.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { file = "pairs.jsonl" }
response_length = 10
score_padding = "exclude"
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "later"
kind = "sft"
from = "sft"
data = { stage = "made", take = "chosen" }
optimizer = { steps = 2, batch_size = 2 }
EOF
sed -i '/^name = "later"/i name = "made"\nkind = "synthesize"\nfrom = "sft"\ntask = { type = "file", file = "words_items.jsonl" }\nsampler = { type = "fixed_length", response_length = 8, steps = 8 }\n[[stage]]' prefer.toml
run_lldm data inspect prefer.toml --out prefer --rows 1
expect_code 0 "stages before anything ran"
expect_text 'prompt "a|"'
expect_text "chosen: 12 tokens: 2 prompt, 2 response, 8 padding; 2 scored"
expect_text 'the rows of stage "made" are not there yet'
run_lldm data inspect prefer.toml --stage tuned
expect_code 0 "one stage"
check "the other is not shown" [ "$(grep -c '^== stage' <<< "$text")" -eq 1 ]
run_lldm data inspect prefer.toml --stage tund
expect_code 2 "a misspelt stage"
expect_text 'did you mean "tuned"?'
run_lldm data inspect prefer.toml --set sft.data.file=unknown2.jsonl --stage sft
expect_code 2 "a file that is not there"
run_lldm run prefer.toml --out prefer --stage sft
run_lldm data inspect known.jsonl --tokenizer prefer/sft/model
expect_code 0 "rows with a model's own template"
expect_text 'prompt "a b|"'
run_lldm data inspect more.toml
expect_code 2 "rows that the model cannot read"
expect_text "$WORK/unknown.jsonl:2: "
summary
