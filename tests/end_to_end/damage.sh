#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is loaded is what was published: damage is refused by name, broken weights are never kept, stops save.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run=$WORK/run

flip() { # file, seed: one random bit, behind the eighth byte
  python3 - "$1" "$2" << 'PYTHON'
import os, random, sys
r = random.Random(int(sys.argv[2]) * 7919)
at = r.randrange(min(8, os.path.getsize(sys.argv[1]) - 1), os.path.getsize(sys.argv[1]))
with open(sys.argv[1], "r+b") as file:
    file.seek(at)
    byte = file.read(1)[0]
    file.seek(at)
    file.write(bytes([byte ^ (1 << r.randrange(8))]))
PYTHON
}
refused() { # file name, what; true if the last command refused it by name
  check "$2 (exit code $code)" [ "$code" -eq 2 ]
  check "  names $1" grep -qF -- "$1" <<< "$text"
  check "  says no raw JSON exception" [ -z "$(grep -F 'json.exception' <<< "$text")" ]
  { [ "$code" -eq 2 ] && grep -qF -- "$1" <<< "$text"; } || printf '%s\n' "$text" | tail -n 8 | sed 's/^/    | /'
}
score() { run_lldm score "$1" "$WORK/pairs.jsonl" --estimator monte_carlo_elbo --draws-seed 1 --json; }
again() { run_lldm run "$SMOKE" --out "$run" "${TINY[@]}"; }

printf '{"prompt":"ann has 2 apples .","chosen":"#### 2","rejected":"#### 3"}\n' > "$WORK/pairs.jsonl"
run_lldm run "$SMOKE" --out "$run" "${TINY[@]}"
expect_code 0 "runs"
cp -r "$run" "$WORK/whole"
model=$WORK/whole/sft/model

echo "a model folder"
score "$model"
expect_code 0 "whole: scores"
check "and nothing else is said" [ "$(wc -l <<< "$text")" -eq 1 ]
seen=0
for seed in $(seq 1 20); do
  rm -rf "$WORK/bad"; cp -r "$model" "$WORK/bad"
  flip "$WORK/bad/model.safetensors" "$seed"
  score "$WORK/bad"
  [ "$code" -eq 2 ] && grep -q 'model.safetensors' <<< "$text" && seen=$((seen + 1))
done
# promise 5: 20 of 20 flipped bits of published weights are named
check "20 of 20 flipped bits of the weights are named ($seen)" [ "$seen" -eq 20 ]
for file in config.json lldm_tokenizer.json template.toml MANIFEST.json; do
  [ -f "$model/$file" ] || { check "the model has $file" false; continue; }
  for seed in 1 2 3; do
    rm -rf "$WORK/bad"; cp -r "$model" "$WORK/bad"
    flip "$WORK/bad/$file" "$seed"
    score "$WORK/bad"
    # promise 5, 18: a flipped bit of config, tokenizer, template or manifest is refused by name
    refused "$file" "a flipped bit of $file"
  done
done
rm -rf "$WORK/bad"; cp -r "$model" "$WORK/bad"; truncate -s -1 "$WORK/bad/model.safetensors"
score "$WORK/bad"; refused model.safetensors "weights cut short"
rm -rf "$WORK/bad"; cp -r "$model" "$WORK/bad"; rm "$WORK/bad/template.toml"
score "$WORK/bad"; refused template.toml "a missing file"
run_lldm evaluate "$model" --task word_problems --limit 2 --json
expect_code 0 "lldm evaluate --json"
check "prints one object of metrics" python3 -c 'import json, sys; assert json.loads(sys.argv[1].splitlines()[-1])["items"] == 2' "$(printf '%s' "$text")"
rm -rf "$WORK/bad"; cp -r "$model" "$WORK/bad"; cp "$model/config.json" "$WORK/bad/tokenizer_config.json"
score "$WORK/bad"; refused tokenizer_config.json "a file that was not published"
rm -rf "$WORK/bad"; cp -r "$model" "$WORK/bad"; flip "$WORK/bad/model.safetensors" 1
everywhere() { # model folder, file, what to do about it
  run_lldm sample "$1" --prompt "ann has 2 apples ."; refused "$2" "lldm sample"; expect_text "$3"
  run_lldm evaluate "$1" --task word_problems --limit 2; refused "$2" "lldm evaluate"; expect_text "$3"
  run_lldm score "$1" "$WORK/pairs.jsonl"; refused "$2" "lldm score"; expect_text "$3"
}
run_lldm score "$model" "$WORK/pairs.jsonl" --reference "$WORK/bad"; refused model.safetensors "lldm score --reference"
everywhere "$WORK/bad" model.safetensors "copy it again from the run that wrote it, or fetch it again"
flip "$run/sft/model/model.safetensors" 1
everywhere "$run/sft/model" model.safetensors "remove $run/sft and give the same command of its run again"
rm -rf "$run"; cp -r "$WORK/whole" "$run"
for file in config.json lldm_tokenizer.json model.safetensors; do
  rm -rf "$WORK/bad"; cp -r "$model" "$WORK/bad"; rm "$WORK/bad/MANIFEST.json"; truncate -s 40 "$WORK/bad/$file"
  everywhere "$WORK/bad" "$file" "fetch it again"
