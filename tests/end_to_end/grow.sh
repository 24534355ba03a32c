#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A folder whose file grows: what is finished is reused, what would change a finished number is
# refused; and work that folders share through a store.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$WORK" || exit 1

python3 - << 'PYTHON'
import json
sums = [(a, b) for a in range(2, 7) for b in range(2, 7)]
with open("sft.jsonl", "w") as out:
    for a, b in sums:
        out.write(json.dumps({"prompt": f"{a} + {b} =", "response": f" {a + b}"}) + "\n")
with open("pairs.jsonl", "w") as out:
    for a, b in sums:
        out.write(json.dumps({"prompt": f"{a} + {b} =", "chosen": f" {a + b}", "rejected": f" {a + b + 1}"}) + "\n")
PYTHON

# A file: [grid] lines, then stages behind the three, and what `sed` makes of all.
file_of() { # name, grid, more stages, sed script
  { cat << 'TOML'
name = "grow"
description = "A folder that grows."
seed = 3
[model]
width = 16
layers = 1
heads = 2
max_length = 32
[tokenizer]
type = "bytes"
[[stage]]
name = "sft"
kind = "sft"
role = "start"
data = { file = "sft.jsonl" }
optimizer = { steps = 6, batch_size = 4, learning_rate = 2e-3 }
logging_steps = 2
save_steps = 2
[[stage]]
name = "tuned"
kind = "preference"
role = "preference"
from = "sft"
data = { file = "pairs.jsonl" }
objective = { type = "dpo", beta = 0.1 }
score_estimator = { type = "monte_carlo_elbo", draws = 2 }
optimizer = { steps = 4, batch_size = 4, learning_rate = 1e-3 }
[[stage]]
name = "held_out"
kind = "evaluate"
models = ["sft", "tuned"]
pairs = { file = "pairs.jsonl" }
limit = 4
score_estimator = { type = "monte_carlo_elbo", draws = 2 }
TOML
    printf '%s\n' "$3"
    [ -z "$2" ] || printf '[grid]\n%s\n' "$2"
  } | sed "${4:-}" > "$1"
}
made() { # what models were trained: one line each
  grep -cE '^stage .* steps, ' <<< "$text"
}
times() { find "$1" -name model.safetensors -not -path '*/checkpoints/*' -exec stat -c '%n %Y %i' {} + | sort; }
kept() { # folder: every model of before is there, untouched
  check "no finished model was touched" [ -z "$(comm -23 <(echo "$before") <(times "$1"))" ]
}
rows() { # report: rows without the clock's
  python3 - "$1" << 'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
measured = set(report["measured"])
for row in report["rows"]:
    row["metrics"] = {k: v for k, v in row["metrics"].items() if k not in measured}
    print(json.dumps([row["hash"], row["stage"], row["seed"], row["axes"], row["metrics"]], sort_keys=True))
PYTHON
}
run=$WORK/run

echo "a plain run becomes a grid"
file_of g.toml "" ""
run_lldm run g.toml --out "$run"
expect_code 0 "plain"
expect_text "reused 0, to do 4"
before=$(times "$run")
lines=$(wc -l < "$run/metrics.jsonl")
two='seeds = { values = [3, 1], from = "tuned" }
axes = { "tuned.objective.beta" = [0.1, 0.5] }'
file_of g.toml "$two" ""
run_lldm grid plan g.toml --out "$run"
expect_code 0 "grid plan looks at the folder"
expect_text "reused 4, to do 6"
expect_text "seed 3  (4 of 4 reused)"
run_lldm run g.toml --out "$run"
expect_code 0 "a grid of its beta and another, its seed and another"
expect_text "reused 4, to do 6"
kept "$run"
check "three models were trained" [ "$(made)" -eq 3 ]
check "metrics.jsonl has the plain run's lines still" [ "$(grep -cE '"stage":"(sft|tuned)"' "$run/metrics.jsonl")" -eq "$lines" ]
check "the plain config is kept" grep -q 'name = "grow"' "$run/config.history/0001.toml"
check "and has no grid" [ -z "$(grep -F '[grid' "$run/config.history/0001.toml")" ]
before=$(times "$run")
first=$(rows "$run/report.json" | sort)

