#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files of rows from the command line: check, stats, convert, split, pack, label; and the stages that
# train on what they give: labelled answers, rows that are too long, packed corpora.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$WORK"

rows() { # FILE, then a python expression of `i` that gives a row, for i in 0..N-1
  python3 -c 'import json, sys
with open(sys.argv[1], "w") as out:
    for i in range(int(sys.argv[2])): out.write(json.dumps(eval(sys.argv[3])) + "\n")' "$1" "$2" "$3"
}
model='[model]
width = 16
layers = 1
heads = 2
max_length = 64
[tokenizer]
type = "bytes"'

echo "check"
rows qa.jsonl 6 '{"question": "q%d" % i, "answer": "a%d" % i}'
run_lldm data check qa.jsonl --kind conversations
expect_code 2 "rows under other keys"
expect_text "qa.jsonl: 6 of 6 rows cannot be used"
run_lldm data check qa.jsonl --kind conversations --columns prompt=question,response=answer
expect_code 0 "the same with columns"
expect_text "6 rows of form prompt_response, all good"
run_lldm data inspect qa.jsonl --columns prompt=question,response=answer --rows 1
expect_code 0 "inspected with columns"
expect_text 'prompt "q0"'
run_lldm data check qa.jsonl --kind conversations --columns prompt=questions,response=answer
expect_text 'qa.jsonl:1: has no column "questions" (columns.prompt); did you mean "question"?'
rows alpaca.jsonl 3 '{"instruction": "i%d" % i, "input": "", "output": "o%d" % i, "text": "Below is i%d" % i}'
run_lldm data check alpaca.jsonl --kind conversations
expect_code 0 "alpaca as it is published"
expect_text "3 rows of form prompt_response (alpaca), all good"
run_lldm data convert alpaca.jsonl --out alpaca_own.jsonl --keep text
check "instruction and output, and the text that is asked for" [ "$(head -n 1 alpaca_own.jsonl)" = '{"prompt":"i0","response":"o0","text":"Below is i0"}' ]
run_lldm data convert alpaca.jsonl --out alpaca_own.jsonl --format prompt_response
expect_text 'left out: "text" of 3 rows'
run_lldm data convert alpaca.jsonl --out alpaca_text.jsonl --format text --keep output
check "texts where they are asked for" [ "$(head -n 1 alpaca_text.jsonl)" = '{"text":"Below is i0","output":"o0"}' ]
for kind in "sft prompt_response" "sft auto" "pretraining text" "pretraining auto"; do
  printf 'name = "alpaca"\n%s\n[[stage]]\nname = "base"\nkind = "%s"\ndata = { file = "alpaca.jsonl", format = "%s" }\noptimizer = { steps = 1 }\n' "$model" ${kind% *} ${kind#* } > alpaca.toml
  run_lldm validate alpaca.toml
  expect_code 0 "a stage reads them: $kind"
done
python3 -c 'import json
row = lambda i: {"prompt": "p", "chosen": "c", "rejected": "c" if i in (7, 36) else "r"}
json.dump([row(i) for i in range(51)], open("line.json", "w"))'
run_lldm data check line.json --kind preference
at=$(python3 -c 'print(open("line.json").read().index("\"rejected\": \"c\"") - len("{\"prompt\": \"p\", \"chosen\": \"c\", ") + 1)')
expect_text "line.json:1: element 8: \"chosen\" and \"rejected\" are the same text (byte $at of the line, $at of the file)"
expect_text "line.json:1: element 37: "
python3 -c 'import json; json.dump([{"prompt": "p", "response": "r"}, {"prompt": "p", "response": "<mask>"}], open("masks.json", "w"))'
run_lldm data check masks.json --kind conversations --tokenizer bytes
expect_text 'masks.json:1: element 2: holds the text of the mask token, "<mask>" (byte 36 of the line, 36 of the file)'
run_lldm data stats line.json
check "a reason is counted once" [ "$(grep -c 'are the same text' <<< "$text")" -eq 1 ]
run_lldm data check qa.jsonl --kind conversations --columns promt=question
expect_code 2 "a key that no row has"
expect_text 'did you mean "prompt"'
python3 -c 'import json; json.dump([{"prompt": "p", "completion": "c", "label": True}, {"prompt": "p", "completion": "d", "label": 0}], open("labels.json", "w"), indent=1)'
run_lldm data check labels.json --kind unpaired
expect_code 2 "a bad element of an array"
expect_text 'labels.json:7: element 2: "label" must be true or false'
printf '{"text": "a"}\n{"text": "b\xff"}\n' > bad.jsonl
run_lldm data check bad.jsonl --kind text
expect_text "bad.jsonl:2: invalid UTF-8 (byte 12 of the line, 26 of the file)"

printf '{"prompt":"p","chosen":"ab","rejected":"r"}\n' > one_pair.jsonl
run_lldm data inspect one_pair.jsonl --tokenizer bytes
expect_code 0 "rows are looked at under bytes"
expect_text "chosen"

echo "stats"
rows train.jsonl 8 '{"prompt": "p%d" % (i // 2), "chosen": "good" * (i + 1), "rejected": "bad" if i else ""}'
rows test.jsonl 4 '{"prompt": " p%d\n" % (i + 3), "chosen": "good", "rejected": "good" if i == 1 else "bad"}'
run_lldm data stats train.jsonl test.jsonl
expect_code 0 "of two files"
expect_text '1 times: "rejected" is empty'
expect_text '1 times: "chosen" and "rejected" are the same text'
expect_text "repeated prompts: 3"
expect_text "prompts that train.jsonl and test.jsonl share: 1"
run_lldm data stats train.jsonl --tokenizer bytes --json
check "as JSON, in tokens" python3 -c 'import json, sys
said = json.loads(sys.argv[1]); lengths = said["files"][0]["lengths"]
assert said["unit"] == "tokens" and lengths["chosen"]["max"] == 32 and lengths["rejected"]["min"] == 3, said
assert sum(b["rows"] for b in lengths["chosen"]["histogram"]) == 7' "$text"

echo "convert"
gzip -c qa.jsonl > qa.jsonl.gz
run_lldm data convert qa.jsonl.gz --columns prompt=question,response=answer --out own.jsonl
expect_code 0 "gzip and other keys to our form"
check "as it should be" [ "$(head -n 1 own.jsonl)" = '{"prompt":"q0","response":"a0"}' ]
run_lldm data convert own.jsonl --out again.jsonl
check "our form is its own" cmp own.jsonl again.jsonl
sed -i '1d' train.jsonl
run_lldm data convert train.jsonl --to unpaired --out labels.jsonl
expect_text "labels.jsonl: 14 rows, in random order of seed 42"
check "pairs as labelled rows" [ "$(grep -cxF '{"prompt":"p0","completion":"bad","label":false}' labels.jsonl)" -eq 1 ]
check "two of each" [ "$(wc -l < labels.jsonl)" -eq 14 ]
run_lldm data convert train.jsonl --to unpaired --out labels_too.jsonl --seed 42
check "the seed decides the order" cmp labels.jsonl labels_too.jsonl
run_lldm data convert train.jsonl --to unpaired --out labels_too.jsonl --seed 1
check "and another gives another" [ "$(cmp -s labels.jsonl labels_too.jsonl; echo $?)$(cmp <(sort labels.jsonl) <(sort labels_too.jsonl) && echo same)" = 1same ]
run_lldm data convert own.jsonl --out again.jsonl --seed 1
expect_code 2 "a seed where nothing is random"
rows pairs.jsonl 3 '{"id": "x%d" % i, "prompt": "p%d" % i, "chosen": "c", "rejected": "r", "error": "unit", "grade_chosen": 1, "provenance": {"from": "f"}, "source": "web", **({"score": 0.5} if i else {}), "label": i}'
run_lldm data convert pairs.jsonl --out kept.jsonl
check "our own keys are carried on" [ "$(head -n 1 kept.jsonl)" = '{"id":"x0","prompt":"p0","chosen":"c","rejected":"r","error":"unit","grade_chosen":1,"provenance":{"from":"f"}}' ]
expect_text 'left out: "label" of 3 rows, "score" of 2 rows, "source" of 3 rows; --keep KEY,... or --keep all'
run_lldm data convert pairs.jsonl --out kept.jsonl --keep source,score
check "others that are named too" [ "$(sed -n 2p kept.jsonl)" = '{"id":"x1","prompt":"p1","chosen":"c","rejected":"r","error":"unit","grade_chosen":1,"provenance":{"from":"f"},"score":0.5,"source":"web"}' ]
expect_text 'left out: "label" of 3 rows; --keep'
run_lldm data convert pairs.jsonl --out kept.jsonl --keep all
expect_no_text "left out"
run_lldm data convert pairs.jsonl --out kept.jsonl --keep sourc
expect_code 2 "a key that no row holds"
expect_text 'did you mean "source"?'
run_lldm data convert pairs.jsonl --out kept.jsonl --to unpaired --keep label
expect_code 2 "a key in the place of one of the form"
run_lldm data convert pairs.jsonl --out kept.jsonl --to unpaired --keep source
check "what speaks of one answer stays with it" python3 -c 'import json
for line in open("kept.jsonl"):
    row = json.loads(line)
    assert set(row) - {"error", "grade_chosen"} == {"id", "prompt", "completion", "label", "provenance", "source"}, row
    assert ("error" in row) == (not row["label"]) and ("grade_chosen" in row) == row["label"], row'
rows turns.jsonl 2 '{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u", "weight": 1}, {"role": "assistant", "content": "a"}]}'
run_lldm data convert turns.jsonl --out kept.jsonl
expect_text 'left out: "messages[].weight" of 2 rows'
run_lldm data convert pairs.jsonl --out pairs.jsonl
expect_code 2 "the file itself as --out"

echo "split"
rows many.jsonl 400 '{"prompt": "p%d" % (i // 4), "response": "r%d" % i, "source": i}'
run_lldm data split many.jsonl --out parts --parts train=0.8,test=0.2 --seed 7
expect_code 0 "by prompt"
check "every row is in one part, as it stands" cmp <(sort many.jsonl) <(cat parts/*.jsonl | sort)
check "no prompt is in two" python3 -c 'import json
part = lambda name: {json.loads(line)["prompt"] for line in open("parts/" + name)}
train, test = part("train.jsonl"), part("test.jsonl")
assert not train & test and 8 <= len(test) <= 35, (len(train), len(test))'
cp parts/test.jsonl test_before
shuf --random-source=<(yes) many.jsonl > shuffled.jsonl
run_lldm data split shuffled.jsonl --out parts --parts train=0.8,test=0.2 --seed 7
check "another order, the same parts" cmp <(sort test_before) <(sort parts/test.jsonl)
run_lldm data split parts/train.jsonl --out parts --parts train=0.8,test=0.2
expect_code 2 "a part in the place of the file itself"
run_lldm data split many.jsonl --out parts --parts train=0.5,train=0.5
expect_code 2 "a part twice"
cp -r parts two_before
run_lldm data split many.jsonl --out parts --parts train=0.9,other=0.1 --seed 9
expect_code 2 "a folder with a part of another split"
expect_text "holds parts of another split, test.jsonl"
check "nothing is written then" diff -r parts two_before
run_lldm data split many.jsonl --out parts --parts train=0.9,test=0.1 --seed 9
expect_code 0 "all parts are replaced by those of another seed"
check "and share no prompt" [ -z "$(comm -12 <(grep -o '"p[0-9]*"' parts/train.jsonl | sort -u) <(grep -o '"p[0-9]*"' parts/test.jsonl | sort -u))" ]
cp parts/train.jsonl train_before
run_lldm data split own.jsonl --out parts --parts train=0.999999999,test=0.000000001
expect_code 2 "a part without a row"
check "nothing is replaced then" cmp parts/train.jsonl train_before
run_lldm data split many.jsonl --out parts --parts train=0.8,test=0.3
expect_code 2 "shares that do not sum to 1"

echo "parquet"
printf 'PAR1\x15\x04' > rows.parquet
run_lldm data check rows.parquet --kind text
expect_code 2 "a Parquet file"
expect_text "tools/parquet_to_jsonl"

echo "labelled answers"
cat > kto.toml << TOML
name = "kto"
$model
[[stage]]
name = "sft"
kind = "sft"
data = { file = "qa.jsonl.gz", columns = { prompt = "question", response = "answer" } }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { file = "labels.jsonl" }
objective = { type = "kto" }
score_estimator = { type = "monte_carlo_elbo", draws = 2 }
optimizer = { steps = 4, batch_size = 4 }
logging_steps = 1
validation_rows = 6 # of two prompts: a mismatched answer is one to another prompt
TOML
run_lldm validate kto.toml
expect_code 0 "kto on labelled rows"
run_lldm validate kto.toml --set tuned.objective=dpo
expect_code 2 "dpo on labelled rows"
expect_text 'rows are of form "unpaired" (prompt, completion, label), objective "dpo" compares 2 answers'
expect_text 'objective = "kto" trains on labelled answers'
run_lldm run kto.toml --out kto
expect_code 0 "a run"
expect_text "6 rows of form prompt_response (gzip)"
expect_text "14 rows of form unpaired (TRL)"
check "rewards of both sides are logged" grep -q '"train/rewards/margins"' kto/tuned/metrics.jsonl
check "the first loss is a half" python3 -c 'import json
first = json.loads(open("kto/tuned/metrics.jsonl").readline())
assert abs(first["train/loss"] - 0.5) < 1e-9, first'
rows even.jsonl 40 '{"prompt": "p%d" % i, "chosen": "good", "rejected": "bad"}'
run_lldm data convert even.jsonl --to unpaired --out even_labels.jsonl
run_lldm run kto.toml --out even --set tuned.data.file=even_labels.jsonl
expect_code 0 "pairs as convert writes them"
expect_no_text "the baseline depends on the order"
rows adjacent.jsonl 80 '{"prompt": "p%d" % (i // 2), "completion": "good" if i % 2 == 0 else "bad", "label": i % 2 == 0}'
run_lldm run kto.toml --out adjacent --set tuned.data.file=adjacent.jsonl
expect_code 0 "pairs one behind the other"
expect_text "0 % of the mismatched answers are wanted ones, of all answers 50 %"
expect_text "lldm data convert --to unpaired"
run_lldm run kto.toml --out cached --set 'tuned.reference={ cache = "cache" }'
expect_code 0 "with a cache of the reference"
check "the same bits" cmp kto/tuned/model/model.safetensors cached/tuned/model/model.safetensors

echo "the border of prompt and answer"
python3 - << 'PYTHON'
import json, os
os.makedirs("merging", exist_ok=True)
vocabulary = {chr(c): c - 33 for c in range(33, 127)}
vocabulary.update({"Ġ": 94, "Ċ": 95, "ab": 96})
extra = [chr(c) for c in list(range(161, 173)) + list(range(174, 256))] + [chr(256 + n) for n in range(68)]
for text in extra:
    vocabulary.setdefault(text, len(vocabulary))
special = [{"id": len(vocabulary) + i, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for i, text in enumerate(["<|endoftext|>", "<|mask|>"])]
json.dump({"version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
           "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}, "post_processor": None,
           "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
           "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary, "merges": ["a b"]}}, open("merging/tokenizer.json", "w"))
PYTHON
rows border.jsonl 4 '{"prompt": "is it a" if i == 2 else "is it", "response": "b%d" % i}'
cat > border.toml << 'TOML'
name = "border"
[model]
width = 16
layers = 1
heads = 2
max_length = 64
[tokenizer]
type = "tokenizer_json"
path = "merging/tokenizer.json"
mask_token = "<|mask|>"
end_of_text_token = "<|endoftext|>"
[template]
type = "plain"
separator = ""
[[stage]]
name = "sft"
kind = "sft"
data = { file = "border.jsonl" }
optimizer = { steps = 1, batch_size = 2 }
TOML
run_lldm run border.toml --out border
expect_code 0 "a token over the border is told"
check "with the place of the first" grep -qE 'of 1 of 4 answers \(first .*border.jsonl:3\) a token of prompt and answer together would span their border' <<< "$text"
run_lldm run border.toml --out border_prefix --set sft.prompt_boundary=prefix
expect_code 2 "and an error where that is asked for"
run_lldm data check border.jsonl --kind conversations --tokenizer border/sft/model
expect_text "of 1 of 4 answers (first border.jsonl:3) a token"
run_lldm data stats border.jsonl --tokenizer border/sft/model
expect_text "tokens across the border of prompt and answer: 1"
run_lldm data check border.jsonl --kind conversations --tokenizer bytes
expect_no_text "would span their border"

echo "rows that are too long"
rows long.jsonl 10 '{"prompt": "p" * (60 if i == 3 else 20), "chosen": "c" * (10 if i != 5 else 70), "rejected": "r%d" % i}'
cat > long.toml << TOML
name = "long"
$model
[[stage]]
name = "sft"
kind = "sft"
data = { file = "long.jsonl", take = "chosen" }
optimizer = { steps = 2, batch_size = 2 }
TOML
run_lldm run long.toml --out refused
expect_code 2 "an error without long_rows"
expect_text "2 text(s) are longer than the model's 64 tokens"
expect_text 'long_rows = "drop"'
for treatment in drop truncate_prompt_left truncate_response_right; do
  run_lldm run long.toml --out "$treatment" --set "sft.long_rows=\"$treatment\""
  expect_code 0 "$treatment"
  expect_text "long_rows = \"$treatment\": "
done
check "dropped rows are counted" grep -q '"dropped":2' <(tr -d ' \n' < drop/sft/result.json)
check "a cut prompt, and an answer without room" grep -q '"cut":1,"dropped":1' <(tr -d ' \n' < truncate_prompt_left/sft/result.json)
check "both are cut" grep -q '"cut":2,"dropped":0' <(tr -d ' \n' < truncate_response_right/sft/result.json)
run_lldm run long.toml --out padded --set sft.long_rows=drop --set sft.response_length=16 --set sft.score_padding=hide
expect_code 0 "hidden padding"
run_lldm run long.toml --out own --set sft.long_rows=drop
check "is an answer's own length, bit by bit" cmp padded/sft/model/model.safetensors own/sft/model/model.safetensors
run_lldm run long.toml --out trained --set sft.long_rows=drop --set sft.response_length=16
expect_code 0 "padding that is trained on"
check "is another model" [ "$(sha256sum < trained/sft/model/model.safetensors)" != "$(sha256sum < own/sft/model/model.safetensors)" ]

echo "packed corpora"
rows texts.jsonl 300 '{"text": "this is text number %d, and it goes on for a while" % i}'
run_lldm data pack texts.jsonl --tokenizer bytes --out corpus
expect_code 0 "texts as tokens"
expect_text "corpus: 300 texts"
run_lldm data pack texts.jsonl --tokenizer bytes --out corpus
expect_code 1 "a folder that is there"
cat > pretrain.toml << TOML
name = "pretrain"
$model
[[stage]]
name = "base"
kind = "pretraining"
data = { corpus = "corpus" }
optimizer = { steps = 12, batch_size = 4 }
random_length_share = 0.3
validation_rows = 5
logging_steps = 1
save_steps = 3
TOML
run_lldm validate pretrain.toml
expect_code 0 "a stage that reads it"
run_lldm data inspect pretrain.toml --rows 1
expect_text "the first 243 of 243 rows"
expect_text "this is text number 0"
run_lldm run pretrain.toml --out whole
expect_code 0 "a run"
expect_text "rows of a packed corpus"
check "less than an epoch" python3 -c 'import json
result = json.load(open("whole/base/result.json"))
assert result["rows"] > 12 * 4 and result["steps"] == 12, result'
run_lldm run pretrain.toml --out parts_of_it --set max_hours=1e-9
expect_code 75 "a run that is stopped"
run_lldm run pretrain.toml --out parts_of_it
expect_code 0 "goes on to the end"
check "bit by bit the same model" cmp whole/base/model/model.safetensors parts_of_it/base/model/model.safetensors
run_lldm run pretrain.toml --out isolated --set 'base.data={ corpus = "corpus", packing = "isolated", length = 40 }'
expect_code 0 "isolated texts"
rows short.jsonl 300 '{"text": "text %d" % i}'
run_lldm data pack short.jsonl --tokenizer bytes --out short
short=(--set 'base.data={ corpus = "short", packing = "isolated" }')
run_lldm data inspect pretrain.toml "${short[@]}" --rows 1
expect_text "the first 41 of 41 rows, 300 texts"
expect_text "row 1, text 1"
run_lldm run pretrain.toml --out short_run "${short[@]}"
expect_code 0 "short texts, several a row"
check "a step counts rows: four of seven to nine texts" python3 -c 'import json
passes = [json.loads(line)["train/forward_passes"] for line in open("short_run/base/metrics.jsonl") if "train/forward_passes" in line]
assert len(passes) == 12 and all(20 <= n <= 36 for n in passes), passes'
run_lldm run pretrain.toml --out short_parts "${short[@]}" --set max_hours=1e-9
run_lldm run pretrain.toml --out short_parts "${short[@]}"
check "resumed, bit by bit the same model" cmp short_run/base/model/model.safetensors short_parts/base/model/model.safetensors
check "are other rows" [ "$(sha256sum < isolated/base/model/model.safetensors)" != "$(sha256sum < whole/base/model/model.safetensors)" ]
run_lldm run pretrain.toml --out diverging "${short[@]}" --set base.optimizer.learning_rate=1e12
check "a score that is no number names texts of the corpus" grep -qE 'short, text [0-9]+' <<< "$text"
run_lldm validate pretrain.toml --set 'base.data={ corpus = "corpus", length = 65 }'
check "rows longer than the model" [ "$code" -eq 2 ]
sed 's/type = "bytes"/type = "words"/; s/{ corpus = "corpus" }/{ file = "texts.jsonl" }/' pretrain.toml > words.toml
run_lldm run words.toml --out words --set base.optimizer.steps=1
expect_code 0 "a model of words"
run_lldm data pack texts.jsonl --tokenizer words/base/model --out words_corpus
expect_code 0 "and its corpus"
run_lldm run pretrain.toml --out other --set 'base.data={ corpus = "words_corpus" }'
expect_code 2 "are not the stage's"
expect_text "was packed with another tokenizer than the stage's"
sed 's/type = "bytes"/type = "words"/' pretrain.toml > words_corpus.toml
run_lldm run words_corpus.toml --out wordless
expect_code 2 "words of a corpus"
expect_text "which holds tokens of its own tokenizer"
sed 's/kind = "pretraining"/kind = "sft"/; /random_length/d' pretrain.toml > sft.toml
run_lldm validate sft.toml
expect_code 2 "a corpus for sft"
expect_text "a corpus holds texts"
peak() { # KiB that a run of the program held at most, without pages of mapped files, which the
  # system takes back when it needs them
  python3 -c 'import re, subprocess, sys
child, most = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0
while child.poll() is None:
    try: most = max(most, int(re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{child.pid}/status").read()).group(1)))
    except (AttributeError, OSError): pass
assert child.returncode == 0, child.returncode
print(most)' "$LLDM" "$@"
}
python3 -c 'import json
text = json.dumps({"text": "a text that is repeated until it is a thousand bytes long; " * 17})
with open("big.jsonl", "w") as out:
    for i in range(60000): out.write(text + "\n")'
small=$(peak data pack texts.jsonl --tokenizer bytes --out small_corpus)
big=$(peak data pack big.jsonl --tokenizer bytes --out big_corpus)
tokens=$(($(stat -c %s big_corpus/tokens.bin) / 1024))
check "packing $tokens KiB of tokens holds $((big - small)) KiB more than packing a few" [ $((big - small)) -lt $((tokens / 8)) ]
small=$(peak run pretrain.toml --out few)
big=$(peak run pretrain.toml --out many --set 'base.data={ corpus = "big_corpus" }')
check "training on them holds $((big - small)) KiB more than training on a few" [ $((big - small)) -lt $((tokens / 8)) ]
big=$(peak run pretrain.toml --out many_isolated --set 'base.data={ corpus = "big_corpus", packing = "isolated" }')
check "and $((big - small)) KiB more with isolated texts" [ $((big - small)) -lt $((tokens / 8)) ]
cp -r corpus flipped
printf '\001' | dd of=flipped/tokens.bin bs=1 seek=100 conv=notrunc status=none
run_lldm run pretrain.toml --out flipped_run --set 'base.data={ corpus = "flipped" }'
expect_code 2 "a corpus with a changed byte"
expect_text "tokens.bin"
truncate -s -2 corpus/tokens.bin
run_lldm validate pretrain.toml
expect_code 2 "a torn corpus"
expect_text "tokens.bin"

echo "labels"
rows answers.jsonl 5 '{"prompt": "2 + %d?" % i, "answers": ["%d" % (2 + i), "no\x1b[2J idea %d" % i]}'
printf '1\n2\nx\nt\nu\ns\nq\n' | "$LLDM" data label answers.jsonl --out hand.jsonl > shown 2>&1
check "by hand" grep -q "hand.jsonl: 2 pairs; neither 0, skipped 1, without a verdict 2" shown
check "no text drives the terminal" [ -z "$(grep -a $'\x1b' shown)" ]
cp hand.jsonl before.jsonl
printf 'q\n' | "$LLDM" data label answers.jsonl --out hand.jsonl > shown 2>&1
check "goes on where it was" grep -q "without a verdict 2" shown
check "and keeps what was said" cmp hand.jsonl before.jsonl
run_lldm data check hand.jsonl --kind preference
expect_code 0 "preference rows"
run_lldm data label answers.jsonl --out hand.jsonl --seed 3
expect_code 2 "another seed beside these verdicts"
cat > judge.py << 'PY'
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"verdict": "first" if row["first"].isdigit() else "second"}))
PY
run_lldm data label answers.jsonl --out judged.jsonl --judge "python3 judge.py" --batch 2
expect_code 0 "by a judge"
expect_text "judged.jsonl: 5 pairs"
check "whatever the order it was shown" [ "$(grep -c '"chosen":"[0-9]","rejected":"no' judged.jsonl)" -eq 5 ]
run_lldm data label answers.jsonl --out broken.jsonl --judge 'head -n 1 > /dev/null; echo "{\"verdict\": \"best\"}"'
expect_code 2 "a judge that says something else"
expect_text '{"verdict": "first"}, "second" or "tie"'
run_lldm data label answers.jsonl --out failing.jsonl --judge 'echo no >&2; exit 3'
check "a judge that fails" [ "$code" -ne 0 ]
cat > judge_once.py << 'PY'
import os, sys
if os.path.exists("judged_once"): sys.exit("tired")
open("judged_once", "w").close()
exec(open("judge.py").read())
PY
run_lldm data label answers.jsonl --out resumed.jsonl --judge "sh -c 'test -e fixed && exec python3 judge.py; exec python3 judge_once.py'" --batch 2
check "a judge that fails at the second call" [ "$code" -eq 1 ]
expect_text "what was judged before is kept; the same command goes on"
check "two verdicts are kept, no pairs are written" [ "$(wc -l < resumed.jsonl.verdicts.jsonl)$([ -e resumed.jsonl ] && echo written)" = 3 ]
touch fixed
run_lldm data label answers.jsonl --out resumed.jsonl --judge "sh -c 'test -e fixed && exec python3 judge.py; exec python3 judge_once.py'" --batch 2
expect_code 0 "the same command again"
check "gives what a judge gives who does not fail" cmp <(sed 's/,"labelled.*//' judged.jsonl) <(sed 's/,"labelled.*//' resumed.jsonl)
run_lldm data label answers.jsonl --out resumed.jsonl --judge "python3 judge.py"
expect_code 2 "another judge beside these verdicts"
printf '1\n2\nt\n1\n2\n' | "$LLDM" data label answers.jsonl --out at_once.jsonl > /dev/null 2>&1
printf '1\n2\nq\n' | "$LLDM" data label answers.jsonl --out in_parts.jsonl > /dev/null 2>&1
printf '{"row": 3, "verd' >> in_parts.jsonl.verdicts.jsonl
printf 't\n1\n2\n' | "$LLDM" data label answers.jsonl --out in_parts.jsonl > /dev/null 2>&1
check "by hand in two sittings, with a torn verdict between them" cmp at_once.jsonl in_parts.jsonl
printf 'q\n' | "$LLDM" data label answers.jsonl --out unbegun.jsonl > /dev/null 2>&1
: > unbegun.jsonl.verdicts.jsonl
printf '1\nq\n' | "$LLDM" data label answers.jsonl --out unbegun.jsonl > /dev/null 2>&1
printf 'q\n' | "$LLDM" data label answers.jsonl --out unbegun.jsonl > shown 2>&1
check "stopped before its first line" grep -q "unbegun.jsonl: 1 pairs" shown
run_lldm data label answers.jsonl --out answers.jsonl --judge "python3 judge.py"
expect_code 2 "the answers themselves as --out"
check "are not written over" [ "$(wc -l < answers.jsonl)" -eq 5 ]
run_lldm data label pairs.jsonl --out columns.jsonl --judge "python3 judge.py"
run_lldm data label pairs.jsonl --out columns.jsonl --judge "python3 judge.py" --columns chosen=rejected,rejected=chosen
expect_code 2 "other columns beside these verdicts"

echo "labels of a checker"
rows problems.jsonl 6 '{"id": "p%d" % i, "prompt": "What is %d + 1?" % i, "answer": str(i + 1)}'
rows candidates.jsonl 8 '{"prompt": "What is %d + 1?" % i, "answers": ["Answer: %d" % (i + 1 if i % 2 else 0), "Answer: %d" % (0 if i % 2 else i + 1 if i < 4 else -1)]}'
by_task=(--task file --set file="$PWD/problems.jsonl" --set 'extract="Answer: (-?[0-9]+)"')
run_lldm data label candidates.jsonl --out checked.jsonl "${by_task[@]}"
expect_code 0 "by a task's checker"
expect_text "checked.jsonl: 5 pairs; neither 1, skipped 2, without a verdict 0"
check "the right answer is chosen, wherever it stood" python3 -c 'import json
rows = [json.loads(line) for line in open("checked.jsonl")]
assert [row["labelled"]["row"] for row in rows] == [1, 2, 3, 4, 6], rows
for row in rows:
    first = int(row["prompt"].split()[2])
    assert row["chosen"] == "Answer: %d" % (first + 1) and row["labelled"]["by"].startswith("task file file="), row'
head -n 4 checked.jsonl.verdicts.jsonl > cut.jsonl.verdicts.jsonl
run_lldm data label candidates.jsonl --out cut.jsonl "${by_task[@]}"
check "resumed after three verdicts it is the same" cmp checked.jsonl cut.jsonl
check "verdicts and all" cmp checked.jsonl.verdicts.jsonl cut.jsonl.verdicts.jsonl
run_lldm data label candidates.jsonl --out cut.jsonl --task file --set file="$PWD/problems.jsonl" --set 'extract="([0-9]+)"'
expect_code 2 "another option of the task beside these verdicts"
run_lldm data label candidates.jsonl --out x.jsonl --task gsm
expect_code 2 "no task of this name"
run_lldm data label candidates.jsonl --out x.jsonl --judge "python3 judge.py" --set path=x
expect_code 2 "options of a task without one"
run_lldm data label candidates.jsonl --out mistaken.jsonl --task file --set path=problems.jsonl
expect_code 2 "a key that the task has not"
run_lldm data label candidates.jsonl --out mistaken.jsonl "${by_task[@]}"
expect_code 0 "and the same --out once it is mended: nothing had been said"
run_lldm data label checked.jsonl --out again.jsonl "${by_task[@]}"
expect_code 0 "rows that were labelled are labelled again"
rows strange.jsonl 8 '{"prompt": "What is %d + %d?" % (i, 1 + i // 6), "answers": ["Answer: %d" % (i + 1), "Answer: 0"]}'
run_lldm data label strange.jsonl --out few.jsonl "${by_task[@]}"
expect_code 0 "a few prompts of no problem"
expect_text '2 of 8 prompts are no problems of task "file" and are skipped: the task must be the one'
sed 's/What is/What was/' strange.jsonl > none.jsonl
run_lldm data label none.jsonl --out none_labelled.jsonl "${by_task[@]}"
expect_code 2 "prompts of another task"
expect_text 'none of the 8 prompts is one of the 6 problems of task "file"'
check "and leaves nothing" [ -z "$(ls | grep none_labelled)" ]
run_lldm data check checked.jsonl --kind preference
expect_no_text "keys that nobody reads"
rows ambiguous.jsonl 2 '{"id": "p%d" % i, "prompt": "What is" + " " * (i + 1) + "2 + 1?", "answer": str(i + 1)}'
rows ambiguous_candidates.jsonl 1 '{"prompt": "What is\n2 + 1?", "answers": ["Answer: 1", "Answer: 2"]}'
run_lldm data label ambiguous_candidates.jsonl --out y.jsonl --task file --set file="$PWD/ambiguous.jsonl" --set 'extract="Answer: (-?[0-9]+)"'
expect_code 2 "a prompt of two problems with different answers"
expect_text "ambiguous_candidates.jsonl:1: which problem it answers cannot be told: "
expect_text "ambiguous.jsonl:1 and "
rows exact_candidates.jsonl 1 '{"prompt": "What is  2 + 1?", "answers": ["Answer: 1", "Answer: 2"]}'
run_lldm data label exact_candidates.jsonl --out exact.jsonl --task file --set file="$PWD/ambiguous.jsonl" --set 'extract="Answer: (-?[0-9]+)"'
expect_code 0 "one that asks the same to the letter"
check "is judged by that problem" grep -q '"chosen": *"Answer: 2"' exact.jsonl
summary