done
run_lldm data inspect "$WORK/pairs.jsonl" --tokenizer "$model"; expect_code 0 "data inspect"
cp -r "$run" "$WORK/next"; rm -r "$WORK/next/tuned"; flip "$WORK/next/sft/model/model.safetensors" 3
run_lldm run "$SMOKE" --out "$WORK/next" "${TINY[@]}"; refused model.safetensors "the next stage"
rm -rf "$WORK/bad"; cp -r "$model" "$WORK/bad"; rm "$WORK/bad/MANIFEST.json"
score "$WORK/bad"
expect_code 0 "a folder without a manifest is taken"
check "and that is said once" [ "$(grep -c 'without MANIFEST.json' <<< "$text")" -eq 1 ]

echo "numbers that are not finite"
python3 - "$WORK/bad/model.safetensors" << 'PYTHON'
import struct, sys
with open(sys.argv[1], "r+b") as file:
    file.seek(8 + struct.unpack("<Q", file.read(8))[0])
    file.write(struct.pack("<f", float("nan")))
PYTHON
score "$WORK/bad"; refused "model.safetensors" "weights with a NaN, no manifest"
run_lldm run "$SMOKE" --out "$WORK/nan" "${TINY[@]}" --set tuned.optimizer.learning_rate=1e38 \
  --set tuned.optimizer.steps=1 --set tuned.validation_rows=0
expect_code 1 "a broken model"
# promise 9: a model with broken weights is not published
check "is not published" [ ! -e "$WORK/nan/tuned/model" -a ! -e "$WORK/nan/tuned/best" ]
expect_text 'stage "tuned"'
check "says finite" grep -qi finite <<< "$text"