echo "a value, a seed, an evaluate stage, a description, logging_steps"
more='seeds = { values = [3, 1, 2], from = "tuned" }
axes = { "tuned.objective.beta" = [0.1, 0.5, 2.0] }'
stage='[[stage]]
name = "again"
kind = "evaluate"
models = ["tuned"]
pairs = { file = "pairs.jsonl" }
limit = 3
score_estimator = { type = "monte_carlo_elbo", draws = 2 }'
file_of g.toml "$more" "$stage" 's/that grows/that has grown/; s/^logging_steps = 2/logging_steps = 3/; s/^save_steps = 2/save_steps = 5/'
run_lldm grid run g.toml --out "$run" --jobs 2
expect_code 0 "two workers"
expect_text "reused 10, to do 19"
kept "$run"
check "its old rows stand unchanged" [ -z "$(comm -23 <(echo "$first") <(rows "$run/report.json" | sort))" ]
check "it has 9 tuned models" [ "$(rows "$run/report.json" | grep -c '"tuned"')" -eq 18 ]
check "the report has the new description" grep -q 'that has grown' "$run/report.md"
before=$(times "$run")
all=$(file_hashes "$run")
run_lldm grid run g.toml --out "$run"
expect_text "reused 29, to do 0"
check "again: no file changes" [ "$all" = "$(file_hashes "$run")" ]
run_lldm grid status "$run"
expect_text "9 done, 0 running, 0 failed, 0 waiting, 9 cells"
run_lldm grid collect "$run"
expect_code 0 "collect"
check "changes no file" [ "$all" = "$(file_hashes "$run")" ]
run_lldm grid resume "$run"
expect_text "reused 29, to do 0"
expect_no_text "config.resolved.toml:"
run_lldm report "$run" --out "$WORK/report"
expect_code 0 "report"
run_lldm export "$run" --csv "$WORK/metrics.csv"
expect_code 0 "export"
check "knows the plain run's cell" grep -qE '^tuned,4,[0-9.]+,3,0.1,' "$WORK/metrics.csv"

echo "what would change a number"
all=$(file_hashes "$run")
refused() { # sed script, then what is said
  file_of other.toml "$more" "$stage" "s/^logging_steps = 2/logging_steps = 3/; $1"
  for how in "run" "run --dry-run" "plan" "grid plan"; do
    # shellcheck disable=SC2086
    run_lldm $how other.toml --out "$run"
    expect_code 2 "$how is refused: $1"
    expect_text "$2"
  done
  check "no file changes" [ "$all" = "$(file_hashes "$run")" ]
}
refused 's/steps = 6/steps = 7/' 'stage "sft": optimizer.steps = 7, it was made with optimizer.steps = 6'
refused 's/^width = 16/width = 32/' 'stage "sft": model.width = 32, it was made with model.width = 16'
refused 's/limit = 4/limit = 5/' 'stage "held_out": limit = 5, it was made with limit = 4'
refused 's/^seed = 3/seed = 4/' 'stage "sft": seed = 4, it was made with seed = 3'
cp sft.jsonl sft.kept
echo '{"prompt": "1 + 1 =", "response": " 2"}' >> sft.jsonl
run_lldm run g.toml --out "$run"
expect_code 2 "another data file is refused"
expect_text "stage \"sft\": data.file = $WORK/sft.jsonl does not hold what it was made with"
mv sft.kept sft.jsonl
check "no file changes" [ "$all" = "$(file_hashes "$run")" ]

echo "a value and a stage are gone, and back"
file_of less.toml "$two" ""
run_lldm run less.toml --out "$run"
expect_code 0 "runs"
expect_text "reused 10, to do 0; 19 of cells, stages or seeds that the file no longer has"
kept "$run"
check "the report has the file's cells only" [ "$(rows "$run/report.json" | sort)" = "$first" ]
run_lldm run g.toml --out "$run"
expect_text "reused 29, to do 0"
file_of plain.toml "" ""
run_lldm run plain.toml --out "$run"
expect_code 0 "a plain file again"
expect_text "reused 4, to do 0"
check "its metrics are whole" [ "$(wc -l < "$run/metrics.jsonl")" -eq "$lines" ]
file_of renamed.toml "" "" 's/held_out/measured/'
run_lldm run renamed.toml --out "$run" --dry-run
expect_text "reused 2, to do 2"
check "it names what is reused" grep -qE '^ *sft +sft +reused ' <<< "$text"
check "and what is not" grep -qE '^ *measured/tuned +evaluate +to do ' <<< "$text"
run_lldm plan renamed.toml --out "$run"
expect_text "reused 2, to do 2"
check "and makes nothing" [ ! -e "$run/measured" ]
run_lldm run renamed.toml --out "$run"
expect_code 0 "a stage by another name is a new one"
expect_text "reused 2, to do 2"
check "the old one's work stays" [ -s "$run/held_out/tuned/result.json" ]
file_of other_beta.toml "axes = { \"tuned.objective.beta\" = [0.7] }" ""
run_lldm run other_beta.toml --out "$run" --stage tuned
expect_code 0 "--stage with a value that is not the plain run's"
expect_text "reused 1, to do 1"
kept "$run"
run_lldm grid emit g.toml --slurm --out "$run"
expect_code 0 "emit in a grown folder"
expect_text "grid status"

