#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lldm plugin check: good plugins of every role pass, a wrong component of every role fails the law
# that it breaks, and what crashes or hangs is named.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
PLUGINS=$BUILD/lib/test_plugins

# Runs the check; every line but the last is one law.
check_plugin() { # file, then further arguments
  text=$("$LLDM" plugin check "$@" 2> "$WORK/stderr")
  code=$?
}
one_law_a_line() {
  [ -z "$(head -n -1 <<< "$text" | grep -vE '^(pass|FAIL|skip)  [a-z_]+ "[a-z0-9_]+": .')" ]
}
fails_law() { # component, law
  check "$1 fails: $2" grep -qE "^FAIL  [a-z_]+ \"$1\": $2: .*; right: ." <<< "$text"
}

echo "good plugins"
for role in process schedule estimator objective commit_rule task; do
  check_plugin "$PLUGINS/libtest_$role.so"
  expect_code 0 "test_$role passes"
  check "one law a line" one_law_a_line
  check "with laws that hold" grep -qE '^pass  ' <<< "$text"
done
check_plugin "$PLUGINS/libtest_stage.so" --set text="one two"
expect_code 0 "test_stage passes"
check "one law a line" one_law_a_line
expect_text 'pass  stage "count_words": a run gives the same finite figures, inside its folder (run twice: 1 figures)'
for plugin in margin_objective template_objective; do
  check_plugin "$BUILD/lib/plugins/lib$plugin.so"
  expect_code 0 "$plugin passes"
done
check_plugin margin_objective
expect_code 0 "a bare name is looked up beside the library"

echo "options"
check_plugin "$PLUGINS/libtest_required.so"
expect_code 4 "a required option that is not given"
expect_text '"level" has no default; give --set required.level=VALUE'
check_plugin "$PLUGINS/libtest_required.so" --set level=0.75
expect_code 0 "--set gives it"
check_plugin "$PLUGINS/libtest_required.so" --set required.level=0.75
expect_code 0 "--set gives it by the component's name"
check_plugin "$PLUGINS/libtest_required.so" --set level=7
expect_code 4 "a value out of its range"
expect_text 'in [0.5, 1]'
run_lldm plugin check "$PLUGINS/libtest_required.so" --set levle=1
expect_code 2 "a key that nobody has"
expect_text "keys: required.level"
check_plugin "$PLUGINS/libtest_schedule.so" --set power=3.5
expect_code 0 "power = 3.5 is a schedule too"

echo "wrong components"
check_plugin "$PLUGINS/libbad_wrong_process.so"
expect_code 4 "processes"
check "one law a line" one_law_a_line
fails_law wrong_share "reveal probabilities chain into alpha"
fails_law wrong_weight "elbo_weight is the rate at which positions are noised"
fails_law sticky "noise overwrites the given positions and nothing else"
fails_law sticky_uniform "noise forgets what it overwrites"
fails_law spilling "noise overwrites the given positions and nothing else"
check_plugin "$PLUGINS/libbad_wrong_schedule.so"
expect_code 4 "schedules"
fails_law rising "alpha falls from t = 0 to t = 1 within \\[0, 1\\]"
fails_law wrong_slope "alpha_derivative is the slope of alpha"
fails_law wrong_inverse "inverse_alpha finds a time with that alpha"
check_plugin "$PLUGINS/libbad_wrong_estimator.so"
expect_code 4 "estimators"
fails_law biased "the score is unbiased for the declared target"
fails_law neighbour "equal draws give equal plans, whatever was planned before"
fails_law neighbour "rows draw independently"
fails_law same_for_all "the score is unbiased for the declared target"
fails_law out_of_range "plans fit their text"
fails_law not_a_number "plans fit their text"
check_plugin "$PLUGINS/libbad_wrong_objective.so"
expect_code 4 "objectives"
fails_law detached "the slope is that of the loss"
fails_law half_detached "the slope is that of the loss"
fails_law mutating "the scores are left as they are"
fails_law overflowing "extreme, equal and single groups are finite"
fails_law undeclared "the declared use of the scores holds"
fails_law mean_of_set "a set's loss and metrics are the sums over its groups"
check_plugin "$PLUGINS/libbad_wrong_sampler.so"
expect_code 4 "samplers"
fails_law leaves_masks "no mask is left"
fails_law alters_prompt "the prompt is left as it is"
fails_law sees_neighbours "an answer does not depend on the other requests"
fails_law too_short "one answer of the asked length per request"
check_plugin "$PLUGINS/libbad_wrong_commit_rule.so"
expect_code 4 "commit rules"
fails_law one_too_few "one number per candidate"
fails_law reads_unasked "one number per candidate"
fails_law remembers "equal candidates and draws give equal numbers"
check_plugin "$PLUGINS/libbad_wrong_task.so"
expect_code 4 "tasks"
fails_law fickle "check judges any bytes, twice alike"
fails_law throws "check judges any bytes, twice alike"
fails_law twins "examples are the same ones in the same order"
fails_law harmless_error "an injected error is an error"

