#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A run that several processes share is the run of one: its curve, with a fixed order of the sums its bits, whoever
# resumes it; and one that is killed ends the others, which say who it was.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Three stages that train and what they need; 4 micro-batches a step, so that 4 processes have one each.
SHORT=("${TINY[@]}" --set pretrain.logging_steps=1 --set sft.logging_steps=1 --set tuned.logging_steps=1
  --set pretrain.optimizer.batch_size=4 --set pretrain.optimizer.gradient_accumulation_steps=4
  --set sft.optimizer.batch_size=4 --set sft.optimizer.gradient_accumulation_steps=4
  --set tuned.optimizer.batch_size=2 --set tuned.optimizer.gradient_accumulation_steps=4 --stage tuned)
# By a profile of which nothing is left if processes divide it: without a budget they do not.
sed -e 's/total = .*/total = "398 MiB"/' -e 's/context = .*/context = "198 MiB"/' "$SOURCE/profiles/cpu.toml" > "$WORK/narrow.toml"
ORDERED=(--set pretrain.reduction=ordered --set sft.reduction=ordered --set tuned.reduction=ordered
  --set "memory.profile=\"$WORK/narrow.toml\"")
# Long enough to be hit in the middle.
LONG=(--set sft.optimizer.steps=400 --set sft.save_steps=5)

launch() { # processes, folder, then arguments of run
  local processes=$1 out=$2
  shift 2
  run_lldm launch --processes "$processes" -- run "$SMOKE" --out "$out" "$@"
}
same_curves() { # folder, folder, tolerance
  python3 - "$@" << 'PYTHON'
import json, sys
def lines(folder):
    return [json.loads(line) for line in open(folder + "/metrics.jsonl")]
a, b, tolerance = lines(sys.argv[1]), lines(sys.argv[2]), float(sys.argv[3])
assert len(a) == len(b) > 10, (len(a), len(b))
largest = 0.0
for one, other in zip(a, b):
    assert one.keys() == other.keys(), (one.keys() ^ other.keys(), one["stage"], one["step"])
    for name, value in one.items():
        if not isinstance(value, float) or "second" in name or name == "wall_time" or "bytes" in name:
            continue
        largest = max(largest, abs(value - other[name]) / (1 + abs(value)))
print(f"    {len(a)} lines, largest relative difference {largest:.2g}")
sys.exit(largest > tolerance)
PYTHON
}

echo "one, two and four processes"
run_lldm run "$SMOKE" --out "$WORK/1" "${SHORT[@]}"
expect_code 0 "one"
for processes in 2 4; do
  begin=$SECONDS
  launch $processes "$WORK/$processes" "${SHORT[@]}"
  expect_code 0 "$processes, in $((SECONDS - begin)) s"
  expect_text "[0] stage sft: "
  expect_text "$processes processes"
  expect_text "done by rank 0 alone"
  check "rank 0 alone speaks" [ -z "$(grep -E '^\[[123]\]' <<< "$text")" ]
  check "the curves of one" same_curves "$WORK/1" "$WORK/$processes" 2e-4
done
check "the files of one" [ "$(cd "$WORK/1" && find . -type f | grep -v tfevents | sort)" = \
  "$(cd "$WORK/2" && find . -type f | grep -v tfevents | sort)" ]
begin=$(file_hashes "$WORK/2")
launch 2 "$WORK/2" "${SHORT[@]}"
expect_code 0 "the same command again"
check "changes no file" [ "$begin" = "$(file_hashes "$WORK/2")" ]

echo "planned as what one of them holds"
planned() { # folder: of every training stage, the plan beside the most that any process held
  python3 - "$1" << 'PYTHON'
import json, pathlib, sys
count = 0
for stage in ("pretrain", "sft", "tuned"):
    result = json.loads((pathlib.Path(sys.argv[1]) / stage / "result.json").read_text())
    predicted, seen = result["predicted_peak_bytes"], result["peak_bytes"]
    allowed = max(65536 if seen < 1 << 20 else 0, 0.05 * seen)
    print(f"    {stage}: predicted {predicted}, held {seen}, {predicted / seen - 1:+.1%}")
    count += abs(predicted - seen) <= allowed
sys.exit(count != 3)
PYTHON
}
SPLIT=("${SHORT[@]}" --set pretrain.optimizer.gradient_accumulation_steps=1
  --set sft.optimizer.gradient_accumulation_steps=1 --set tuned.optimizer.gradient_accumulation_steps=1
  --set pretrain.optimizer.batch_size=16 --set sft.optimizer.batch_size=16 --set tuned.optimizer.batch_size=8)