echo "stopped, then grown"
long='s/steps = 6,/steps = 2000,/; s/save_steps = 2/save_steps = 50/'
file_of long.toml "" "" "$long"
"$LLDM" run long.toml --out "$WORK/stopped" > output 2>&1 &
background=$!
has_checkpoint() { compgen -G "$WORK/stopped/sft/checkpoints/step-*/MANIFEST.json" > /dev/null; }
check "a checkpoint" wait_for "$background" 60 has_checkpoint
kill -TERM "$background"
wait "$background"
code=$?
background=""
expect_code 75 "stops"
file_of long.toml "$two" "" "$long"
run_lldm run long.toml --out "$WORK/stopped" --stage sft
expect_code 0 "goes on as a grid"
expect_text "goes on after step"
check "metrics of all steps" [ "$(grep -c '"stage":"sft"' "$WORK/stopped/sft/metrics.jsonl")" -eq 1000 ]

echo "another version's folder"
cp -r "$run" "$WORK/old"
sed -i 's/"scheme": [0-9]*/"scheme": 1/' "$WORK/old/index.json"
run_lldm run g.toml --out "$WORK/old"
expect_code 2 "is refused"
expect_text "was made by an older version of lldm"
rm "$WORK/old/index.json"
run_lldm run g.toml --out "$WORK/old"
expect_text "reused 29, to do 0"

echo "one value twice"
axis() { # lines of [grid], what is said
  file_of axis.toml "$1" ""
  run_lldm validate axis.toml
  expect_code 2 "$1"
  expect_text "$2"
}
axis 'axes = { "tuned.objective.beta" = [1, 1.0] }' "1 and 1.0 are one value"
axis 'axes = { "tuned.objective.beta" = [0.5, 5e-1] }' "twice"
axis 'axes = { "tuned.score_estimator" = [{ type = "monte_carlo_elbo", draws = 2 }, { draws = 2.0, type = "monte_carlo_elbo" }] }' "twice"
axis 'axes = { "tuned.objective" = ["dpo", { type = "dpo" }] }' "twice"
axis 'tied = [{ "tuned.objective.beta" = [1, 1.0], "tuned.optimizer.steps" = [4, 4] }]' "twice"
axis 'axes = { "tuned.objective" = ["dpo", { type = "dpo", beta = 0.1 }] }' "two cells are one"
axis 'seeds = [1, 1]' "twice"

echo "extends"
cp plain.toml base.toml
printf '[grid]\nseeds = { values = [3], from = "tuned" }\n[grid.axes]\n"tuned.objective.beta" = [0.1]\n' >> base.toml
mkdir sub
printf 'extends = ["../base.toml"]\n[grid]\nadd_seeds = [1]\n[grid.add_axes]\n"tuned.objective.beta" = [0.5]\n' > sub/child.toml
run_lldm run sub/child.toml --out "$run"
expect_code 0 "a child that adds"
expect_text "reused 10, to do 0"
printf 'extends = ["../base.toml"]\n[grid.axes]\n"tuned.optimizer.learning_rate" = [1e-3, 2e-3]\n' > sub/child.toml
run_lldm grid plan sub/child.toml
expect_text "2 cells"
printf 'extends = ["../base.toml"]\n[grid]\nadd_seeds = [3]\n' > sub/child.toml
run_lldm validate sub/child.toml
expect_code 2 "a seed that stands there"
expect_text "seed 3 stands twice"

