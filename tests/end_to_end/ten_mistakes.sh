#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A file with ten different mistakes: all ten at once, each with its place and what would be right.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

file=$WORK/mistakes.toml
cat > "$file" << 'TOML'
name  = "mistakes"
seeed = 3

[modle]
width = 32

[[stage]]
name      = "pretrain"
kind      = "pretraining"
data      = { generate = "word_problems", rows = "many" }
optimizer = { learning_rate = -1.0, steps = 4 }

[[stage]]
name = "sft"
kind = "stf"
from = "pretrain"
data = { generate = "word_problems", rows = 100 }

[[stage]]
name      = "pretrain"
kind      = "sft"
from      = "pretrain"
data      = { generate = "word_problems", rows = 100 }
optimizer = { steps = 4 }

[[stage]]
name   = "pairs"
kind   = "synthesize"
method = "inject"

[[stage]]
name            = "tuned"
kind            = "preference"
from            = "pretrian"
data            = { stage = "pairs" }
score_estimator = { type = "monte_carlo_elb", draws = 4 }
optimizer       = { steps = 4 }

[grid.axes]
"tuned.objektive.beta" = [0.1, 0.2]
TOML

expect_mistake() { # line, column, what it says, what is written below it ("" : anything)
  local found
  found=$(grep -A 1 -E "^$file:$1:$2: .*$3" <<< "$text")
  check "line $1: $3${4:+ ($4)}" grep -qF -- "$4" <<< "${found:-nothing of that kind}"
  [ -n "$found" ] || { check "line $1 is reported" false; }
}

for command in validate run; do
  echo "lldm $command"
  run_lldm "$command" "$file" $([ "$command" = run ] && echo --out "$WORK/out")
  expect_code 2 "is refused"
  expect_mistake 2 1 'no key "seeed"' 'did you mean "seed"?'                                 # misspelt key
  expect_mistake 4 2 'no key "modle"' 'did you mean "model"?'                                # unknown table
  expect_mistake 10 50 '"rows" must be an integer' 'got the string "many"'                   # wrong type
  expect_mistake 11 31 '"learning_rate" must be above 0' 'got -1'                            # out of range
  expect_mistake 15 8 'no kind of stage is named "stf"' 'did you mean "sft"?'                # unknown kind
  expect_mistake 19 1 'two stages are named "pretrain"' ''                                   # duplicate name
  expect_mistake 26 1 '"task" is missing' ''                                                 # missing required
  expect_mistake 31 1 '"pretrian", which is no earlier stage' 'did you mean "pretrain"?'     # bad reference
  expect_mistake 36 28 'no score_estimator is named "monte_carlo_elb"' 'did you mean "monte_carlo_elbo"?'
  expect_mistake 40 '[0-9]+' '"objektive"' 'did you mean "objective"?'                       # bad axis
  places=$(grep -cE "^$file:[0-9]+:[0-9]+: " <<< "$text")
  # promise 11: ten mistakes in one file: all ten, each with its place and what would be right
  check "ten mistakes in all ($places)" [ "$places" -eq 10 ]
  check "the file's name stands in front of every one" [ "$(grep -vcE "^($file:[0-9]+:[0-9]+: |  )" <<< "$text")" -eq 0 ]
done
sed "s#$WORK/##; s/^/    /" <<< "$text" | cut -c1-160
check "nothing was written" [ ! -e "$WORK/out" ]

echo "bad plugins"
for plugin in "$BUILD"/lib/test_plugins/libbad_*.so; do
  case $plugin in */libbad_wrong_*|*/libbad_crashing*) continue ;; esac  # they load: plugin_check.sh
  run_lldm run "$SMOKE" --out "$WORK/out" --plugin "$plugin"
  # promise 13: every deliberately broken plugin ends with exit code 4 and writes nothing
  check "$(basename "$plugin"): exit code $code: $(head -n 1 <<< "$text" | sed "s#$BUILD/##g" | cut -c1-110)" [ "$code" -eq 4 ]
done
run_lldm run "$SMOKE" --out "$WORK/out" --plugin no_such_plugin
expect_code 4 "a name that no plugin has is refused"
expect_text "no such file"
cp "$SMOKE" "$WORK/elf.toml"
sed -i '1i plugins = ["./smoke.txt"]' "$WORK/elf.toml"
echo "not a library" > "$WORK/smoke.txt"
run_lldm run "$WORK/elf.toml" --out "$WORK/out"
expect_code 4 "a text file is refused"
sed "s#$WORK/##; s/^/    /" <<< "$text"
check "nothing was written" [ ! -e "$WORK/out" ]
summary