run_lldm run "$SMOKE" --out "$WORK/split1" "${SPLIT[@]}"
expect_code 0 "one"
check "within 5 %" planned "$WORK/split1"
launch 2 "$WORK/split2" "${SPLIT[@]}"
expect_code 0 "two"
check "within 5 %" planned "$WORK/split2"
launch 2 "$WORK/split2o" "${SPLIT[@]}" "${ORDERED[@]}"
expect_code 0 "two, in order"
check "within 5 %" planned "$WORK/split2o"
least=$(python3 -c "
import json
print(json.load(open('$WORK/split2/pretrain/result.json'))['predicted_peak_bytes'])")
launch 2 "$WORK/short" "${SPLIT[@]}" --set "memory.budget=\"$(((least + least / 2) / 1024)) KiB\""
expect_code 3 "each of them has its part of the budget: refused before the first step"
expect_text "out of memory before the first step: the plan needs"
expect_text "which 2 processes of a machine divide"

echo "stages without training, by rows"
cat > "$WORK/rows.toml" << TOML
extends = ["$SMOKE"]

[[stage]]
name = "sampled"
kind = "synthesize"
from = "sft"
task = { type = "word_problems", split = "train", rows = 30, stories = "owner" }
samples_per_prompt = 3
sampler = { type = "fixed_length", response_length = 30, steps = 10, temperature = 1.0 }

[[stage]]
name = "variances"
kind = "study"
from = "tuned"
reference = "sft"
pairs = { stage = "pairs" }
limit = 6
repeats = 6
truth_draws = 16
response_length = 30
score_estimators = [{ type = "monte_carlo_elbo", draws = 2 },
  { type = "adaptive", score_estimator = { type = "monte_carlo_elbo", draws = 2 } }]
TOML
BY_ROWS=(sampled scores detection texts variances)
run_lldm run "$WORK/rows.toml" --out "$WORK/rows1" "${TINY[@]}" --set scores.task.rows=10
expect_code 0 "one"
same_results() { # folder, folder: every file of these stages, timings apart
  python3 - "$@" "${BY_ROWS[@]}" << 'PYTHON'
import json, pathlib, sys
def without_seconds(value):
    if isinstance(value, dict):
        return {key: without_seconds(one) for key, one in value.items() if "second" not in key}
    return [without_seconds(one) for one in value] if isinstance(value, list) else value
one, other = map(pathlib.Path, sys.argv[1:3])
count = 0
for stage in sys.argv[3:]:
    files = sorted(file.relative_to(one) for file in (one / stage).rglob("*.json*") if file.name != "MANIFEST.json")
    assert files, stage
    for file in files:
        texts = [(folder / file).read_text() for folder in (one, other)]
        if file.name == "result.json":
            texts = [without_seconds(json.loads(text)) for text in texts]
            assert not any("unscoped_bytes" in text for text in texts), f"{file}: memory without a purpose"
        assert texts[0] == texts[1], f"{file}\n  {texts[0]}\n  {texts[1]}"
        count += 1
print(f"    {count} files")
PYTHON
}
for processes in 2 4; do
  cp -r "$WORK/rows1" "$WORK/rows$processes"
  for stage in "${BY_ROWS[@]}"; do rm -r "$WORK/rows$processes/$stage"; done
  run_lldm launch --processes $processes -- run "$WORK/rows.toml" --out "$WORK/rows$processes" "${TINY[@]}" \
    --set scores.task.rows=10
  expect_code 0 "$processes"
  expect_no_text "done by rank 0 alone"
  check "the results of one, to the bit" same_results "$WORK/rows1" "$WORK/rows$processes"
done

echo "a fixed order of the sums"
run_lldm run "$SMOKE" --out "$WORK/o1" "${SHORT[@]}" "${ORDERED[@]}"
expect_code 0 "one"
wanted=$(model_hashes "$WORK/o1")
for processes in 2 4; do
  launch $processes "$WORK/o$processes" "${SHORT[@]}" "${ORDERED[@]}"
  expect_code 0 "$processes"
  check "the bits of one" [ "$wanted" = "$(model_hashes "$WORK/o$processes")" ]
  check "the curves of one, to the bit" same_curves "$WORK/o1" "$WORK/o$processes" 0
done
launch 3 "$WORK/o3" "${SHORT[@]}" "${ORDERED[@]}"
expect_text "4 a step among 3 processes"
check "three processes: the bits of one too" [ "$wanted" = "$(model_hashes "$WORK/o3")" ]

echo "stopped and resumed by 2, 1, 4 processes"
run=$WORK/resumed
has_step() { # at least this checkpoint of the SFT
  local newest
  newest=$(ls "$run/sft/checkpoints" 2> /dev/null | grep -E '^step-[0-9]{8}$' | tail -n 1)
  [ -n "$newest" ] && [ "$((10#${newest#step-}))" -ge "$1" ] && [ -s "$run/sft/checkpoints/$newest/MANIFEST.json" ]
}
start() { # processes: in the background
  if [ "$1" -eq 1 ]; then set -- "$LLDM"; else set -- "$LLDM" launch --processes "$1" --; fi
  "$@" run "$SMOKE" --out "$run" "${SHORT[@]}" "${ORDERED[@]}" "${LONG[@]}" > "$WORK/output" 2>&1 &
  background=$!
}
ended() { # the exit code in $code
  wait "$background" 2> /dev/null
  code=$?
  background=""
  text=$(< "$WORK/output")
}
run_lldm run "$SMOKE" --out "$WORK/straight" "${SHORT[@]}" "${ORDERED[@]}" "${LONG[@]}"
expect_code 0 "left alone"
for stop in "2 10" "1 30" "4 50"; do
  start ${stop% *}
  check "a checkpoint of ${stop% *}" wait_for "$background" 60 has_step ${stop#* }
  kill -TERM "$background"
  ended
  expect_code 75 "stopped by SIGTERM"
  expect_text "the same command goes on from there"
done

echo "killed"
rank_of() { # rank: its process
  local child
  for child in $(cat "/proc/$background/task/$background/children"); do
    tr '\0' '\n' < "/proc/$child/environ" | grep -qx "RANK=$1" && echo "$child"
  done
}
for victim in 1 0; do
  start 2
  check "a checkpoint of two" wait_for "$background" 60 has_step $((90 - 20 * victim))
  process=$(rank_of $victim)
  begin=$SECONDS
  kill -KILL "$process"
  ended
  expect_code 137 "rank $victim is killed: the launcher's code"
  check "all have ended within $((SECONDS - begin)) s" [ $((SECONDS - begin)) -lt 30 ]
  expect_text "[$((1 - victim))] rank $victim (host $(hostname), pid $process) was killed by signal 9"
done
start 2
ended
expect_code 0 "the same command goes on"
check "the bits of a run that was left alone" [ "$(model_hashes "$WORK/straight")" = "$(model_hashes "$run")" ]

echo "killed elsewhere"
in_phase() { # phase: whether it is under way
  case $1 in
    start) true ;;
    filling) [ -n "$(find "$run-cache" -type f -size +20k 2> /dev/null)" ] ;;
    writing) ls "$run/sft/checkpoints" 2> /dev/null | grep -qvE '^step-[0-9]{8}$' ;;
    evaluating) [ -e "$run/scores/sft/work.json" ] ;;
  esac
}
for phase in start filling writing evaluating; do
  run=$WORK/$phase
  case $phase in
    filling) long=(--set tuned.score_estimator.draws=200 --set "tuned.reference.cache=$run-cache" --stage tuned) ;;
    writing) long=("${LONG[@]}" --set sft.save_steps=1 --set model.width=128 --stage sft) ;;
    evaluating) long=(--set scores.task.rows=1500 --stage scores) ;;
    start) long=(--set pretrain.optimizer.steps=300 --stage pretrain) ;;
  esac
  for victim in 1 0; do
    "$LLDM" launch --processes 2 -- run "$SMOKE" --out "$run" "${TINY[@]}" "${long[@]}" > "$WORK/output" 2>&1 &
    background=$!
    check "$phase: under way" wait_for "$background" 60 in_phase $phase
    process=""
    for ((i = 0; i < 200; i++)); do
      process=$(rank_of $victim 2> /dev/null)
      [ -n "$process" ] && break
      sleep 0.01
    done
    begin=$SECONDS
    kill -KILL "$process"
    ended
    expect_code 137 "rank $victim is killed while $phase"
    check "all have ended within $((SECONDS - begin)) s" [ $((SECONDS - begin)) -lt 30 ]
    expect_text "rank $victim (pid $process) was killed by signal 9"
  done
  run_lldm launch --processes 2 -- run "$SMOKE" --out "$run" "${TINY[@]}" "${long[@]}"
  expect_code 0 "$phase: the same command goes on"
