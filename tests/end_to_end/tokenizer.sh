#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lldm tokenizer encode, decode, inspect: what scripts rely on.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$WORK"
data=$SOURCE/tests/golden/data
llama=$data/tokenizer_kinds/llama2 pieces=$data/sentencepiece/bpe_llama/tokenizer.model

# Every text of the golden file comes back through ids, one JSON value a line.
gunzip -c "$data/tokenizer_kinds/llama2/cases.jsonl.gz" | grep '"text"' > cases.jsonl
"$LLDM" tokenizer encode "$llama" --jsonl cases.jsonl --special --out ids.jsonl
check "encode writes a file" test -s ids.jsonl
check "ids are those of the reference" python3 - cases.jsonl ids.jsonl << 'P'
import json, sys
cases, ids = ([json.loads(l) for l in open(f)] for f in sys.argv[1:])
sys.exit(len(cases) != len(ids) or len(ids) < 100 or any(c["ids"] != i for c, i in zip(cases, ids)))
P
"$LLDM" tokenizer decode "$llama" --jsonl ids.jsonl > texts.jsonl
check "texts are those of the reference" python3 - cases.jsonl texts.jsonl << 'P'
import json, sys
cases, texts = ([json.loads(l) for l in open(f)] for f in sys.argv[1:])
sys.exit(len(cases) != len(texts) or any(c["decoded"] != t for c, t in zip(cases, texts)))
P

# A file, a folder, standard input; special text only on request.
check "a SentencePiece file reads standard input" test \
  "$(printf '"a b"\n"a b"\n' | "$LLDM" tokenizer encode "$pieces" --jsonl - | sort -u | wc -l)" = 1
plain=$(echo '"<s>x"' | "$LLDM" tokenizer encode "$pieces" --jsonl -)
special=$(echo '"<s>x"' | "$LLDM" tokenizer encode "$pieces" --jsonl - --special)
check "ordinary text gives no control token" test "${plain#\[1,}" = "$plain"
check "--special gives it" test "${special#\[1,}" != "$special"
ranks=$data/tiktoken/small.tiktoken
check "a rank file with its pattern" test \
  "$(echo '"the cat"' | "$LLDM" tokenizer encode "$ranks" --jsonl - --pattern qwen2 |
    "$LLDM" tokenizer decode "$ranks" --jsonl - --pattern qwen2)" = '"the cat"'

# Bad input: exit code 2, file and line.
printf '"a"\n{"text": 3}\n' > bad.jsonl
run_lldm tokenizer encode "$llama" --jsonl bad.jsonl
expect_code 2 "a row that is no text"
check "it names file and line" grep -q 'bad.jsonl:2: must be a text' <<< "$text"
printf '[1]\n[100000]\n' > bad.jsonl
run_lldm tokenizer decode "$llama" --jsonl bad.jsonl
expect_code 2 "an id beyond the vocabulary"
check "it names file, line and id" grep -q 'bad.jsonl:2: .*100000 is outside' <<< "$text"
run_lldm tokenizer encode "$ranks" --jsonl bad.jsonl
expect_code 2 "a rank file without pattern"
check "it says what to give" grep -q -- '--pattern' <<< "$text"
run_lldm tokenizer inspect "$WORK"
expect_code 2 "a folder without tokenizer"
run_lldm tokenizer inspect "$llama" --text "hello"
expect_code 0 "inspect"
check "inspect counts tokens" grep -q 'tokens for 5 characters' <<< "$text"

# A vocabulary of one's own: the same file whatever the order, used by path.
run_lldm tokenizer train cases.jsonl --size 400 --special "<mask>" --special "<eos>" --out bpe
expect_code 0 "train"
tac cases.jsonl > reversed.jsonl
run_lldm tokenizer train reversed.jsonl --size 400 --special "<mask>" --special "<eos>" --out bpe2
check "the order of texts changes nothing" cmp bpe/tokenizer.json bpe2/tokenizer.json
check "special tokens are the last ids" test \
  "$(echo '"<mask><eos>"' | "$LLDM" tokenizer encode bpe --jsonl - --special)" = "[398,399]"
run_lldm tokenizer train cases.jsonl --out bpe
expect_code 2 "a folder that is there is not overwritten"
summary