echo "a store"
store=$WORK/store
run_lldm run g.toml --out "$WORK/s1" --store "$store" --stage tuned
expect_code 0 "is filled"
mkdir elsewhere
cp sft.jsonl pairs.jsonl elsewhere/
file_of elsewhere/e.toml "$two" "" 's/"grow"/"other"/'
run_lldm run elsewhere/e.toml --out "$WORK/s2" --store "$store" --dry-run
expect_text "reused 5, to do 5 (5 from the store)"
check "a dry run takes nothing" [ ! -e "$WORK/s2" ]
run_lldm run elsewhere/e.toml --out "$WORK/s2" --store "$store"
expect_code 0 "another experiment, other paths, equal data"
expect_text "reused 5, to do 5 (5 from the store)"
check "nothing was trained" [ "$(made)" -eq 0 ]
check "its metrics came with it" grep -q '"stage":"shared/sft-' "$WORK/s2/metrics.jsonl"
hash_of() { find "$1" -path "*/$2*/model/model.safetensors" -exec sha256sum {} + | cut -c1-64 | sort -u; }
check "the same sft" [ "$(hash_of "$WORK/s1" sft-)" = "$(hash_of "$WORK/s2" sft-)" ]
run_lldm store list "$store" --json
expect_code 0 "list"
count=$(python3 -c 'import json, sys; print(len(json.loads(sys.argv[1])["entries"]))' "$text")
check "15 pieces of work ($count)" [ "$count" -eq 15 ]
check "a measurement has the seed of its model" python3 - "$text" << 'PYTHON'
import json, sys
entries = json.loads(sys.argv[1])["entries"]
made = [e["seed"] for e in entries if e["stage"] == "tuned"]
measured = [e["seed"] for e in entries if e["model"] == "tuned"]
assert sorted(set(measured)) == [1, 3] and set(measured) <= set(made), (made, measured)
PYTHON
stored=$(cd "$store/work" && find . -type f | sort | xargs sha256sum)
echo changed >> "$(find "$WORK/s2" -path '*/sft-*/model/config.json')"
check "a run's folder is no part of the store" [ "$stored" = "$(cd "$store/work" && find . -type f | sort | xargs sha256sum)" ]
check "no link either" [ -z "$(find "$store/work" -type f -links +1)" ]
entry=$(find "$store" -name entry.json -exec grep -lE '"stage": "sft"' {} +)
printf x | dd of="$(dirname "$entry")/files/model/model.safetensors" bs=1 seek=2000 conv=notrunc 2> /dev/null
run_lldm run g.toml --out "$WORK/s3" --store "$store" --stage sft
expect_code 0 "a damaged entry"
expect_text "model.safetensors"
check "is told and made again" [ "$(made)" -eq 1 ]
run_lldm run g.toml --out "$WORK/s4" --store "$store" --stage sft
expect_text "reused 1, to do 0 (1 from the store)"
run_lldm run g.toml --out "$WORK/s5" --store "$store" --stage sft --set threads=2
expect_text "reused 0, to do 1"

echo "two at once"
for i in 1 2; do
  "$LLDM" run plain.toml --out "$WORK/at_once$i" --store "$WORK/store2" > "output$i" 2>&1 &
  at_once[i]=$!
done
wait "${at_once[1]}"; code=$?
expect_code 0 "one"
wait "${at_once[2]}"; code=$?
expect_code 0 "the other"
run_lldm store list "$WORK/store2"
expect_text "4 pieces of work"
check "nothing half-made is left" [ -z "$(find "$WORK/store2" -name '*.partial*')" ]

echo "prune"
run_lldm store prune "$store"
expect_code 2 "a limit must be given"
run_lldm store prune "$store" --max-size "1 B" --dry-run
expect_code 0 "dry"
expect_text "would remove"
check "nothing was removed" [ "$(ls "$store/work" | wc -l)" -ge 15 ]
run_lldm store prune "$store" --older-than 1
expect_text "0 pieces of work"
run_lldm store prune "$store" --max-size "1 B"
check "all is gone" [ -z "$(ls "$store/work")" ]
run_lldm store list "$WORK/nothing"
expect_code 2 "no store"
run_lldm run plain.toml --out "$WORK/s6" --store "$WORK/elsewhere"
expect_code 2 "a folder of other things is no store"

echo "a plugin of the command line"
plugin=$BUILD/lib/plugins/libmargin_objective.so
run_lldm run plain.toml --out "$WORK/plugin" --plugin "$plugin" --set 'tuned.objective={ type = "margin_dpo" }' --stage tuned
expect_code 0 "runs"
check "is in config.resolved.toml" grep -qE '^plugins = .*libmargin_objective.so' "$WORK/plugin/config.resolved.toml"
run_lldm run "$WORK/plugin/config.resolved.toml" --out "$WORK/plugin" --stage tuned
expect_text "reused 2, to do 0"
check "its content is in the hash of what uses it" grep -q '"plugins.margin_dpo": "sha256:' "$WORK/plugin/tuned/work.json"
check "and of nothing else" [ -z "$(grep plugins "$WORK/plugin/sft/work.json")" ]

echo "the words of a data file on an axis"
sed -i 's/type = "bytes"/type = "words"/' plain.toml
sed 's/ 2 =/ two =/; s/2 +/two +/' pairs.jsonl > words.jsonl
printf '[grid.axes]\n"tuned.data.file" = ["pairs.jsonl"]\n' >> plain.toml
run_lldm run plain.toml --out "$WORK/words"
expect_code 0 "runs"
sed -i 's/= \["pairs.jsonl"\]/= ["pairs.jsonl", "words.jsonl"]/' plain.toml
run_lldm run plain.toml --out "$WORK/words"
expect_code 2 "new words would change the vocabulary of a finished model"
expect_text 'stage "sft": the words of'
summary
