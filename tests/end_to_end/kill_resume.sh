#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A run that is killed, stopped or damaged ends in the bits of one that was left alone.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Long enough to be hit in the middle; a checkpoint often.
LONG=("${TINY[@]}" --set pretrain.optimizer.steps=60 --set pretrain.save_steps=5
  --set pretrain.logging_steps=5 --set sft.optimizer.steps=30 --set sft.save_steps=5
  --set sft.logging_steps=5 --set tuned.optimizer.steps=240 --set tuned.save_steps=3
  --set tuned.logging_steps=3)
run=$WORK/run

start() { # run folder: in the background, its process in $background
  "$LLDM" run "$SMOKE" --out "$1" "${LONG[@]}" > "$WORK/output" 2>&1 &
  background=$!
}
ended() { # waits; the exit code in $code
  wait "$background" 2> /dev/null
  code=$?
  background=""
  text=$(< "$WORK/output")
}
has_step() { # stage, at least this checkpoint
  local newest
  newest=$(ls "$run/$1/checkpoints" 2> /dev/null | grep -E '^step-[0-9]{8}$' | tail -n 1)
  [ -n "$newest" ] && [ "$((10#${newest#step-}))" -ge "$2" ] && [ -s "$run/$1/checkpoints/$newest/MANIFEST.json" ]
}
has_lines() { # at least so many lines of metrics
  [ -f "$run/metrics.jsonl" ] && [ "$(wc -l < "$run/metrics.jsonl")" -ge "$1" ]
}
is_shown() { "$LLDM" grid status "$run" 2> /dev/null | grep -q "running: .*pid $background"; }
kill_when() { # what, then a command
  local what=$1
  shift
  start "$run"
  check "$what" wait_for "$background" 60 "$@"
  kill -STOP "$background"  # so that it goes no further while it is looked at
  [ "$1" != has_step ] || check "grid status shows who is at work" is_shown
  kill -KILL "$background" 2> /dev/null
  ended
  check "killed in the middle (exit code $code)" [ "$code" -eq 137 ]
}

echo "left alone"
run_lldm run "$SMOKE" --out "$WORK/straight" "${LONG[@]}"
expect_code 0 "runs"
wanted=$(model_hashes "$WORK/straight")
sed 's/^/    /' <<< "$wanted" | cut -c1-20,69-

echo "killed, again and again"
# promise 1: SIGKILL in pretraining, SFT and preference tuning, each followed by a resume
kill_when "a checkpoint of the pretraining" has_step pretrain 10
kill_when "some lines of metrics later" has_lines 8
kill_when "a checkpoint of the SFT" has_step sft 10
kill_when "a checkpoint of the preference tuning" has_step tuned 6

echo "a flipped byte in the newest checkpoint"
newest=$(ls "$run/tuned/checkpoints" | grep -E '^step-[0-9]{8}$' | tail -n 1)
file=$run/tuned/checkpoints/$newest/model/weights.safetensors
python3 - "$file" << 'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-100, 2)
    byte = file.read(1)[0]
    file.seek(-100, 2)
    file.write(bytes([byte ^ 1]))
PYTHON
start "$run"
# promise 4: a flipped byte in the newest checkpoint: the one before is taken, with a warning that names the file
check "goes on from the one before" wait_for "$background" 60 has_step tuned "$((10#${newest#step-} + 3))"
echo "another process in the same folder"
kill -STOP "$background"  # so that it cannot end meanwhile
run_lldm run "$SMOKE" --out "$run" "${LONG[@]}"
# promise 21: a second process in a run's folder is refused with the first one's pid
expect_code 1 "is refused"
expect_text "in use by another process"
expect_text "pid $background"

echo "SIGTERM"
kill -TERM "$background"
kill -CONT "$background"
ended
# promise 8: SIGTERM saves and exits with 75
expect_code 75 "saves and stops"
expect_text "warning: "
expect_text "$newest"
check "the warning names the damaged file" grep -q "warning:.*$newest.*passed over.*weights.safetensors" <<< "$text"
grep "warning:" <<< "$text" | sed "s#$WORK/##; s/^/    /"

echo "--resume"
newest=$(ls "$run/tuned/checkpoints" | grep -E '^step-[0-9]{8}$' | tail -n 1)
run_lldm run "$SMOKE" --out "$run" "${LONG[@]}" --resume "$run/tuned/checkpoints/no_such_step"
expect_code 2 "a folder that is not there"
run_lldm run "$SMOKE" --out "$run" "${LONG[@]}" --resume "$run/tuned"
expect_code 2 "a folder that is no checkpoint"
expect_text "no checkpoint of a stage of this run"
run_lldm run "$SMOKE" --out "$run" "${LONG[@]}" --resume "$run/sft/checkpoints/$(ls "$run/sft/checkpoints" | tail -n 1)"
expect_code 2 "a checkpoint of a finished stage"
expect_text "is finished"
oldest=$(ls "$run/tuned/checkpoints" | grep -E '^step-[0-9]{8}$' | head -n 1)
# promise 7: the newest two are kept while training goes on
check "two checkpoints are kept" [ "$oldest" != "$newest" ]
run_lldm run "$SMOKE" --out "$run" "${LONG[@]}" --resume "$run/tuned/checkpoints/$oldest/"
expect_code 0 "an older checkpoint than the newest"
expect_text "goes on after step $((10#${oldest#step-}))"

echo "the same command once more"
run_lldm run "$SMOKE" --out "$run" "${LONG[@]}"
expect_code 0 "finishes"
# promise 1, 2: models after kills, stop and damage are bit-equal to those of a run left alone
check "the models are those of the run left alone, bit for bit" [ "$wanted" = "$(model_hashes "$run")" ]
python3 - "$run" "$WORK/straight" << 'PYTHON'
import json, pathlib, sys
def read(folder):
    lines = [json.loads(line) for line in (pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()]
    keys = [(l["stage"], l["step"], "train" if "train/loss" in l else "validation") for l in lines]
    loss = {k: l.get("train/loss", l.get("validation/loss")) for k, l in zip(keys, lines)}
    return keys, loss
(keys, loss), (wanted, wanted_loss) = read(sys.argv[1]), read(sys.argv[2])
twice = sorted({key for key in keys if keys.count(key) > 1})
assert not twice, f"twice: {twice}"
assert sorted(keys) == sorted(wanted), f"missing {sorted(set(wanted) - set(keys))}, more {sorted(set(keys) - set(wanted))}"
differing = [key for key in keys if loss[key] != wanted_loss[key]]
print(f"  ok: {len(keys)} lines of metrics; losses that differ from the run left alone: {differing}")
assert not differing, differing
PYTHON
# promise 19: after kills and resumes metrics.jsonl has every step once, with the same losses
check "metrics.jsonl has every step once" [ $? -eq 0 ]
summary
