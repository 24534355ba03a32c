#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A grid of 2 betas and 2 seeds: shared stages run once, finished cells are skipped, several workers
# give the bits of one, and whatever is killed, the same command ends in the same report.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The smoke experiment with a grid behind it, and beta as a key of its own.
file=$WORK/grid.toml
sed '/^objective = /s/.*/objective = { type = "dpo", beta = 0.2 }/' "$SMOKE" > "$file"
cp "$file" "$WORK/base.toml"
cat >> "$file" << 'TOML'

[grid]
seeds = { values = [1, 2], from = "tuned" }
[grid.axes]
"tuned.objective.beta" = [0.1, 0.4]
TOML
run=$WORK/run

echo "plan"
run_lldm grid plan "$file" --out "$run" "${TINY[@]}"
expect_code 0 "is shown"
expect_text "4 cells"
sed "s#$WORK/##; s/^/    /" <<< "$text"
check "nothing was written" [ ! -e "$run" ]

echo "mistakes in [grid]"
with_grid() { # lines of [grid]; the plan in $text and $code
  { cat "$WORK/base.toml"; printf '[grid]\n%s\n' "$1"; } > "$WORK/other.toml"
  run_lldm grid plan "$WORK/other.toml" "${TINY[@]}"
}
with_grid 'axes = { "tuned.objective.betta" = [0.1, 0.4] }'
expect_code 2 "a misspelt axis is an error at plan time"
expect_text 'did you mean "beta"?'
check "the error has a place" grep -qE "^$WORK/other.toml:[0-9]+:[0-9]+: " <<< "$text"
with_grid 'tied = [{ "tuned.objective.betta" = [0.1, 0.4], "tuned.optimizer.steps" = [6, 3] }]'
expect_code 2 "a misspelt key of tied"
expect_text 'did you mean "beta"?'
with_grid $'axes = { "tuned.objective.beta" = [0.1, 0.4] }\nexclude = [{ "tuned.objective.betta" = 0.1 }]'
expect_code 2 "a misspelt key of exclude"
expect_text 'did you mean "tuned.objective.beta"?'
with_grid $'axes = { "tuned.objective.beta" = [0.1, 0.4] }\nexclude = [{ "tuned.objective.beta" = 0.3 }]'
expect_code 2 "an exclusion of nothing"
with_grid $'axes = { "tuned.objective.beta" = [0.1, 0.4] }\ntied = [{ "tuned.objective.beta" = [1.0], "tuned.optimizer.steps" = [3] }]'
expect_code 2 "two axes on one path"
expect_text 'two axes set "tuned.objective.beta"'
with_grid $'seeds = [1, 2]\ntied = [{ "tuned.objective.beta" = [0.1, 0.4], "tuned.optimizer.steps" = [6, 3] }]\nexclude = [{ "tuned.optimizer.steps" = 3, seed = 2 }]'
expect_code 0 "tied and exclude"
expect_text "3 cells"
expect_text "beta=0.4, steps=3, seed 1"

echo "run"
run_lldm grid run "$file" --out "$run" "${TINY[@]}"
expect_code 0 "runs"
results=$(cd "$run" && find . -name result.json | sort)
sed 's/^/    /' <<< "$results"
count() { grep -cE "$1" <<< "$results"; }
for stage in pretrain sft pairs; do
  check "$stage ran once" [ "$(count "/shared/$stage-[0-9a-f]+/result.json")" -eq 1 ]
done
check "tuned ran in 4 cells" [ "$(count '/cells/[^/]+/tuned/result.json')" -eq 4 ]
check "sft was measured once by scores" [ "$(count '/shared/scores/sft-[0-9a-f]+/result.json')" -eq 1 ]
check "tuned was measured in 4 cells" [ "$(count '/scores/tuned/result.json')" -eq 4 ]
check "the four models differ" [ "$(sha256sum "$run"/cells/*/tuned/model/model.safetensors | cut -c1-64 | sort -u | wc -l)" -eq 4 ]
python3 - "$run" << 'PYTHON'
import json, pathlib, sys
rows = json.loads((pathlib.Path(sys.argv[1]) / "report.json").read_text())["rows"]
cells = sorted((r["axes"].get("tuned.objective.beta"), r["seed"]) for r in rows
               if r["stage"] == "tuned" and r["evaluated_by"] == "scores")
