#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files that are not what they should be, and sizes that no machine has: each is named, with exit
# code 2 (4 for plugins), in seconds and without the memory it asks for.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
ulimit -v $((12 * 1024 * 1024)) # KiB; what asks for more is killed by its own allocation
cd "$WORK"

refused() { # seconds at most, what, text of the message, then the command's arguments
  local limit=$1 what=$2 said=$3
  shift 3
  text=$(timeout "$limit" "$LLDM" "$@" 2>&1)
  code=$?
  expect_code 2 "$what"
  expect_text "$said"
  check "no raw exception" bash -c '! grep -qE "json.exception|terminate called|what\(\)|bad_alloc|filesystem error" <<< "$1"' - "$text"
}

cat > own.toml << 'TOML'
name = "own"
[model]
width = 16
layers = 1
heads = 2
max_length = 64
[tokenizer]
type = "bytes"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
TOML
printf '%s\n' '{"prompt": "a", "response": "b"}' '{"prompt": "c", "response": "d"}' > rows.jsonl
run_lldm run own.toml --out own
expect_code 0 "a model to damage"
MODEL=$WORK/own/sft/model
check "it is there" [ -f "$MODEL/model.safetensors" ]
model() { # NAME: a copy without manifest, to be damaged
  rm -rf "$1" && cp -r "$MODEL" "$1" && rm -f "$1"/MANIFEST.json
}

sed '/^\[model\]/,/^max_length/d; /^\[tokenizer\]/,/^type/d' own.toml > plain.toml # starts from a folder

echo "only regular files are opened"
mkfifo pipe.toml pipe.jsonl pipe.json
refused 30 "a named pipe as experiment" 'is a named pipe' validate pipe.toml
refused 30 "a device as experiment" 'is a character device' validate /dev/zero
refused 30 "a folder as experiment" 'must be a readable file' validate "$WORK"
sed '1i extends = ["pipe.toml"]' own.toml > extends.toml
refused 30 "a named pipe that is extended" 'extends.toml:1:12: cannot read "pipe.toml"' validate extends.toml
refused 30 "rows from a named pipe" 'pipe.jsonl: is a named pipe' run own.toml --out piped --set sft.data.file=pipe.jsonl
refused 30 "inspected rows from a named pipe" 'pipe.jsonl: is a named pipe' data inspect pipe.jsonl
refused 30 "inspected rows from a device" '/dev/zero: is a character device' data inspect /dev/zero
refused 30 "scored rows from a named pipe" 'pipe.jsonl: is a named pipe' score "$MODEL" pipe.jsonl
refused 30 "inspected rows from a folder" 'is a folder' data inspect "$WORK"
refused 30 "a tokenizer that is a pipe" 'is a named pipe' run own.toml --out tokens --set tokenizer.type=tokenizer_json --set tokenizer.path=pipe.json
for file in config.json model.safetensors lldm_tokenizer.json tokenizer.json template.toml; do
  model piped
  [ -e "piped/$file" ] || continue
  rm "piped/$file" && mkfifo "piped/$file"
  refused 30 "a model's $file that is a named pipe" 'is a named pipe' sample piped --prompt a
done
model linked && mv linked/config.json real.json && ln -s ../real.json linked/config.json
run_lldm sample linked --prompt a --set sampler.response_length=4 --set sampler.steps=2
expect_code 0 "a link to a regular file"
mkfifo plugin.so
text=$(timeout 30 "$LLDM" list --plugin ./plugin.so 2>&1)
code=$?
expect_code 4 "a plugin that is a named pipe"

echo "files of other kinds are named"
printf '\xfd7zXZ\0\0' > rows.xz.jsonl
gzip -c rows.jsonl | head -c 40 > torn.gz.jsonl
iconv -f UTF-8 -t UTF-16 rows.jsonl > utf16.jsonl
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n' > lfs.jsonl
printf '[\n{"prompt": "a", "response": "b"}\n' > array.jsonl
printf '\xef\xbb\xbf{"prompt": "a", "response": "b"}\n' > bom.jsonl
printf '<!DOCTYPE html><html></html>\n' > page.jsonl
while IFS='|' read -r file said; do
  refused 30 "$file in training" "$said" run own.toml --out other --set "sft.data.file=$file"
  refused 30 "$file inspected" "$said" data inspect "$file"
  refused 30 "$file scored" "$said" score "$MODEL" "$file"
