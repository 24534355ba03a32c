#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Shell completion, as a shell calls it.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

run_lldm completion fish
expect_code 2 "a shell that is not known"
expect_text "shells: bash, zsh"
"$LLDM" completion bash > "$WORK/lldm.bash"
check "the script for bash is bash" bash -n "$WORK/lldm.bash"
# shellcheck disable=SC1091
source "$WORK/lldm.bash"

offered() { # the words typed so far, the last one unfinished; leaves what is offered in $text
  COMP_WORDS=(lldm "$@")
  COMP_CWORD=$#
  _lldm
  text=" ${COMPREPLY[*]} "
}

offers() { # words of the line in one string, then what must be offered
  local line=$1
  eval "offered $line"
  check "'lldm $line' offers $2" grep -qF -- " $2 " <<< "$text"
}

withholds() {
  local line=$1
  eval "offered $line"
  check "'lldm $line' does not offer $2" bash -c '! grep -qF -- " $1 " <<< "$2"' - "$2" "$text"
}

offers "''" run
offers "''" grid
offers "''" completion
offers "''" --version
offers val validate
withholds val run
offers "grid ''" status
offers "grid em" emit
offers "data ''" inspect
withholds "data ''" run
offers "run --" --dry-run
offers "run --st" --stage
withholds "run --st" --set
offers "grid run x.toml --" --jobs
offers "grid run x.toml --" --help
offers "describe ''" dpo
offers "describe monte" monte_carlo_elbo
offers "describe ''" optimizer
offers "list ''" score_estimator
offers "list ''" task
offers "evaluate m --task ''" word_problems
offers "score m p --estimator ex" exact
offers "completion ''" zsh
(cd "$WORK" && touch some.toml && mkdir -p runs)
cd "$WORK"
offers "run so" some.toml
offers "run some.toml --out ru" runs
offered run some.toml --seed ''
withholds "describe d" run
# Every option that --help shows is offered, for every command.
while read -r name; do
  echo "$name" >> "$WORK/names"
  "$LLDM" $name --help | grep -oE '^  --[a-z-]+' | tr -d ' ' | while read -r option; do
    eval "offered $name --"
    grep -qF -- " $option " <<< "$text" || echo "$name $option"
  done
done < <("$LLDM" --help | sed -n 's/^  \(data [a-z]*\|bench [a-z]*\|grid [a-z]*\|store [a-z]*\|plugin [a-z]*\|model [a-z]*\|tokenizer [a-z]*\|[a-z]*\) .*/\1/p' | grep -v '^lldm$') > "$WORK/missing"
check "every option is offered" [ ! -s "$WORK/missing" ]
check "of every command" [ "$(sort -u "$WORK/names" | wc -l)" -ge 21 ]
touch "$WORK/two words.toml"
offers "run two" "two words.toml"
"$LLDM" completion zsh > "$WORK/_lldm"
check "the script for zsh says what it completes" [ "$(head -n 1 "$WORK/_lldm")" = "#compdef lldm" ]
if command -v zsh > /dev/null; then
  check "the script for zsh is zsh" zsh -n "$WORK/_lldm"
else
  echo "  zsh is not here: its script is checked as bash" # the body is common to both
  check "and is sound" bash -n <(sed 's/\${=1}/$1/' "$WORK/_lldm")
fi
summary
