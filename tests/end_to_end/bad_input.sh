#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Wishes that cannot be met are refused before anything is lost, with their place.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

refused() { # what, text of the message, then arguments of `lldm validate SMOKE`
  run_lldm validate "$SMOKE" "${@:3}"
  expect_code 2 "$1"
  expect_text "$2"
}
echo "validate"
refused "a stage named out of the folder" 'a stage is named "../evil"' --set sft.name=../evil
refused "a stage named like a folder of the run" 'no stage can be named "shared"' --set sft.name=shared
refused "heads that do not divide the width" "width = 15" --set model.width=15
refused "a moment that never decays" "beta1" --set sft.optimizer.beta1=1.0
refused "warm-up and decay longer than the run" "more than the whole run" \
  --set sft.optimizer.warmup_share=0.8 --set sft.optimizer.decay_share=0.8
refused "draws that masks_per_time does not divide" "does not divide draws" \
  --set tuned.score_estimator.type=monte_carlo_elbo --set tuned.score_estimator.draws=4 --set tuned.score_estimator.masks_per_time=3
refused "more segments than steps" "is more than steps = 2" \
  --set tuned.score_estimator.type=segmented --set tuned.score_estimator.steps=2
refused "an estimator where a task is measured" '"score_estimator" is not read here' \
  --set scores.score_estimator.type=monte_carlo_elbo
refused "a loss over one answer in a preference stage" 'compares 1 answer(s), a preference stage has at least 2' --set 'tuned.objective={ type = "sft" }'
refused "a gradient path that is not exact" "is not exact here" --set tuned.gradient_path=linear
refused "a device that does not exist" 'no device is named "gpu"' --set device=gpu
# promise 12: an old name of a key is an error that names the new one
refused "an old name: accumulation" 'it is called "gradient_accumulation_steps" now' --set sft.optimizer.accumulation=2
refused "an old name: evaluate_steps" 'it is called "eval_steps" now' --set sft.evaluate_steps=3
refused "an old name: keep_checkpoints" 'it is called "save_total_limit" now' --set sft.keep_checkpoints=3
refused "an old name: normalise" 'it is called "normalize" now' --set 'tuned.objective={ type = "dpo", normalise = "none" }'
refused "a canvas as long as the model" "leaves no room for a prompt" --set tuned.response_length=128
for axis in device threads memory.budget seed; do
  sed "\$a [grid.axes]\n\"$axis\" = [1, 2]" "$SMOKE" > "$WORK/grid.toml"
  run_lldm validate "$WORK/grid.toml"
  expect_code 2 "an axis over $axis"
  expect_text "is one for the whole run"
done
sed '$a [grid.axes]\n"model.storage" = ["float32", "nf4"]' "$SMOKE" > "$WORK/grid.toml"
run_lldm run "$WORK/grid.toml" --out "$WORK/cells"
expect_code 2 "a cell that would train quantized weights"
expect_text 'fresh weights are trained, which takes storage = "float32" or "bfloat16"'

echo "memory"
run_lldm run "$SMOKE" --out "$WORK/memory" --set 'memory.budget="1 MiB"'
# promise 10: a budget that the plan passes ends with exit code 3 before the first step, by part, with what helps
expect_code 3 "a budget that the plan passes, before the first step"
expect_text "largest (backward of a block): activations"
expect_text "with max_tokens_per_forward = "
expect_text "or a [memory] budget of "

run_lldm validate "$SMOKE" --set memory.profile=rtx4081
expect_code 2 "a profile that is none"
expect_text 'did you mean "rtx4080"'
text=$(LLDM_PRODUCTS=onednm "$LLDM" run "$SMOKE" --out "$WORK/products" 2>&1)
code=$?
expect_code 2 "a library of products that is none, before anything is done"
expect_text "LLDM_PRODUCTS=onednm: must be mkl or onednn"
check "nothing was written" [ ! -e "$WORK/products" ]
text=$(LLDM_BITSANDBYTES=$WORK/no.so "$LLDM" env 2>&1)
code=$?
expect_code 0 "a library for a GPU that is not there is told, and nothing fails"
expect_text "bitsandbytes: not used: $WORK/no.so cannot be loaded: "
text=$(LLDM_BITSANDBYTES=off "$LLDM" env 2>&1)
code=$?
expect_code 0 "it can be switched off"
expect_text "bitsandbytes: not used: LLDM_BITSANDBYTES=off"

