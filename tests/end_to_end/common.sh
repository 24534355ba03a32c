# SPDX-License-Identifier: MIT
# Sourced by the end-to-end tests.  Arguments: program, source folder, build folder.
set -uo pipefail
LLDM=$1 SOURCE=$2 BUILD=$3
export OMP_NUM_THREADS=1  # models of this size are faster on one thread, and the bits depend on it
SMOKE=$SOURCE/experiments/smoke/smoke.toml
WORK=$(mktemp -d "${TMPDIR:-/tmp}/lldm-e2e-XXXXXX")
failures=0
background=""

finish() {
  [ -n "$background" ] && kill -KILL "$background" 2> /dev/null
  rm -rf "$WORK"
}
trap finish EXIT

# Stages as short as they can be and still do their work.
TINY=(--set pretrain.optimizer.steps=6 --set sft.optimizer.steps=6 --set tuned.optimizer.steps=6
  --set sft.validation_rows=4 --set tuned.validation_rows=4 --set tuned.score_estimator.draws=2
  --set pairs.task.rows=24 --set scores.task.rows=4)

check() { # what happened; then a command that is true if it did
  local what=$1
  shift
  if "$@"; then
    echo "  ok: $what"
  else
    echo "  FAILED: $what"
    failures=$((failures + 1))
  fi
}

# Runs the program; leaves its exit code in $code and what it wrote in $text.
run_lldm() {
  text=$("$LLDM" "$@" 2>&1)
  code=$?
}

expect_code() { # wanted, what
  check "$2 (exit code $code)" [ "$code" -eq "$1" ]
  [ "$code" -eq "$1" ] || printf '%s\n' "$text" | tail -n 20 | sed 's/^/    | /'
}

expect_text() { # fixed string
  check "says '$1'" grep -qF -- "$1" <<< "$text"
  grep -qF -- "$1" <<< "$text" || printf '%s\n' "$text" | tail -n 20 | sed 's/^/    | /'
}
expect_no_text() { # what must not stand in it
  check "does not say '$1'" [ -z "$(grep -F -e "$1" <<< "$text")" ]
}

model_hashes() { # run folder: one line a model, relative names
  (cd "$1" && find . -path '*/model/*.safetensors' -not -path '*/checkpoints/*' | sort | xargs -r sha256sum)
}

file_hashes() { # every file but the lock, relative names
  (cd "$1" && find . -type f -not -name run.lock | sort | xargs -r sha256sum)
}

wait_for() { # process, seconds, then a command that becomes true; false if the process ends first
  local process=$1 until=$((SECONDS + $2))
  shift 2
  until "$@"; do
    kill -0 "$process" 2> /dev/null || { "$@"; return; }
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.02
  done
}

killed_at_a_checkpoint() { # folder of a stage, then lldm's arguments: the run is killed when the stage has a checkpoint
  local stage=$1
  shift
  has_checkpoint() { ls "$stage/checkpoints" 2> /dev/null | grep -qE '^step-[0-9]{8}$'; }
  "$LLDM" "$@" > "$WORK/output" 2>&1 &
  background=$!
  check "a checkpoint of $(basename "$stage")" wait_for "$background" 120 has_checkpoint
  kill -KILL "$background" 2> /dev/null
  wait "$background" 2> /dev/null
  code=$?
  background=""
  check "killed in the middle (exit code $code)" [ "$code" -eq 137 ]
}

summary() {
  if [ "$failures" -eq 0 ]; then echo "all as expected"; else echo "$failures checks failed"; fi
  exit "$((failures > 0))"
}