done << 'LIST'
rows.xz.jsonl|is compressed with xz
torn.gz.jsonl|the gzip data ends too early
utf16.jsonl|is UTF-16
lfs.jsonl|is a Git LFS pointer
array.jsonl|torn file: it ends inside its array
bom.jsonl|starts with a byte order mark
page.jsonl|is a web page
LIST
gzip -c own.toml > gz.toml
refused 30 "an experiment that is gzip" 'is compressed with gzip' validate gz.toml
iconv -f UTF-8 -t UTF-16LE own.toml > utf16.toml
refused 30 "an experiment in UTF-16" 'is UTF-16' validate utf16.toml
(printf '\xef\xbb\xbf' && sed 's/$/\r/' own.toml) > crlf.toml
run_lldm validate crlf.toml
expect_code 0 "a byte order mark and CRLF in TOML"

echo "model folders"
model lfs && cp lfs.jsonl lfs/model.safetensors
refused 30 "weights that are a Git LFS pointer" 'model.safetensors: is a Git LFS pointer' sample lfs --prompt a
model peft && rm peft/config.json peft/model.safetensors && touch peft/adapter_config.json peft/adapter_model.safetensors
refused 30 "a PEFT folder" 'is a PEFT adapter, not a whole model' sample peft --prompt a
refused 30 "a PEFT folder to start from" 'is a PEFT adapter, not a whole model' validate plain.toml --set 'sft.from="./peft"'
model pickle && rm pickle/model.safetensors && printf '\x80\x02}q' > pickle/pytorch_model.bin
# promise 22: a pickle is named and never read
refused 30 "pickled weights" 'is a pickle, which can execute code' sample pickle --prompt a
rewrite() { # FOLDER, python over the header `h` (an object) or the bytes `raw` of it
  python3 - "$1/model.safetensors" "$2" << 'PY'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
raw, body = data[8:8 + size], data[8 + size:]
h = json.loads(raw)
space = {"h": h, "raw": None, "body": body, "json": json, "old": raw}
exec(sys.argv[2], space)
raw = space["raw"] if space["raw"] is not None else json.dumps(space["h"]).encode()
open(sys.argv[1], "wb").write(struct.pack("<Q", len(raw)) + raw + space["body"])
PY
}
for prefix in module. _orig_mod.; do
  model prefixed && rewrite prefixed "h = {('$prefix' + k if k != '__metadata__' else k): v for k, v in h.items()}"
  refused 30 "names that begin with $prefix" "every tensor's name begins with \"$prefix\"" sample prefixed --prompt a
done
while IFS='|' read -r what change said; do
  model header && rewrite header "$change"
  # promise 22: headers with garbage, lies, deep nesting and huge shapes are refused by name
  refused 30 "$what" "$said" sample header --prompt a
done << 'LIST'
a byte order mark before the header|raw = b'\xef\xbb\xbf' + old|InvalidHeaderDeserialization
garbage before the header|raw = b'xx' + old|InvalidHeaderDeserialization
garbage behind the header|raw = old + b'x'|InvalidHeaderDeserialization
a NUL behind the header|raw = old + b'\0x'|InvalidHeaderDeserialization
trailing bytes|body = body + b'x'|MetadataIncompleteBuffer
missing bytes|body = body[:-1]|MetadataIncompleteBuffer
a name twice|raw = old[:old.rindex(b'}')] + b',"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' * 2 + b'}'|"x" twice
a name with NUL|h['a\0b'] = h.pop(next(k for k in h if k != '__metadata__'))|no NUL
deep nesting|raw = b'{"t":' + b'[' * 100000|InvalidHeaderDeserialization
a shape that overflows|next(v for k, v in h.items() if k != '__metadata__')['shape'] = [2**62, 2**62]|ValidationOverflow
60,000 empty tensors|h.update({f't{i}': {'dtype': 'F32', 'shape': [0], 'data_offsets': [0, 0]} for i in range(60000)})|is unexpected
a shape of 33,000,000 sizes|raw = b'{"t":{"dtype":"F32","data_offsets":[0,0],"shape":[0' + b',0,0,0' * 11000000 + b']}}'|rank is above the limit
LIST