check_plugin "$PLUGINS/libbad_wrong_stage.so"
expect_code 4 "kinds of stage"
check "one law a line" one_law_a_line
fails_law silent "it says what it and its keys are"
fails_law stray_default "its defaults are legal"
fails_law growing "what is written reads back alike"
fails_law unknown_table "file_defaults names role tables that it has"
fails_law dead_key "unread keys are keys of the kind"
fails_law fickle "facts are stable and name what the table names"
fails_law sees_ghosts "facts are stable and name what the table names"
for kind in not_a_number littering counting; do
  fails_law $kind "a run gives the same finite figures, inside its folder"
done

echo "crashes and hangs"
check_plugin "$PLUGINS/libbad_crashing.so" --timeout 2
expect_code 4 "crashing components"
check "one law a line, whatever a plugin prints" one_law_a_line
expect_text 'FAIL  noise_schedule "crashes": inverse_alpha finds a time with that alpha: it died of signal 11 (Segmentation fault)'
expect_text 'FAIL  noise_schedule "hangs": alpha_derivative is the slope of alpha: it was stopped after 2 s'
expect_text 'FAIL  noise_schedule "exits": alpha falls from t = 0 to t = 1 within [0, 1]: it ended the process with exit code 0'
expect_text 'FAIL  noise_schedule "crashes_early": it is made from its options: it died of signal 6 (Aborted)'
check "the sound one beside them is checked" grep -qE '^pass  noise_schedule "chatters": inverse' <<< "$text"
run_lldm plugin check "$PLUGINS/libbad_crashing_at_load.so"
expect_code 4 "a crash at load"
expect_text "could not be loaded: it died of signal 11 (Segmentation fault)"
# What hangs ends with the check, also with one that is killed.
"$LLDM" plugin check "$PLUGINS/libbad_crashing.so" > "$WORK/killed" 2>&1 &
background=$!
hanging() { pgrep -P "$background" > "$WORK/child" && grep -q 'noise_schedule "crashes"' "$WORK/killed"; }
check "a component hangs" wait_for "$background" 60 hanging
sleep 1
child=$(pgrep -P "$background")
kill -TERM "$background"
wait "$background" 2> /dev/null
background=""
gone() { for _ in $(seq 100); do ! kill -0 "$1" 2> /dev/null && return; sleep 0.05; done; false; }
check "a hanging component's process ends with the check" gone "${child:-none}"
run_lldm plugin check margin_objective --timeout 99999999999
expect_code 2 "a timeout longer than any"
expect_text "legal: integers from 1 to 1000000"

echo "what is no plugin"
(cd "$WORK" && echo '{}' > rows.jsonl && "$LLDM" plugin check rows.jsonl > "$WORK/output" 2>&1)
code=$? text=$(cat "$WORK/output")
expect_code 4 "the name of a file that is there"
expect_text 'rows.jsonl" is not a shared library'
run_lldm plugin check "$WORK/nothere.so"
expect_code 4 "no file"
expect_text "there is no such file"
for mistake in abi throwing empty; do
  run_lldm plugin check "$PLUGINS/libbad_$mistake.so"
  expect_code 4 "bad_$mistake"
done
summary