done

echo "other launchers"
run=$WORK/other
by_hand() { # rank, then variables: the process in $background
  env WORLD_SIZE=2 RANK="$1" MASTER_ADDR=127.0.0.1 MASTER_PORT="$port" "$LLDM" run "$SMOKE" --out "$run" \
    "${SHORT[@]}" "${LONG[@]}" > "$WORK/output.$1" 2>&1 &
}
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
for victim in 1 0; do
  port=$(free_port)
  by_hand 0
  zero=$!
  by_hand 1
  one=$!
  background=$zero
  check "torchrun's variables: a checkpoint" wait_for "$zero" 60 has_step $((30 - 20 * victim))
  processes=("$zero" "$one")
  begin=$SECONDS
  kill -KILL "${processes[victim]}"
  wait "${processes[1 - victim]}"
  code=$?
  wait "${processes[victim]}" 2> /dev/null
  background=""
  text=$(< "$WORK/output.$((1 - victim))")
  expect_code 1 "rank $victim is killed, and nobody says so"
  check "the other has ended within $((SECONDS - begin)) s" [ $((SECONDS - begin)) -lt 30 ]
  expect_text "rank $victim (host $(hostname), pid ${processes[victim]})"
done
step() { # rank: a task of a step of srun
  env SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NUM_NODES=1 SLURM_PROCID="$1" SLURM_LOCALID="$1" SLURM_JOB_ID=$$ \
    SLURM_STEP_ID=0 "$LLDM" run "$SMOKE" --out "$WORK/srun" "${SHORT[@]}" 2>&1
}
step 1 > "$WORK/output" &
background=$!
text=$(step 0)
code=$?
expect_code 0 "srun's variables: rank 0"
ended
expect_code 0 "rank 1"
check "the curves of one" same_curves "$WORK/1" "$WORK/srun" 2e-4
if python3 -c 'import torch.distributed.run' 2> /dev/null; then
  text=$(python3 -m torch.distributed.run --no-python --nproc-per-node 2 --master-port "$(free_port)" \
    "$LLDM" run "$SMOKE" --out "$WORK/torchrun" "${SHORT[@]}" 2>&1)
  code=$?
  expect_code 0 "torchrun"
  check "the curves of one" same_curves "$WORK/1" "$WORK/torchrun" 2e-4