echo "config.json"
config() { # python over `c`
  model sized
  python3 - sized/config.json "$1" << 'PY'
import json, sys
space = {"c": json.load(open(sys.argv[1])), "text": None}
exec(sys.argv[2], space)
open(sys.argv[1], "w").write(space["text"] if space["text"] is not None else json.dumps(space["c"]))
PY
}
while IFS='|' read -r change said; do
  config "$change"
  refused 30 "$change" "$said" validate own.toml --set model.path=sized
  [[ $change == *'10**9'* || $change == *1e400* ]] || continue
  refused 30 "$change, sampled from" "$said" sample sized --prompt a
  refused 30 "$change, planned" "$said" plan plain.toml --set sft.from="$WORK/sized"
done << 'LIST'
c['n_layers'] = 10**9|no machine holds this model: its weights need
c['d_model'] = 10**9|no machine holds this model: its weights need
c['vocab_size'] = c['embedding_size'] = 10**12|"vocab_size" must be a whole number from 1 to 2147483648, got 1000000000000
c['max_sequence_length'] = 2**31; c['d_model'] = 2**20|no machine holds this model
c['d_model'] = -1|"d_model" must be a whole number
c['d_model'] = 2**63|"d_model" must be a whole number from 1 to 2147483648, got 9223372036854775808
c['d_model'] = 16.5|"d_model" must be a whole number
c['d_model'] = '16'|"d_model" must be a whole number
c['d_model'] = [16]|"d_model" must be a whole number from 1 to 2147483648, got array
del c['n_heads']|"n_heads" is missing
c['mask_token_id'] = 2**63|"mask_token_id" must be a token id
text = json_text = '{"d_model": 1e400}'|config.json:1:17: not JSON: number overflow
text = '{"d_model": 1, "d_model": 1}'|config.json:1:24: key "d_model" twice
text = '[' * 100000|config.json:1:65: nested deeper than 64 levels
text = '[]'|config.json: must be a JSON object
text = ''|config.json:1:1: not JSON
c['rope_theta'] = 'x'|"rope_theta" must be a positive number
c['weight_tying'] = 1|"weight_tying" must be true or false
LIST
model tokens && echo '{"format": 1, "type": 3, "special": {}}' > tokens/lldm_tokenizer.json
for file in lldm_tokenizer.json tokenizer.json; do
  for content in '{"format": 1e400}' '[]' '{"type": 3}' '{"format": -1, "type": "bytes", "special": {}}' 'x' '{"a":1,"a":2}'; do
    model tokens && rm -f tokens/*tokenizer*.json && echo "$content" > "tokens/$file"
    [ -e "$MODEL/$file" ] || [ "$file" = tokenizer.json ] || continue
    refused 30 "$file of $content" "tokens/$file" sample tokens --prompt a
  done
done

echo "sizes"
while IFS='|' read -r key said; do
  refused 20 "$key" "$said" validate "$SMOKE" --set "$key"
  [[ $key == *layers* || $key == sft.response* || $key == threads* ]] || continue
  refused 20 "$key, planned" "$said" plan "$SMOKE" --set "$key"
  refused 20 "$key, run" "$said" run "$SMOKE" --out sizes --set "$key"
done << 'LIST'
model.layers=1000000000|no machine holds this model: its weights need
model.width=1000000000|no machine holds this model: its weights need
model.width=1000000000000000000|no size of a model
model.max_length=2000000000000|no size of a model
sft.response_length=100000000|response_length = 100000000 leaves no room for a prompt
sampler.response_length=100000000|response_length = 100000000 leaves no room for a prompt
sampler.response_length=1000000000000000000|response_length
threads=4096|threads = 4096, this machine has
tuned.score_estimator.draws=1000000000|"draws" must be in [1, 65536]
sampler.steps=1000000000|"steps" must be in [1, 16777216]
sft.optimizer={ batch_size = 1048576, gradient_accumulation_steps = 1048576 }|noised copies of one step
sft.optimizer.steps=1000000000000000000|rows in all
LIST
run_lldm validate "$SMOKE" --set model.layers=50000000
expect_code 0 "a model of 2 TiB may be meant for another machine"
refused 20 "a model of 2 TiB, here" "this machine does not hold the model: " run "$SMOKE" --out sizes --set model.layers=50000000
refused 20 "answers of 1e8 tokens" "leaves no room for a prompt" sample "$MODEL" --prompt a --set sampler.response_length=100000000
refused 20 "1e9 answers" "samples_per_prompt" sample "$MODEL" --prompt a --samples 1000000000

echo "names"
long=$(printf 'n%.0s' $(seq 300))
refused 30 "--out ''" '--out is empty' run own.toml --out ''
refused 30 "--out= of 300 characters" 'has a part of 300 bytes' run own.toml --out "$long"
refused 30 "an empty file name" 'is empty' validate ''
refused 30 "a file name of 300 characters" 'has a part of 300 bytes' validate "$long"
refused 30 "a model folder of 300 characters" 'has a part of 300 bytes' sample "$long" --prompt a
refused 30 "an empty --csv" '--csv is empty' export own --csv ''
refused 30 "a stage of 300 characters" 'has 300 bytes' validate own.toml --set "sft.name=$long"
refused 30 "an experiment of 300 characters" 'the name has 300 bytes' validate own.toml --set "name=$long"
refused 30 "a control character in a name" 'holds a control character' validate own.toml --set 'name="a\u0007b"'
refused 30 "a NUL in a name" 'a string holds a NUL character' validate own.toml --set 'name="a\u0000b"'
refused 30 "a NUL in a file name" 'a string holds a NUL character' validate own.toml --set 'sft.data.file="rows.jsonl\u0000x"'
refused 30 "a file of 300 characters" 'has a part of 300 bytes' validate own.toml --set "sft.data.file=$long"
refused 30 "a model folder of 300 characters in a file" 'has a part of 300 bytes' validate own.toml --set "sft.from=./$long"
refused 30 "a control character in a stage's name" 'a stage is named "a\x07b"' validate own.toml --set 'sft.name="a\u0007b"'

text=$("$LLDM" validate own.toml --set 'sft.kind="\u001b[31mred"' 2>&1)
check "no escape sequence of a file reaches the terminal" bash -c '! grep -q $'"'\\x1b'"' <<< "$1"' - "$text"
expect_text '\x1b[31mred'

echo "TOML"
toml() { # what, text of the message, then lines of python that print the file
  python3 -c "$3" > t.toml
  refused 20 "$1" "$2" validate t.toml
}
# promise 11: nesting, huge arrays, control characters and bad UTF-8 end in messages
toml "deep nesting" "t.toml:1:" 'print("a = " + "[" * 100000)'
toml "deep nesting of tables" "t.toml:1:" 'print("a" + ".a" * 100000 + " = 1")'
toml "a huge array" "must be" 'print("name = [" + "0," * 1000000 + "0]")'
toml "a huge array of seeds" "[grid] seeds has 200000 values" 'print(open("own.toml").read() + "[grid]\nseeds = [" + ",".join(map(str, range(200000))) + "]")'
toml "an axis of 200,000 values" "sft.optimizer.beta1\" has 200000 values" 'print(open("own.toml").read() + "[grid.axes]\n\"sft.optimizer.beta1\" = [" + ",".join(map(str, range(200000))) + "]")'
toml "100,000 unknown keys" "more than 200 mistakes" 'print("\n".join(f"k{i} = {i}" for i in range(100000)))'
toml "a huge integer" "t.toml:1:" 'print("seed = 99999999999999999999")'
toml "the largest integer" "" 'print(open("own.toml").read().replace("width = 16", "width = 9223372036854775807"))'
toml "a control character" "t.toml:1:" 'print("name = \"a\x01b\"")'
toml "a NUL" "t.toml:1:" 'print("name = \"a\0b\"")'
toml "bad UTF-8" "t.toml:" 'import sys; sys.stdout.buffer.write(b"name = \"\xff\"\n")'
toml "all mistakes at once" "t.toml:3:1" 'print("name = 1\n[model]\nwidht = 3\nlayers = \"x\"\n[[stage]]\nname = \"s\"\nkind = \"sft\"")'
expect_text "t.toml:4:10"
toml "5 MiB" "is larger than 4 MiB" 'print("# " + "x" * 5000000)'

echo "results of a run"
for content in 'x' '[]' '{"hash": 3}' '{"rows": 1e400}' ''; do
  echo "$content" > own/report.json
  refused 30 "report.json of $content" "report.json" report own
done
run_lldm grid collect own
cp own/index.json index.bak
sed -i -E '0,/"hash": "[0-9a-f]/s/("hash": ")([0-9a-f])/\1x/' own/index.json
refused 30 "a flipped character of index.json" "index.json: damaged" run own.toml --out own
cp index.bak own/index.json
run_lldm run own.toml --out own
expect_text "reused 1, to do 0"
for content in 'x' '{"schedule": 3}' '[]' '{"work": [{"hash": 3, "folder": "x"}]}' '{"scheme": "x", "work": []}' '{"scheme": 5, "threads": "x", "work": []}'; do
  cp own/index.json index.bak
  echo "$content" > own/index.json
  refused 30 "index.json of $content" "index.json" grid status own
  cp index.bak own/index.json
done

echo "rows and stages of later stages, before anything is trained"
printf '%s\n' '{"prompt": "a", "response": "b"}' '{"prompt": "c", "response": 3}' > late.jsonl
cat own.toml - > stages.toml << 'TOML'
[[stage]]
name = "second"
kind = "sft"
from = "sft"
data = { file = "late.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "pairs"
kind = "synthesize"
method = "inject"
task = { type = "word_problems", rows = 8 }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { stage = "pairs" }
optimizer = { steps = 2, batch_size = 2 }
[[stage]]
name = "held_out"
kind = "evaluate"
models = ["tuned"]
pairs = { stage = "pairs" }
TOML
refused 30 "a bad row of a later stage" 'late.jsonl:2' validate stages.toml
refused 30 "the same in a run" 'late.jsonl:2' run stages.toml --out late
check "nothing was trained" [ ! -e late/sft ]
cp rows.jsonl late.jsonl
run_lldm validate stages.toml
expect_code 0 "whole rows"
refused 30 "pairs of a stage that makes none" 'stage "sft" is a stage of kind sft: it makes no pairs' validate stages.toml --set 'tuned.data={stage="sft"}'
refused 30 "pairs to score of such a stage" 'it makes no pairs' validate stages.toml --set 'held_out.pairs={stage="sft"}'
refused 30 "a model of a stage that makes none" 'stage "pairs" is a stage of kind synthesize: it makes no model' validate stages.toml --set 'tuned.from="pairs"'
refused 30 "a model to measure" 'it makes no model' validate stages.toml --set 'held_out.models=["pairs", "tuned"]'
refused 30 "a reference" 'it makes no model' validate stages.toml --set 'held_out.reference="pairs"'
expect_text 'stages that make one: sft, second, tuned'
refused 30 "samples where none were sampled" 'samples nothing' validate stages.toml --set 'tuned.data={stage="pairs", take="ranked"}'

echo "plugins"
plugin=$(find "$BUILD/lib" -name 'lib*.so' -path '*plugins/*' | sort | head -n 1)
check "there is one to damage" [ -n "$plugin" ]
bytes=$(stat -c %s "$plugin")
for kept in 10 100 1000 5000 $((bytes / 3)) $((bytes / 2)) $((bytes * 9 / 10)) $((bytes - 1)); do
  head -c "$kept" "$plugin" > cut.so
  text=$("$LLDM" list --plugin ./cut.so 2>&1)
  code=$?
  # promise 13: a plugin cut short at eight lengths ends with exit code 4
  expect_code 4 "a plugin of $kept of $bytes bytes"
done
expect_text "is cut short or damaged"
summary
