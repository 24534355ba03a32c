#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A component of every role from a plugin, each used by a run; and the shipped plugin by its name.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
PLUGINS=$BUILD/lib/test_plugins

echo "what the plugins bring"
for pair in process:late_masked schedule:power estimator:all_at_once objective:squared_margin \
  commit_rule:left_first task:echo stage:count_words; do
  run_lldm list --plugin "$PLUGINS/libtest_${pair%%:*}.so"
  check "test_${pair%%:*} brings ${pair##*:}" grep -qE "^ *${pair##*:} +test_${pair%%:*} " <<< "$text"
done

echo "one file that uses all six"
for i in 1 2 3 4 5 6 7 8 9; do
  echo "{\"conversations\": [{\"role\": \"user\", \"content\": \"say $i\"}, {\"role\": \"assistant\", \"content\": \"$i\"}]}"
done > "$WORK/rows.jsonl"
file=$WORK/roles.toml
{
  echo "plugins = ["
  for role in process schedule estimator objective commit_rule task; do
    echo "  \"$PLUGINS/libtest_$role.so\","
  done
  echo "]"
  cat << 'TOML'
name = "roles"
seed = 3

[model]
width      = 16
layers     = 1
heads      = 2
mlp_width  = 24
max_length = 32
[tokenizer]
type = "bytes"
[optimizer]
steps      = 4
batch_size = 4
[task]
type  = "echo"
count = 6
[sampler]
type            = "fixed_length"
response_length = 4
steps           = 4
remasking       = "left_first"

[[stage]]
name            = "start"
kind            = "sft"
role            = "start"
data            = { file = "rows.jsonl" }
forward_process = { type = "masked", schedule = { type = "power", power = 3.0 } }

[[stage]]
name            = "late"
kind            = "sft"
from            = "start"
data            = { file = "rows.jsonl" }
forward_process = "late_masked"

[[stage]]
name   = "pairs"
kind   = "synthesize"
method = "inject"

[[stage]]
name            = "tuned"
kind            = "preference"
role            = "preference"
from            = "late"
data            = { stage = "pairs" }
score_estimator = { type = "all_at_once", weight = 0.5 }
objective       = { type = "squared_margin", goal = 2.0 }

[[stage]]
name   = "scores"
kind   = "evaluate"
models = ["start", "tuned"]
TOML
} > "$file"
run_lldm validate "$file"
expect_code 0 "is valid"
run_lldm run "$file" --out "$WORK/roles"
expect_code 0 "runs"
grep -E '^stage' <<< "$text" | sed 's/^/    /'
for model in start late tuned; do
  check "$model has a model" [ -s "$WORK/roles/$model/model/model.safetensors" ]
done
check "squared_margin was the loss" grep -q '"stage":"tuned".*"train/loss":[0-9]' "$WORK/roles/metrics.jsonl"
check "echo made the pairs" grep -q '"say ' "$WORK/roles/pairs/pairs.jsonl"
check "echo was measured on 6 items" [ "$(wc -l < "$WORK/roles/scores/tuned/items.jsonl")" -eq 6 ]

# Each component matters: other options, or a built-in one, give another model.
changes() { # model, what, a --set
  run_lldm run "$file" --out "$WORK/other" --stage "$1" --set "$3"
  expect_code 0 "$2"
  local model=$1/model/model.safetensors
  check "trains it" [ -s "$WORK/other/$model" ]
  check "gives another $1" [ "$(sha256sum "$WORK/other/$model" | cut -c1-64)" != \
    "$(sha256sum "$WORK/roles/$model" | cut -c1-64)" ]
  rm -rf "$WORK/other"
}
changes start "power = 2" start.forward_process.schedule.power=2.0
changes late "masked instead of late_masked" 'late.forward_process="masked"'
changes tuned "goal = 8" tuned.objective.goal=8.0
changes tuned "weight = 1" tuned.score_estimator.weight=1.0

echo "a kind of stage from a plugin"
cat > "$WORK/words.toml" << TOML
plugins = ["$PLUGINS/libtest_stage.so"]
name = "words"

[[stage]]
name = "words"
kind = "count_words"
text = "one two three"
TOML
run_lldm run "$WORK/words.toml" --out "$WORK/words"
expect_code 0 "runs"
check "did its work" [ "$(cat "$WORK/words/words/count.txt")" = 3 ]
check "has a result" grep -q '"words": 3' "$WORK/words/words/result.json"
run_lldm launch --processes 2 -- run "$WORK/words.toml" --out "$WORK/words_by_two"
expect_code 0 "runs in two processes"
expect_text "stage words: done by rank 0 alone"
check "did its work there, too" [ "$(cat "$WORK/words_by_two/words/count.txt")" = 3 ]
sed -i '/^plugins/d' "$WORK/words.toml"
run_lldm run "$WORK/words.toml" --plugin "$PLUGINS/libtest_stage.so" --out "$WORK/words_flag"
expect_code 0 "runs by --plugin"
check "its file decides the hash" grep -q '"plugins.count_words": ' "$WORK/words_flag/words/work.json"
run_lldm validate "$WORK/words_flag/config.resolved.toml"
expect_code 0 "config.resolved.toml names the plugin"
run_lldm validate "$WORK/words_flag/config.resolved.toml" --set words.txt=1
expect_code 2 "an unknown key of it is refused"
expect_text 'did you mean "text"?'

echo "config.resolved.toml names the plugins"
run_lldm run "$WORK/roles/config.resolved.toml" --out "$WORK/resolved"
expect_code 0 "runs again from it"
check "gives the same models" [ "$(model_hashes "$WORK/roles")" = "$(model_hashes "$WORK/resolved")" ]

echo "a mistake in a plugin's options"
run_lldm validate "$file" --set tuned.objective.gaol=3.0
expect_code 2 "is refused"
expect_text 'did you mean "goal"?'

echo "the shipped plugin, by its name"
run_lldm run "$SOURCE/experiments/plugins/margin_dpo.toml" --out "$WORK/margin" --stage tuned "${TINY[@]}"
expect_code 0 "experiments/plugins/margin_dpo.toml runs"
check "margin_dpo is in config.resolved.toml" grep -q 'type = "margin_dpo".*margin = 0.5' "$WORK/margin/config.resolved.toml"
run_lldm run "$WORK/margin/config.resolved.toml" --out "$WORK/margin_again" --stage tuned
expect_code 0 "config.resolved.toml runs"
check "gives the same model" [ "$(model_hashes "$WORK/margin")" = "$(model_hashes "$WORK/margin_again")" ]
summary