print("  tuned, (beta, seed):", cells)
assert cells == [(0.1, 1), (0.1, 2), (0.4, 1), (0.4, 2)], cells
starts = [r for r in rows if r["stage"] == "sft" and r["evaluated_by"] == "scores"]
assert all(r["seed"] == 7 and r["axes"] == {} for r in starts), [(r["axes"], r["seed"]) for r in starts]
PYTHON
check "the rows of the report carry axes and seeds" [ $? -eq 0 ]
check "no time stands in report.md" [ -z "$(grep -E 'seconds|s per step|MiB' "$run/report.md" | grep -v -e costs.md -e 'finish in seconds')" ]

echo "again"
before=$(file_hashes "$run")
run_lldm grid run "$file" --out "$run" "${TINY[@]}"
expect_code 0 "ends well"
# promise 20: finished cells are skipped, no file changes
check "finished cells are skipped: no file changes" [ "$before" = "$(file_hashes "$run")" ]
[ "$before" = "$(file_hashes "$run")" ] || diff <(echo "$before") <(file_hashes "$run") | sed 's/^/    | /'

echo "one cell is lost"
models=$(model_hashes "$run")
lost=$(ls -d "$run"/cells/*/tuned | head -n 1)
rm -r "$lost"
run_lldm grid status "$run"
expect_code 0 "status"
expect_text "3 done, 0 running, 0 failed, 1 waiting, 4 cells"
sed "s#$WORK/##; s/^/    /" <<< "$text"
run_lldm run "$file" --out "$run" "${TINY[@]}"
expect_code 0 "lldm run makes it again"
check "only that one was trained" [ "$(grep -cE '^stage .* steps, ' <<< "$text")" -eq 1 ]
grep '^stage' <<< "$text" | sed 's/^/    /'
check "the models are the same as before" [ "$models" = "$(model_hashes "$run")" ]

# report.json without what the clock and the allocator said.
results_of() {
  python3 - "$1/report.json" << 'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
measured = set(report.pop("measured"))
def without(value):
    if isinstance(value, dict):
        return {k: without(v) for k, v in value.items() if k not in measured}
    return [without(v) for v in value] if isinstance(value, list) else value
print(json.dumps(without(report), sort_keys=True))
PYTHON
}
same_report() { # another folder
  check "report.md is the same" diff "$run/report.md" "$1/report.md"
  check "report.json is the same but for times" [ "$(results_of "$run")" = "$(results_of "$1")" ]
  check "the models are the same, bit for bit" [ "$models" = "$(model_hashes "$1")" ]
  for plot in "$run"/*.svg; do
    [[ $plot == *seconds* ]] || cmp -s "$plot" "$1/$(basename "$plot")" || check "$(basename "$plot") is the same" false
  done
}

echo "two workers"
run_lldm grid run "$file" --out "$WORK/two" --jobs 2 "${TINY[@]}"
expect_code 0 "run"
check "no worker was lost" [ -z "$(grep -F 'warning: worker' <<< "$text")" ]
check "both did something" [ "$(grep -lE '^stage' "$WORK"/two/workers/worker-[12].log | wc -l)" -eq 2 ]
same_report "$WORK/two"

echo "killed"
LONG=("${TINY[@]}" --set pretrain.optimizer.steps=150 --set pretrain.save_steps=4 --set tuned.optimizer.steps=100
  --set tuned.save_steps=3 --set tuned.logging_steps=3)
run_lldm grid run "$file" --out "$WORK/straight" "${LONG[@]}"
expect_code 0 "a longer one, left alone"
start() {
  "$LLDM" grid run "$file" --out "$WORK/killed" --jobs 2 "${LONG[@]}" > "$WORK/output" 2>&1 &
  background=$!
}
ended() {
  wait "$background" 2> /dev/null
  code=$?
  background=""
  text=$(< "$WORK/output")
}
has_checkpoint() { compgen -G "$WORK/killed/$1/checkpoints/step-*/MANIFEST.json" > /dev/null; }
state() { # what, of the status
  "$LLDM" grid status "$WORK/killed" --json 2> /dev/null | python3 -c '
import json, sys
print(json.load(sys.stdin)["counts"][sys.argv[1]])' "$1"
}
start
check "a checkpoint of the pretraining" wait_for "$background" 60 has_checkpoint 'shared/pretrain-*'
check "status: somebody is at it" [ "$(state running)" -eq 4 ]
kill -KILL "$background"
ended
check "the parent was killed (exit code $code)" [ "$code" -eq 137 ]
start
check "a checkpoint of a cell" wait_for "$background" 60 has_checkpoint 'cells/*/tuned'
worker=$(pgrep -P "$background" | head -n 1)
kill -KILL "$worker"
ended
expect_code 0 "a worker was killed: the other takes over"
expect_text "was killed by signal 9"
run=$WORK/straight models=$(model_hashes "$WORK/straight")
# promise 20: a grid whose master and worker were killed ends in the report and the bits of one left alone
same_report "$WORK/killed"
check "every cell is done" [ "$(state done)" -eq 4 ]

echo "SIGTERM, then resume from the folder alone"
rm -r "$WORK/killed"/cells/*/tuned "$WORK/killed"/cells/*/scores
start
check "a checkpoint of a cell" wait_for "$background" 60 has_checkpoint 'cells/*/tuned'
kill -TERM "$background"
ended
expect_code 75 "saves and stops"
mv "$file" "$WORK/away.toml"
run_lldm grid collect "$WORK/killed"
expect_code 0 "a report of what there is"
check "it says that it is partial" grep -q "Partial" "$WORK/killed/report.md"
run_lldm grid resume "$WORK/killed" --jobs 2
expect_code 0 "goes on without the file"
same_report "$WORK/killed"
mv "$WORK/away.toml" "$file"

echo "stages that start from a model folder"
cat > "$WORK/measure.toml" << TOML
name = "measure"
[[stage]]
name = "scores"
kind = "evaluate"
models = ["$run/shared/$(basename "$(ls -d "$run"/shared/sft-*)")/model"]
sampler = { type = "fixed_length", response_length = 8, steps = 2 }
task = { type = "word_problems", split = "test", rows = 2 }
[grid]
seeds = [1, 2]
TOML
sed -e "s|^models = .*|data = { generate = \"word_problems\", rows = 8 }|; s|evaluate|sft|; /^sampler/d; /^task/d" \
  -e "s|^name = \"measure\"|&\n[model]\npath = \"$(ls -d "$run"/shared/sft-*)/model\"|" "$WORK/measure.toml" > "$WORK/tune.toml"
sed -i '/^data/a optimizer = { steps = 1 }' "$WORK/tune.toml"
for kind in measure tune; do
  run_lldm grid run "$WORK/$kind.toml" --out "$WORK/$kind" --jobs 2
  expect_code 0 "$kind: run by two workers"
  run_lldm grid resume "$WORK/$kind"
  expect_code 0 "$kind: config.resolved.toml is the same experiment"
  expect_text ", to do 0"
done

echo "a cell that fails"
{ cat "$WORK/base.toml"; printf '[grid.axes]\n"tuned.optimizer.learning_rate" = [1e30, 1e-4]\n'; } > "$WORK/fails.toml"
FAILS=("${TINY[@]}" --set tuned.optimizer.max_gradient_norm=0)
run_lldm grid run "$WORK/fails.toml" --out "$WORK/fails" --jobs 2 "${FAILS[@]}"
expect_code 1 "is told at the end"
expect_text "--retry-failed tries them again"
expect_text "tuned, learning_rate=1e+30"
run_lldm grid status "$WORK/fails" --json
check "status knows it and the error" python3 -c '
import json, sys
status = json.loads(sys.argv[1])
cells = {cell["axes"]["tuned.optimizer.learning_rate"]: cell for cell in status["cells"]}
assert cells[1e-4]["state"] == "done" and cells[1e-4]["error"] is None
assert cells[1e30]["state"] == "failed" and "tuned" in cells[1e30]["error"]' "$text"
record=$(ls "$WORK"/fails/cells/*/tuned/failed.json)
before=$(stat -c %Y%s "$record")
run_lldm grid run "$WORK/fails.toml" --out "$WORK/fails" "${FAILS[@]}"
expect_code 1 "the same command does not try it again"
check "the record is untouched" [ "$before" = "$(stat -c %Y%s "$record")" ]
run_lldm grid resume "$WORK/fails" --retry-failed
expect_code 1 "--retry-failed does"
check "it has trained again" grep -q "^stage" <<< "$text"

echo "emit"
away="$WORK/it's a \$HOME; \`x\`"
run_lldm grid emit "$file" --slurm --out "$away" --cells-per-task 3 "${TINY[@]}"
expect_code 0 "writes a script"
check "bash reads it" bash -n "$away/grid.sbatch"
check "two tasks" grep -qx '#SBATCH --array=0-1' "$away/grid.sbatch"
mkdir "$WORK/bin"
printf '#!/bin/sh\necho "$@" >> "%s/requeued"\n' "$WORK" > "$WORK/bin/scontrol"
chmod +x "$WORK/bin/scontrol"
for task in 0 1; do
  PATH=$WORK/bin:$PATH SLURM_JOB_ID=77 SLURM_ARRAY_JOB_ID=70 SLURM_ARRAY_TASK_ID=$task bash "$away/grid.sbatch" > "$WORK/output" 2>&1 &
  tasks[task]=$!
done
wait "${tasks[0]}"; code=$?
expect_code 0 "task 0"
wait "${tasks[1]}"; code=$?
expect_code 0 "task 1"
run_lldm grid collect "$away"
expect_code 0 "collects"
run=$WORK/two models=$(model_hashes "$WORK/two")
same_report "$away"
run_lldm grid emit "$file" --slurm --out "$WORK/slow" --cells-per-task 4 "${LONG[@]}" --set pretrain.optimizer.steps=400
PATH=$WORK/bin:$PATH SLURM_JOB_ID=78 SLURM_ARRAY_JOB_ID=71 SLURM_ARRAY_TASK_ID=0 bash "$WORK/slow/grid.sbatch" > "$WORK/output" 2>&1 &
background=$!
check "a task is at work" wait_for "$background" 60 compgen -G "$WORK/slow/shared/pretrain-*/checkpoints/step-*/MANIFEST.json" > /dev/null
kill -TERM "$background"
ended
expect_code 75 "the signal before the limit: saves"
check "and is queued again" grep -qx 'requeue 71_0' "$WORK/requeued"

echo "reports of several runs"
run_lldm report "$WORK/two" "$WORK/straight" --out "$WORK/both"
expect_code 0 "are put together"
check "a row for what both measured, one each for what they did not" python3 - "$WORK" << 'PYTHON'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
rows = {run: {r["hash"] for r in json.loads((work / run / "report.json").read_text())["rows"]}
        for run in ("two", "straight", "both")}
assert rows["both"] == rows["two"] | rows["straight"], rows
PYTHON
run_lldm report "$WORK/two" "$WORK/straight"
expect_code 2 "where to must be said"

echo "exports name cells by axes and seed"
run_lldm export "$WORK/two" --csv "$WORK/metrics.csv"
expect_code 0 "CSV"
check "columns" grep -q '^stage,step,wall_time,seed,tuned.objective.beta,' "$WORK/metrics.csv"
check "a row of a cell" grep -qE '^tuned,[0-9]+,[0-9.]+,2,0.4,' "$WORK/metrics.csv"
summary
