#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every `lldm data` command with files that are none, with outputs that cannot be written, and stopped in the middle:
# each ends with a message that names the file, and leaves nothing behind.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$WORK" || exit 1

mkdir bad
pair='{"prompt": "p", "chosen": "a", "rejected": "b"}'
: > bad/empty.jsonl
printf '\n\n' > bad/blank.jsonl
printf '\xef\xbb\xbf%s\n' "$pair" > bad/byte_order_mark.jsonl
printf '{"prompt": "p\\u0000", "chosen": "a", "rejected": "b"}\n' > bad/escaped_nul.jsonl
printf '{"prompt": "p\0", "chosen": "a", "rejected": "b"}\n' > bad/nul.jsonl
printf '{"prompt": "p", "prompt": "q", "chosen": "a", "rejected": "b"}\n' > bad/key_twice.jsonl
printf '{"prompt": "\xff", "chosen": "a", "rejected": "b"}\n' > bad/not_utf8.jsonl
printf '%s' "${pair%\}}" > bad/torn.jsonl
printf '%s\n' "$pair" | gzip -c | head -c 30 > bad/torn.jsonl.gz
printf '[%s' "$pair" > bad/torn.json
head -c 100000 /dev/urandom > bad/random.jsonl
python3 -c 'print("[" * 100000)' > bad/nested.jsonl
python3 -c 'print("{\"prompt\": \"p\", \"chosen\": \"a\", \"rejected\": \"" + "b" * (65 << 20) + "\"}")' > bad/long_line.jsonl
mkdir bad/folder.jsonl
mkfifo bad/pipe.jsonl
ln -s loop.jsonl bad/loop.jsonl
ln -s nowhere bad/dangling.jsonl
ln -s /dev/zero bad/device.jsonl
[ "$(id -u)" -eq 0 ] || { printf '%s\n' "$pair" > bad/unreadable.jsonl && chmod 000 bad/unreadable.jsonl; }

declare -A commands=([check]="--kind preference" [stats]="" [convert]="--out made" [split]="--out made" [pack]="--tokenizer bytes --out made"
  [label]="--judge cat --out made" [inspect]="" [benchmark]="--out made" [synthesize]="--labeled --out made --from")