echo "a schedule that nothing reads"
run_lldm validate "$SMOKE" --set tuned.forward_process.schedule=cosine --set tuned.score_estimator.type=monte_carlo_elbo
expect_code 0 "is legal"
expect_text "schedule has no influence on stage"

echo "numbers of the command line"
run_lldm data generate word_problems --seed many
expect_code 2 "a seed that is no number"
expect_text '--seed got "many"'

echo "--fresh"
run_lldm run "$SMOKE" --out "$WORK/run" "${TINY[@]}" --stage pretrain
expect_code 0 "a run"
echo mine > "$WORK/run/notes.txt"
echo mine > "$WORK/run/figure.svg"
mkdir "$WORK/run/sft"
echo mine > "$WORK/run/sft/notes.txt"
before=$(file_hashes "$WORK/run")
run_lldm run "$SMOKE" --out "$WORK/run" --fresh --set model.storage=nf4
expect_code 2 "with a file that cannot run"
check "loses nothing" [ "$before" = "$(file_hashes "$WORK/run")" ]
run_lldm run "$SMOKE" --out "$WORK/run" --fresh "${TINY[@]}" --stage pretain
expect_code 2 "with a misspelt stage"
run_lldm run "$SMOKE" --out "$WORK/run" --fresh "${TINY[@]}" --resume "$WORK/run/pretrain/checkpoints/step-00000005"
expect_code 2 "with --resume"
check "loses nothing either" [ "$before" = "$(file_hashes "$WORK/run")" ]
run_lldm run "$SMOKE" --out "$WORK/run" --fresh "${TINY[@]}" --set seed=7 --stage pretrain
expect_code 0 "starts over"
for own in notes.txt figure.svg sft/notes.txt; do
  check "leaves the user's $own" [ "$(cat "$WORK/run/$own")" = mine ]
done
check "and made its own anew" [ -f "$WORK/run/pretrain/result.json" ]

echo "a run below another's folder"
run_lldm run "$SMOKE" --out "$WORK/above/below" "${TINY[@]}" --stage pretrain
expect_code 0 "a run below"
below=$(file_hashes "$WORK/above/below")
run_lldm run "$SMOKE" --out "$WORK/above" "${TINY[@]}" --stage pretrain
expect_code 0 "a run above"
check "makes its own work" [ -f "$WORK/above/pretrain/result.json" ]
run_lldm run "$SMOKE" --out "$WORK/above" "${TINY[@]}" --stage pretrain --fresh --set seed=7
expect_code 0 "starts over above"
check "and leaves the run below" [ "$below" = "$(file_hashes "$WORK/above/below")" ]
run_lldm run "$SMOKE" --out "$WORK/stored" "${TINY[@]}" --stage pretrain --store "$WORK/store"
expect_code 0 "a store"
stored=$(cd "$WORK/store/work" && find . -type f | sort | xargs sha256sum)
run_lldm run "$SMOKE" --out "$WORK/store" "${TINY[@]}" --stage pretrain
expect_code 0 "a run in a store's folder"
check "makes its own work there" [ -f "$WORK/store/pretrain/result.json" ]
run_lldm run "$SMOKE" --out "$WORK/store" "${TINY[@]}" --stage pretrain --fresh --set seed=7
expect_code 0 "starts over there"
check "and leaves what is stored" [ "$stored" = "$(cd "$WORK/store/work" && find . -type f | sort | xargs sha256sum)" ]

echo "files, before anything is trained"
run_lldm run "$SMOKE" --out "$WORK/files" --set "tuned.from=$WORK/no/model"
expect_code 2 "a model folder that is not there"
expect_text "no model folder"
check "nothing ran" [ ! -e "$WORK/files/pretrain" ]

echo "one cell of a grid diverges"
sed '$a [grid.axes]\n"tuned.optimizer.learning_rate" = [1e30, 1e-4]' "$SMOKE" > "$WORK/diverges.toml"
run_lldm run "$WORK/diverges.toml" --out "$WORK/diverges" "${TINY[@]}" --set tuned.optimizer.max_gradient_norm=0
expect_code 1 "is told at the end"
expect_text "pieces of work failed"
check "the other cell is finished" [ "$(find "$WORK/diverges/cells" -path '*tuned/model/model.safetensors' | wc -l)" -eq 1 ]
run_lldm grid status "$WORK/diverges"
expect_text "1 done, 0 running, 1 failed, 0 waiting, 2 cells"