else
  echo "  left out: torchrun (this python3 has no torch)"
fi

echo "a budget that is divided: what one process made with half of it is found"
run_lldm run "$SMOKE" --out "$WORK/halves" "${SHORT[@]}" --set 'tuned.gradient_path="pairwise"' --set 'memory.budget="64 MiB"'
expect_code 0 "one process"
launch 2 "$WORK/halves" "${SHORT[@]}" --set 'tuned.gradient_path="pairwise"' --set 'memory.budget="128 MiB"'
expect_code 0 "two, with twice the budget"
expect_text "to do 0"

echo "a cell of a grid that fails on rank 0 alone, between two steps"
cat > "$WORK/grid.toml" << 'TOML'
name = "grid"
threads = 1
[model]
width = 64
layers = 2
heads = 4
[[stage]]
name = "sft"
kind = "sft"
data = { generate = "word_problems", form = "verbose", rows = 40 }
optimizer = { steps = 4, batch_size = 2, gradient_accumulation_steps = 2, learning_rate = 1e-3 }
save_steps = 2
[grid.axes]
"sft.optimizer.learning_rate" = [1e-3, 2e-3]
TOML
text=$(ulimit -f 600; timeout 120 "$LLDM" launch --processes 2 -- run "$WORK/grid.toml" --out "$WORK/grid" 2>&1)
code=$?
expect_code 1 "checkpoints that cannot be written"
expect_text "File too large"
expect_text "2 of 2 pieces of work failed"

echo "what cannot be"
launch 2 "$WORK/none" --set sft.optimizer.learning_rate=-1
expect_code 2 "a bad value"
expect_text "must be above 0"
run_lldm launch -- run "$SMOKE"
expect_code 2 "no number of processes"
run_lldm launch --processes 2 -- validate "$SMOKE"
expect_code 2 "a command of one process"
env RANK=3 WORLD_SIZE=2 "$LLDM" run "$SMOKE" > "$WORK/output" 2>&1
code=$? text=$(< "$WORK/output")
expect_code 2 "variables that contradict one another"
expect_text "MASTER_ADDR is not set"
expect_text "the rank is 3 of 2 processes"
summary