for command in check stats convert split pack label inspect benchmark synthesize; do
  wrong=""
  for file in bad/* bad/missing.jsonl; do
    read -ra options <<< "${commands[$command]}"
    if [ "$command" = synthesize ]; then options+=("$file"); else options=("$file" "${options[@]}"); fi
    said=$(timeout 60 "$LLDM" data "$command" "${options[@]}" < /dev/null 2>&1)
    code=$?
    # stats counts bad rows where there are others, or where it knows their form.
    [ "$command" = stats ] && [ "$code" -eq 0 ] && grep -q "bad rows: 1" <<< "$said" && continue
    [ "$code" -eq 2 ] && grep -qF "$(basename "$file")" <<< "$said" || wrong+=" $file (code $code)"
    [ -z "$(ls -d made* 2> /dev/null)" ] || { wrong+=" $file (left $(ls -d made*))"; rm -rf made*; }
  done
  check "$command names every bad file, with code 2, and leaves nothing:$wrong" [ -z "$wrong" ]
done
printf '%s\r\n' "$pair" "${pair/p\"/q\"}" > crlf.jsonl
run_lldm data check crlf.jsonl --kind preference
expect_text "2 rows of form preference, all good"
run_lldm data convert crlf.jsonl --out converted.jsonl
check "lines that end in CR LF are lines" [ "$(grep -c $'\r' converted.jsonl)$(wc -l < converted.jsonl)" = 02 ]


echo "names that are no UTF-8"
latin=$'k\xf6ln'
mkdir "$latin"
printf '%s\n' "$pair" > "$latin/$latin.jsonl"
printf '{"text": "a text that is long enough to be known"}\n' > "$latin/text.jsonl"
for command in "check --kind preference" "stats --json" "convert --out made" "label --judge true --out made" "split --out made --parts a=1" inspect; do
  read -ra options <<< "$command"
  said=$("$LLDM" data "${options[0]}" "$latin/$latin.jsonl" "${options[@]:1}" < /dev/null 2>&1)
  code=$?
  wanted=0
  [ "${options[0]}" = label ] && wanted=2 # a judge that says nothing
  check "${options[0]} (exit code $code)" [ "$code" -eq "$wanted" ]
  rm -rf made*
done
check "benchmark" "$LLDM" data benchmark "$latin/text.jsonl" --out made.jsonl
check "pack" "$LLDM" data pack "$latin/text.jsonl" --tokenizer bytes --out "$latin/corpus"
rm -rf made*

echo "outputs"
python3 -c 'import json
for i in range(60000): print(json.dumps({"prompt": "p%d" % i, "chosen": "good " * 10, "rejected": "bad " * 10}))' > pairs.jsonl
python3 -c 'import json
for i in range(60000): print(json.dumps({"text": "a text that is written as tokens, number %d" % i}))' > texts.jsonl
declare -A outputs=([convert]="pairs.jsonl" [split]="pairs.jsonl" [benchmark]="texts.jsonl" [pack]="texts.jsonl --tokenizer bytes")
write() { # command, out; takes the place of its shell, so that a signal to it reaches the program
  read -ra options <<< "${outputs[$1]}"
  exec "$LLDM" data "$1" "${options[@]}" --out "$2" < /dev/null
}
mkdir kept
for command in convert benchmark; do
  run_lldm data "$command" texts.jsonl --out kept
  expect_code 2 "$command: a folder as --out"
  expect_text "is a folder"
  run_lldm data "$command" texts.jsonl --out ./texts.jsonl
  expect_code 2 "$command: the file itself as --out"
done
for parts in ../a=0.5,b=0.5 a/b=0.5,c=0.5 =0.5,b=0.5 ..=0.5,b=0.5 .=0.5,b=0.5 a=nan,b=1 a=inf,b=0.5 a=1e-400,b=1 a=0.5,a=0.5; do
  run_lldm data split pairs.jsonl --out parts --parts "$parts"
  expect_code 2 "--parts $parts"
done
check "nothing was made" [ -z "$(ls parts 2> /dev/null)" ]
left() { # folder, name of the output: what is there of it, be it a folder, a file in it, or half of one
  find "$1" \( -path "$1/$2*" -o -name '*.partial*' \)
}
for command in convert split benchmark pack; do
  (ulimit -f 100; write "$command" limited) > said 2>&1
  code=$?
  check "$command: a file size limit is an error (exit code $code)" [ "$code" -ne 0 ]
  check "$command: and names the file" grep -q limited said
  check "$command: leaves nothing:$(left . limited)" [ -z "$(left . limited)" ]
  rm -rf limited
done
mkdir -p full
if mount -t tmpfs -o size=256k tmpfs full 2> /dev/null; then
  for command in convert split benchmark pack; do
    (write "$command" full/made) > said 2>&1
    code=$?
    check "$command: a full disk is an error (exit code $code)" [ "$code" -ne 0 ]
    check "$command: with the path" grep -q full/made said
    check "$command: and the bytes" grep -qE "need [0-9.]+ [KM]?i?B, have [0-9.]+ [KM]?i?B" said
    check "$command: leaves nothing on it:$(left full made)" [ -z "$(left full made)" ]
    rm -rf full/*
  done
  umount full
else
  echo "  not tried: a full disk (no file system can be mounted here)"
fi

echo "stopped in the middle"
partial_is_there() { [ -n "$(find . -name '*.partial*' -newer started)" ]; }
pieces() { # command, output: its files and what is in them
  if [ -d "$2" ]; then (cd "$2" && find . -type f -not -name '*.partial*' | sort | xargs sha256sum); else sha256sum < "$2"; fi
}
for command in convert split pack; do
  (write "$command" whole) > said 2>&1
  touch started
  write "$command" stopped > said 2>&1 &
  background=$!
  wait_for "$background" 60 partial_is_there
  kill -TERM "$background" 2> /dev/null
  wait "$background"
  code=$?
  background=""
  # A machine that was done before the signal came shows nothing.
  if [ "$code" -eq 0 ]; then
    echo "  $command: done before it could be stopped"
  else
    check "$command: stopped on request (exit code $code)" [ "$code" -eq 75 ]
    check "$command: leaves nothing:$(left . stopped)" [ -z "$(left . stopped)" ]
  fi
  rm -rf stopped
  touch started
  write "$command" stopped > said 2>&1 &
  background=$!
  wait_for "$background" 60 partial_is_there
  kill -KILL "$background" 2> /dev/null
  wait "$background" 2> /dev/null
  background=""
  # Killed after it was done, there is an output, which pack does not replace.
  [ "$command" = pack ] && rm -rf stopped
  (write "$command" stopped) > said 2>&1
  code=$?
  check "$command: killed, and begun again (exit code $code)" [ "$code" -eq 0 ]
  check "$command: and is whole" [ "$(pieces "$command" stopped)" = "$(pieces "$command" whole)" ]
  rm -rf stopped stopped.partial* stopped/*.partial* whole
done
summary