echo "texts longer than the model"
run_lldm run "$SMOKE" --out "$WORK/long" "${TINY[@]}" --set model.max_length=40 --set sft.response_length=own --stage sft
# promise 16: a training text longer than the model is refused by row
expect_code 2 "are refused by row"
expect_text "longer than the model's 40 tokens"

echo "texts of later stages, before the first one"
printf '%s\n' '{"prompt": "ann has 2", "response": "3"}' '{"prompt": "bob has 3", "response": "2"}' > "$WORK/short.jsonl"
printf '%s\n' '{"prompt": "ann has 2", "chosen": "3", "rejected": "4"}' \
  '{"prompt": "bob has 3 and is told so at length", "chosen": "2", "rejected": "4"}' > "$WORK/later.jsonl"
printf '%s\n' '{"question": "ann has 2", "answer": "#### 3"}' '{"question": "bob has three", "answer": "#### 2"}' > "$WORK/items.jsonl"
cat > "$WORK/later.toml" << 'TOML'
name = "later"
[model]
width = 16
layers = 1
heads = 2
max_length = 24
[tokenizer]
type = "bytes"
[sampler]
type = "fixed_length"
response_length = 12
steps = 4
[[stage]]
name = "sft"
kind = "sft"
data = { file = "short.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "dpo"
kind = "preference"
from = "sft"
data = { file = "later.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "asked"
kind = "evaluate"
models = ["sft"]
task = { type = "gsm8k", path = "items.jsonl" }
[[stage]]
name = "shown"
kind = "sample"
from = "dpo"
prompts = ["ann has 2", "bob has three"]
TOML
for command in validate "run --dry-run" run; do
  run_lldm $command "$WORK/later.toml" $([ $command = validate ] || echo --out "$WORK/later")
  expect_code 2 "$command"
  expect_text "later.toml:18:1: stage \"dpo\": 2 text(s) are longer than the model's 24 tokens"
  expect_text "later.jsonl:2: 36 tokens"
  expect_text "later.toml:24:1: stage \"asked\": 2 of 2 prompts are too long"
  expect_text "items.jsonl:2): 31 tokens"
  expect_text "later.toml:29:1: stage \"shown\": 1 of 2 prompts are too long"
  expect_text "prompt 2: 13 tokens"
done
check "nothing was trained" [ ! -e "$WORK/later" ]
run_lldm run "$WORK/later.toml" --out "$WORK/later" --stage sft
expect_code 0 "a stage that reads none of them"
run_lldm validate "$WORK/later.toml" --set model.max_length=64
expect_code 0 "a model that holds them"
sed '$a [grid.axes]\n"asked.limit" = [1, 2]' "$WORK/later.toml" > "$WORK/later_grid.toml"
printf '%s\n' '{"question": "a", "answer": "#### 3"}' '{"question": "bob has three and more than that", "answer": "#### 2"}' > "$WORK/items.jsonl"
run_lldm validate "$WORK/later_grid.toml" --set model.max_length=40 --set 'shown.prompts=["a"]'
expect_code 2 "of the second value of an axis alone"
expect_text 'stage "asked": 1 of 2 prompts are too long'

echo "rows behind a stage's limit are not used"
cat > "$WORK/limit.toml" << TOML
name = "limit"
[[stage]]
name = "scores"
kind = "evaluate"
models = ["$WORK/later/sft/model"]
pairs = { file = "later.jsonl" }
limit = 1
[[stage]]
name = "noise"
kind = "study"
from = "$WORK/later/sft/model"
reference = "$WORK/later/sft/model"
pairs = { file = "later.jsonl" }
score_estimators = [{ type = "monte_carlo_elbo", draws = 2 }]
limit = 1
TOML
run_lldm run "$WORK/limit.toml" --out "$WORK/limit"
expect_code 0 "a text too long behind them"
run_lldm validate "$WORK/limit.toml" --set scores.limit=2
expect_code 2 "and within them"
expect_text 'stage "scores": 2 text(s) are longer'
run_lldm validate "$WORK/limit.toml" --set noise.limit=2
expect_code 2 "of a study"
expect_text 'stage "noise": 2 text(s) are longer'

echo "rows that an earlier stage is to make"
cat > "$WORK/distil.toml" << 'TOML'
name = "distil"
[model]
width = 16
layers = 1
heads = 2
max_length = 160
[sampler]
type = "fixed_length"
response_length = 16
steps = 4
[[stage]]
name = "teacher"
kind = "sft"
data = { generate = "word_problems", rows = 20 }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "pairs"
kind = "synthesize"
method = "inject"
task = { type = "word_problems", rows = 12 }
[[stage]]
name = "student"
kind = "sft"
data = { stage = "pairs", take = "chosen" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "asked"
kind = "evaluate"
models = ["student"]
task = { type = "word_problems", rows = 4 }
TOML
run_lldm validate "$WORK/distil.toml"
expect_code 0 "a vocabulary of words that are not there yet"
run_lldm run "$WORK/distil.toml" --out "$WORK/distil"
expect_code 0 "and its run"

echo "model folders of later stages, before the first one"
mkdir -p "$WORK/bad"
cp -r "$WORK/later/sft/model" "$WORK/bad/cut" && truncate -s 200 "$WORK/bad/cut/model.safetensors"
cp -r "$WORK/later/sft/model" "$WORK/bad/deep" && rm "$WORK/bad/deep/MANIFEST.json" && sed -i 's/"n_layers": 1/"n_layers": 2/' "$WORK/bad/deep/config.json"
for folder in cut deep; do
  run_lldm validate "$WORK/later.toml" --set model.max_length=64 --set "asked.models=[\"$WORK/bad/$folder\"]"
  expect_code 2 "$folder"
  expect_text "$WORK/bad/$folder"
done
expect_text "the weights are not those of config.json"
mkdir -p "$WORK/models" && cp -r "$WORK/later/sft/model" "$WORK/models/m"
text=$(MY_MODELS="$WORK/models" "$LLDM" validate "$WORK/later.toml" --set model.max_length=64 --set asked.limit=1 --set sampler.response_length=4 --set 'asked.models=["${MY_MODELS}/m"]' 2>&1); code=$?
expect_code 0 "a variable of the environment in models"
run_lldm validate "$WORK/later.toml" --set 'asked.models=["${NO_SUCH_FOLDER}/m"]'
expect_code 2 "one that is not set"
expect_text 'stage "asked": models needs the environment variable NO_SUCH_FOLDER, which is not set'

echo "data check: every bad row, one line each"
python3 - "$WORK/check.jsonl" << 'PYTHON'
import json, sys
rows = [json.dumps({"prompt": "a", "chosen": "b", "rejected": "c"})] + [json.dumps({"prompt": "a", "chosen": "b", "rejected": "b"})] * 25
rows += ['{"prompt": "a", "chosen": ', json.dumps({"prompt": "a", "chosen": "b"}), json.dumps({"prompt": "a", "chosen": "<mask>", "rejected": "c"})]
open(sys.argv[1], "w").write("\n".join(rows) + "\n")
PYTHON
run_lldm data check "$WORK/check.jsonl" --kind preference
expect_code 2 "bad rows"
check "each has its line" [ "$(grep -cE "^$WORK/check.jsonl:[0-9]+: " <<< "$text")" -eq 27 ]
expect_text "check.jsonl:2: \"chosen\" and \"rejected\" are the same text"
expect_text "check.jsonl: 27 of 29 rows cannot be used"
sed 's/"rejected": "c"}/"rejected": "c", "color": 1}/' "$WORK/check.jsonl" > "$WORK/colors.jsonl"
"$LLDM" data check "$WORK/colors.jsonl" --kind preference --tokenizer "$WORK/later/sft/model" > "$WORK/out" 2> "$WORK/notes"
check "other notes stand on standard error" grep -q 'keys that nobody reads: "color"' "$WORK/notes"
check "standard output is one line a bad row" [ "$(head -n -1 "$WORK/out" | grep -vcE "^$WORK/colors.jsonl:[0-9]+: ")$(grep -c . "$WORK/out")" = 029 ]
check "and their count as the last" [ "$(tail -n 1 "$WORK/out")" = "$WORK/colors.jsonl: 28 of 29 rows cannot be used" ]
sed -n 1p "$WORK/colors.jsonl" > "$WORK/color.jsonl"
check "of good rows it is all there is" [ "$("$LLDM" data check "$WORK/color.jsonl" --kind preference 2> /dev/null)" = "$WORK/color.jsonl: 1 rows of form preference, all good" ]
run_lldm data check "$WORK/check.jsonl" --kind preference --tokenizer "$WORK/later/sft/model"
expect_text "check.jsonl:29: holds the text of the mask token"
expect_text "28 of 29 rows cannot be used"
head -n 1 "$WORK/check.jsonl" > "$WORK/good.jsonl"
run_lldm data check "$WORK/good.jsonl" --kind preference --tokenizer "$WORK/later/sft/model"
expect_code 0 "good rows"
expect_text "1 rows of form preference, all good"
run_lldm data check "$WORK/good.jsonl" --kind conversations
expect_code 2 "rows of another kind"
run_lldm data check "$WORK/good.jsonl" --kind preferences
expect_code 2 "a kind that is none"
expect_text 'did you mean "preference"'

echo "input files"
printf '%s\n' '{"prompt": "ann has 2", "response": "2 + 1 = 3"}' '{"prompt": "bob has 3", "response": "3 - 1 = 2"}' \
  '{"prompt": "cy has 4", "response": "4 + 1 = 5"}' > "$WORK/rows.jsonl"
cat > "$WORK/own.toml" << 'TOML'
name = "own"
[model]
width = 16
layers = 1
heads = 2
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
TOML
run_lldm validate "$WORK/own.toml" --set sft.data.on_bad_row=ignore
expect_code 2 "another word for on_bad_row"
expect_text "on_bad_row"
good=$(< "$WORK/rows.jsonl")
echo '{"prompt": 3, "response": "x"}' >> "$WORK/rows.jsonl"
run_lldm run "$WORK/own.toml" --out "$WORK/own"
# promise 15: a bad row stops the run before it trains, with file and line
expect_code 2 "a bad row"
expect_text "rows.jsonl:4:"
printf '%s\n' "$good" > "$WORK/rows.jsonl"
run_lldm run "$WORK/own.toml" --out "$WORK/own"
expect_code 0 "the same command on the repaired rows"
run_lldm run "$WORK/own.toml" --out "$WORK/own"
expect_code 0 "the same again"
echo '{"prompt": "dee has 5", "response": "5 + 1 = 6"}' >> "$WORK/rows.jsonl"
run_lldm run "$WORK/own.toml" --out "$WORK/own"
expect_code 2 "on other rows is refused"
expect_text "rows.jsonl does not hold what it was made with"
run_lldm run "$WORK/own.toml" --out "$WORK/other" --set "model.path=$WORK/own/sft/model" --set model.width=48
expect_code 2 "a width that the model folder contradicts"
expect_text "width = 48, the folder has 16"
echo "--stage looks for its own files only"
cat > "$WORK/two.toml" << 'TOML'
name = "two"
[model]
width = 16
layers = 1
heads = 2
[tokenizer]
type = "bytes"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { file = "not_made_yet.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
TOML
run_lldm run "$WORK/two.toml" --out "$WORK/two" --stage sft
expect_code 0 "a later stage's file is not there yet"
run_lldm run "$WORK/two.toml" --out "$WORK/two"
expect_code 2 "the whole file needs it"
expect_text "not_made_yet.jsonl does not exist"
run_lldm run "$WORK/two.toml" --out "$WORK/words" --stage sft --set tokenizer.type=words
expect_code 2 "so does a vocabulary, which is made of the words of every file"

echo "a data file on a grid axis"
echo '{"prompt": "eve has 6", "chosen": "6 + 1 = 7", "rejected": "zebra"}' > "$WORK/a.jsonl"
echo '{"prompt": "eve has 6", "chosen": "6 + 1 = 7", "rejected": "quagga"}' > "$WORK/b.jsonl"
sed 's/not_made_yet/a/; s/"bytes"/"words"/' "$WORK/two.toml" > "$WORK/axis.toml"
printf '[grid.axes]\n"tuned.data.file" = ["a.jsonl", "b.jsonl"]\n' >> "$WORK/axis.toml"
run_lldm run "$WORK/axis.toml" --out "$WORK/axis"
expect_code 0 "both cells know the words of both files"
check "one sft" [ "$(ls -d "$WORK"/axis/shared/sft-* | wc -l)" -eq 1 ]
check "both files are inputs of the run" [ "$(grep -c '^# input .*/[ab].jsonl sha256:' "$WORK/axis/config.resolved.toml")" -eq 2 ]
run_lldm grid resume "$WORK/axis"
expect_code 0 "the folder alone means the same files"
echo '{"prompt": "eve has 6", "chosen": "6 + 1 = 7", "rejected": "okapi"}' > "$WORK/b.jsonl"
run_lldm run "$WORK/axis.toml" --out "$WORK/axis"
expect_code 2 "a changed file on the axis is refused"
expect_text "the words of the file's data and tasks, which make its vocabulary, are others"
run_lldm grid resume "$WORK/axis"
expect_code 2 "also by the folder"
summary