echo "finished work"
again
expect_code 0 "whole: nothing is done again"
damaged() { # file of the run, what is named
  rm -rf "$run"; cp -r "$WORK/whole" "$run"
  flip "$run/$1" 5
  again; refused "$2" "a flipped bit of $1"
}
damaged sft/result.json result.json
first_other() { cmp "$1" "$2" | sed 's/.*line //'; }
for file in pairs/pairs.jsonl scores/sft/items.jsonl metrics.jsonl; do
  name=${file##*/}
  damaged "$file" "$name"
  row=$(first_other "$WORK/whole/$file" "$run/$file")
  check "  and its row, $row" grep -qF "$name:$row: " <<< "$text"
done
# promise 5: report, export and collect name the row of a damaged metrics.jsonl
for command in "report $run" "export $run --csv $WORK/out.csv" "grid collect $run"; do
  run_lldm $command; refused "metrics.jsonl:$row: " "lldm ${command%% $run*}"
done
rm "$run/metrics.jsonl"; run_lldm grid collect "$run"; expect_code 0 "collect puts it together again"
check "row for row" diff "$run/metrics.jsonl" "$WORK/whole/metrics.jsonl"
flip "$run/sft/metrics.jsonl" 6
row=$(first_other "$WORK/whole/sft/metrics.jsonl" "$run/sft/metrics.jsonl")
run_lldm grid collect "$run"; refused "metrics.jsonl:$row: " "what a stage keeps, by collect"
damaged pairs/MANIFEST.json MANIFEST.json
rm -rf "$run"; cp -r "$WORK/whole" "$run"; rm "$run/pairs/pairs.jsonl"
again; refused pairs.jsonl "a missing file"
rm -rf "$run"; cp -r "$WORK/whole" "$run"; truncate -s -1 "$run/tuned/model/model.safetensors"
again; refused model.safetensors "weights cut short, of a stage that nothing reads again"
rm -rf "$run"; cp -r "$WORK/whole" "$run"; flip "$run/tuned/model/model.safetensors" 5
run_lldm run "$SMOKE" --out "$run" "${TINY[@]}" --strict-resume; refused model.safetensors "a flipped bit of finished weights, --strict-resume"
rm -rf "$run"; cp -r "$WORK/whole" "$run"; sed -i '$d' "$run/pairs/pairs.jsonl"
again; refused pairs.jsonl "a missing row"
rm -rf "$run"; cp -r "$WORK/whole" "$run"; rm "$run/metrics.jsonl"
again; expect_code 0 "metrics.jsonl is put together again"
check "row for row" diff <(sort "$run/metrics.jsonl") <(sort "$WORK/whole/metrics.jsonl")
rm -rf "$run"; cp -r "$WORK/whole" "$run"; flip "$run/report.json" 2
run_lldm report "$run"; refused report.json "a flipped bit of report.json"
rm -rf "$run"; cp -r "$WORK/whole" "$run"; flip "$run/scores/sft/items.jsonl" 5
run_lldm report "$run"; refused items.jsonl "a flipped bit of items.jsonl, by lldm report"

echo "checkpoints"
LONG=("${TINY[@]}" --set tuned.optimizer.steps=60 --set tuned.save_steps=3 --set tuned.logging_steps=3)
start() { "$LLDM" run "$SMOKE" --out "$WORK/long" "${LONG[@]}" "$@" > "$WORK/output" 2>&1 & background=$!; }
ended() { wait "$background" 2> /dev/null; code=$?; background=""; text=$(< "$WORK/output"); }
newest() { ls "$WORK/long/tuned/checkpoints" 2> /dev/null | grep -E '^step-[0-9]{8}$' | tail -n 1; }
has_two() { [ "$(ls "$WORK/long/tuned/checkpoints" 2> /dev/null | grep -cE '^step-[0-9]{8}$')" -ge 2 ] && [ -s "$WORK/long/tuned/checkpoints/newest.json" ]; }
is_newer() { has_two && [ "$(newest)" != "$before" ]; } # an earlier stop left its checkpoints
for signal in USR1 HUP; do
  before=$(newest)
  start
  check "at work" wait_for "$background" 60 is_newer
  kill -"$signal" "$background"
  ended
  # promise 8: SIGUSR1 and SIGHUP save and exit with 75
  expect_code 75 "SIG$signal saves and stops"
done
cp -r "$WORK/long" "$WORK/stopped"
trusted() { rm -rf "$WORK/long"; cp -r "$WORK/stopped" "$WORK/long"; file=$WORK/long/tuned/checkpoints/$(newest)/model/weights.safetensors; }
trusted
python3 - "$file" << 'PYTHON'
import hashlib, json, pathlib, struct, sys
weights = pathlib.Path(sys.argv[1])
data = bytearray(weights.read_bytes())
data[-4:] = struct.pack("<f", float("nan"))
weights.write_bytes(data)
manifest = weights.parent.parent / "MANIFEST.json"
old = json.loads(manifest.read_text())
for entry in old["files"]:
    if entry["file"] == "model/weights.safetensors":
        entry["sha256"] = hashlib.sha256(data).hexdigest()
del old["manifest_sha256"]
compact = json.dumps(old, separators=(",", ":"))
old["manifest_sha256"] = hashlib.sha256(compact.encode()).hexdigest()
manifest.write_text(json.dumps(old, indent=1) + "\n")
PYTHON
step=$(newest)
run_lldm run "$SMOKE" --out "$WORK/long" "${LONG[@]}" --strict-resume
# promise 9: a checkpoint with a NaN is refused, or passed over for the one before
refused weights.safetensors "a poisoned checkpoint, --strict-resume"
expect_text "not finite"
run_lldm run "$SMOKE" --out "$WORK/long" "${LONG[@]}"
expect_code 0 "a poisoned checkpoint: the one before is taken"
expect_text "$step is passed over"
expect_text "not finite"
trusted; flip "$file" 4
run_lldm run "$SMOKE" --out "$WORK/long" "${LONG[@]}" --strict-resume
# promise 4: a damaged newest checkpoint under `--strict-resume` is an error that names the file
refused weights.safetensors "a damaged checkpoint, --strict-resume"
trusted; rm -r "$WORK/long/tuned/checkpoints/$step"
run_lldm run "$SMOKE" --out "$WORK/long" "${LONG[@]}" --strict-resume
refused "$step" "a missing checkpoint, --strict-resume"
run_lldm run "$SMOKE" --out "$WORK/long" "${LONG[@]}"
expect_code 0 "a missing checkpoint: the one before is taken"
expect_text "$step: the newest checkpoint that was saved is missing"
for note in damaged missing; do
  trusted
  if [ $note = damaged ]; then echo "{" > "$WORK/long/tuned/checkpoints/newest.json"; else rm "$WORK/long/tuned/checkpoints/newest.json"; fi
  run_lldm run "$SMOKE" --out "$WORK/long" "${LONG[@]}" --strict-resume
  refused newest.json "a $note newest.json, --strict-resume"
done
trusted
run_lldm run "$SMOKE" --out "$WORK/long" "${LONG[@]}" --strict-resume
expect_code 0 "a whole one, --strict-resume"

echo "what cannot be written"
blocked() { rm -rf "$WORK/blocked"; mkdir -p "$WORK/blocked/pretrain"; touch "$WORK/blocked/pretrain/checkpoints"; }
SAVES=("${TINY[@]}" --set pretrain.save_steps=2 --stage pretrain)
blocked; run_lldm run "$SMOKE" --out "$WORK/blocked" "${SAVES[@]}"
expect_code 1 "a checkpoint: on_save_error = fail"
blocked; run_lldm run "$SMOKE" --out "$WORK/blocked" "${SAVES[@]}" --set 'on_save_error="continue"'
# promise 6: `on_save_error = "continue"` goes on and counts what was not saved
expect_code 0 "a checkpoint: on_save_error = continue"
check "counted" grep -q '"save_errors": 2' "$WORK/blocked/pretrain/result.json"
text=$( (ulimit -f 20; "$LLDM" run "$SMOKE" --out "$WORK/limit" "${SAVES[@]}") 2>&1); code=$?
# promise 6: a file size limit is an error with the file's name, no signal
expect_code 1 "ulimit -f: no signal kills it"
expect_text "File too large"
expect_text "safetensors"

echo "max_hours, nohup"
run_lldm run "$SMOKE" --out "$WORK/hours" "${TINY[@]}" --set max_hours=0.00005 --set pretrain.optimizer.steps=2000
# promise 24: `max_hours` saves and exits with 75
expect_code 75 "max_hours saves and stops"
expect_text "max_hours"
check "saved" compgen -G "$WORK/hours/pretrain/checkpoints/step-*/MANIFEST.json" > /dev/null
rm -rf "$WORK/long"; cp -r "$WORK/stopped" "$WORK/long"
(trap '' HUP; exec "$LLDM" run "$SMOKE" --out "$WORK/long" "${LONG[@]}") > "$WORK/output" 2>&1 & background=$!
sleep 0.7; kill -HUP "$background"
ended
expect_code 0 "SIGHUP under nohup is ignored"

echo "a grid's workers"
cp "$SMOKE" "$WORK/grid.toml"
printf '[grid.axes]\n"tuned.score_estimator.draws" = [1, 2, 3]\n' >> "$WORK/grid.toml"
GRID=("${TINY[@]}" --set tuned.optimizer.steps=60 --set tuned.save_steps=2 --set tuned.logging_steps=2)
for index in "${!GRID[@]}"; do # the axis sets it
  [ "${GRID[$index]}" = tuned.score_estimator.draws=2 ] && unset "GRID[$index]" "GRID[$((index - 1))]"
done
grid_start() { "$LLDM" grid run "$WORK/grid.toml" --out "$WORK/grid" --jobs 2 "${GRID[@]}" > "$WORK/output" 2>&1 & background=$!; }
in_cell() { compgen -G "$WORK/grid/cells/*/tuned/checkpoints/step-*/MANIFEST.json" > /dev/null; }
grid_start
check "a cell is at work" wait_for "$background" 90 in_cell
workers=$(pgrep -P "$background")
kill -KILL "$background"
ended
gone() { for worker in $workers; do kill -0 "$worker" 2> /dev/null && [ "$(ps -o stat= -p "$worker")" != Z ] && return 1; done; true; }
for _ in $(seq 1 100); do gone && break; sleep 0.1; done
check "workers end when their master was killed" gone
rm -r "$WORK/grid"/cells/*
grid_start
check "a cell is at work" wait_for "$background" 90 in_cell
victim="" # a worker that holds a cell's work: its claim says its process
until [ -n "$victim" ]; do victim=$(cat "$WORK"/grid/claims/*.lock | grep -o '"process":[0-9]*' | head -n 1 | cut -d: -f2); done
kill -SEGV "$victim"
ended
expect_code 1 "a crash in a cell is told"
expect_text "killed by signal 11 (Segmentation fault)"
check "one piece of work is recorded as failed" [ "$(find "$WORK/grid" -name failed.json | wc -l)" -eq 1 ]
check "with the signal" grep -q "signal 11" "$(find "$WORK/grid" -name failed.json | head -n 1)"
check "the other cells are done" [ "$(find "$WORK/grid/cells" -path '*scores/tuned*/result.json' | wc -l)" -ge 2 ]
run_lldm grid run "$WORK/grid.toml" --out "$WORK/grid" --jobs 2 --retry-failed "${GRID[@]}"
expect_code 0 "--retry-failed finishes it"

echo "workers without a master"
work_start() { "$LLDM" grid work "$WORK/grid" > "$WORK/output" 2>&1 & background=$!; }
rm -r "$WORK/grid"/cells/*
work_start
check "a cell is at work" wait_for "$background" 90 in_cell
kill -KILL "$background"
ended
work_start
is_told() { grep -q "was killed; it is done again" "$WORK/output"; }
# promise 21: work whose process was killed is done again by the next, and that is said
check "the next says that it does again what was killed" wait_for "$background" 90 is_told
kill -SEGV "$background"
ended
check "a crash (exit code $code)" [ "$code" -eq 139 ]
run_lldm grid work "$WORK/grid"
expect_code 1 "what crashed a process is recorded by the next"
expect_text "crashed with signal 11 (Segmentation fault)"
check "one piece of work is recorded as failed" [ "$(find "$WORK/grid" -name failed.json | wc -l)" -eq 1 ]
check "the other cells are done" [ "$(find "$WORK/grid/cells" -path '*scores/tuned*/result.json' | wc -l)" -ge 2 ]
run_lldm grid resume "$WORK/grid" --retry-failed
expect_code 0 "--retry-failed finishes it"

echo "exclude_mask_logit travels with the model"
run_lldm run "$SMOKE" --out "$WORK/mask" "${TINY[@]}" --stage sft --set model.exclude_mask_logit=true
expect_code 0 "trains"
check "config.json says it" grep -q '"exclude_mask_logit": true' "$WORK/mask/sft/model/config.json"
score "$WORK/mask/sft/model"; with=$text
rm -rf "$WORK/bad"; cp -r "$WORK/mask/sft/model" "$WORK/bad"; rm "$WORK/bad/MANIFEST.json"
sed -i '/exclude_mask_logit/d' "$WORK/bad/config.json"
score "$WORK/bad"; without=$(grep '^{' <<< "$text")
check "lldm score reads it" [ "$with" != "$without" ]
{
  printf 'name = "x"\n[model]\nexclude_mask_logit = false\n[sampler]\ntype = "fixed_length"\nresponse_length = 8\nsteps = 2\n'
  printf '[[stage]]\nname = "t"\nkind = "sample"\nfrom = "%s"\nprompts = ["ann has 4 apples ."]\n' "$WORK/mask/sft/model"
} > "$WORK/contradicts.toml"
run_lldm run "$WORK/contradicts.toml" --out "$WORK/contradicts"
expect_code 2 "a file that contradicts the folder is refused"
expect_text "exclude_mask_logit"
summary
