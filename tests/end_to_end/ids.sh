#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Ids, templates and settings that decide something are obeyed or refused, never passed over.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$WORK"

cat > rows.jsonl <<'EOF'
{"prompt": "ann has 2", "response": "2 + 1 = 3"}
{"prompt": "bob has 3", "response": "3 - 1 = 2"}
{"prompt": "cy has 4", "response": "4 + 1 = 5"}
EOF
cat > base.toml <<'EOF'
name = "base"
seed = 1
[model]
width = 32
layers = 2
heads = 4
rope_theta = 100.0
max_length = 256
[tokenizer]
type = "bytes"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 60, batch_size = 3, learning_rate = 3e-3 }
EOF
run_lldm run base.toml --out base
expect_code 0 "a small model"

# A tokenizer.json of 256 bytes and some added tokens, and a model folder as the hub has them:
# hub FOLDER, then a Python expression that changes the dicts config, tokenizer_config, special_map.
cat > hub.py <<'EOF'
import json, os, struct, sys
folder, change = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
symbols, more = {b: chr(b) for b in printable}, 0
for b in range(256):
    if b not in symbols:
        symbols[b] = chr(256 + more)
        more += 1
names = ["<|startoftext|>", "<|endoftext|>", "<|mdm_mask|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
added = [dict(id=256 + i, content=n, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
         for i, n in enumerate(names)]
level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True)
tokenizer = dict(version="1.0", truncation=None, padding=None, added_tokens=added, normalizer=None, pre_tokenizer=level,
                 post_processor=None, decoder=level, model=dict(type="BPE", vocab={symbols[b]: b for b in range(256)}, merges=[]))
rows = 270
config = dict(d_model=16, n_layers=1, n_heads=2, n_kv_heads=2, mlp_hidden_size=16, vocab_size=rows, embedding_size=rows,
              max_sequence_length=128, model_type="llada", mask_token_id=258, eos_token_id=257, pad_token_id=257)
special_map = dict(bos_token="<|startoftext|>", eos_token=dict(content="<|endoftext|>"), pad_token="<|endoftext|>")
tokenizer_config = dict(tokenizer_class="PreTrainedTokenizerFast")
exec(change)
shapes, block = {}, "model.transformer.blocks.0."
for name in ("wte", "ff_out"): shapes["model.transformer." + name + ".weight"] = [rows, 16]
shapes["model.transformer.ln_f.weight"] = [16]
for name in ("attn_norm", "ff_norm"): shapes[block + name + ".weight"] = [16]
for name in ("q_proj", "k_proj", "v_proj", "attn_out", "ff_proj", "up_proj", "ff_out"): shapes[block + name + ".weight"] = [16, 16]
header, data = {}, b""
for number, (name, shape) in enumerate(sorted(shapes.items())):
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = [((i * 7919 + number * 104729) % 2003 / 2003 - 0.5) if len(shape) > 1 else 1.0 for i in range(count)]
    header[name] = dict(dtype="F32", shape=shape, data_offsets=[len(data), len(data) + 4 * count])
    data += struct.pack("<%df" % count, *values)
head = json.dumps(header).encode()
os.makedirs(folder, exist_ok=True)
write = lambda name, content: json.dump(content, open(os.path.join(folder, name), "w"))
write("tokenizer.json", tokenizer), write("config.json", config)
write("special_tokens_map.json", special_map), write("tokenizer_config.json", tokenizer_config)
open(os.path.join(folder, "model.safetensors"), "wb").write(struct.pack("<Q", len(head)) + head + data)
EOF
hub() { rm -rf "$1" && python3 hub.py "$@"; }
cat > from.toml <<'EOF'
name = "f"
[[stage]]
name = "sft"
kind = "sft"
from = "./hub"
data = { file = "rows.jsonl" }
optimizer = { steps = 2, batch_size = 2 }
EOF

echo "special tokens"
hub hub
run_lldm run from.toml --out hub_run
expect_code 0 "config.json's mask_token_id names the mask"
expect_text "prompts are written plain"
check "and is published" grep -q '"mask_token_id": 258' hub_run/sft/model/config.json
run_lldm sample hub_run/sft/model --prompt "ann has 2" --set sampler.response_length=8 --set sampler.steps=8
expect_code 0 "the published folder is read back"
hub hub 'config["eos_token_id"] = [261, 257]'
run_lldm run from.toml --out hub_list
expect_code 0 "a list of end-of-text ids with the named one in it"
check "the named one is published" grep -q '"eos_token_id": 257' hub_list/sft/model/config.json
run_lldm validate from.toml
expect_code 0 "and is legal"
contradicts() { # what, change, text, text
  hub hub "$2"
  for command in "validate from.toml" "run from.toml --out no" "sample hub --prompt a"; do
    # shellcheck disable=SC2086
    run_lldm $command
    expect_code 2 "$1 (${command%% *})"
    expect_text "$3"
    expect_text "$4"
  done
}
contradicts "the mask of two files" 'special_map["mask_token"] = "<|startoftext|>"' 'special_tokens_map.json: mask_token = "<|startoftext|>", which is 256' 'config.json: mask_token_id = 258, which is "<|mdm_mask|>"'
contradicts "the end of text of two files" 'tokenizer_config["eos_token"] = dict(content="<|eot_id|>")' 'special_tokens_map.json: eos_token = "<|endoftext|>"' 'tokenizer_config.json: eos_token = "<|eot_id|>"'
contradicts "a list without the named token" 'config["eos_token_id"] = [261, 256]' 'eos_token = "<|endoftext|>", which is 257' 'eos_token_id = [261, 256]'
contradicts "an id beyond the tokenizer" 'config["mask_token_id"] = 266' 'mask_token_id = 266' 'has no token 266'
contradicts "no mask anywhere" 'del config["mask_token_id"]' 'no file names the mask token' 'mask_token_id'
contradicts "a mask that ends texts too" 'config["mask_token_id"] = 257' 'the mask token and the end_of_text token are both id 257' 'a mask stands in no text'
contradicts "a mask that begins texts too" 'config["mask_token_id"] = 256' 'the mask token and the begin_of_text token are both id 256' 'a mask stands in no text'
contradicts "another text of an id" 'tokenizer_config["added_tokens_decoder"] = {"258": dict(content="<mask>")}' '258 is "<mask>"' '258, which is "<|mdm_mask|>"'

echo "[tokenizer] and [model] beside a model folder"
hub hub 'del config["mask_token_id"]'
sed 's/^from.*//; s/^name = "f"/name = "f"\n[model]\npath = "hub"/' from.toml > path.toml
run_lldm validate path.toml --set tokenizer.mask_token='<|mdm_mask|>'
expect_code 0 "a key that the folder leaves open is obeyed"
run_lldm run path.toml --out obeyed --set tokenizer.mask_token='<|mdm_mask|>'
expect_code 0 "in a run too"
check "with that id" grep -q '"mask_token_id": 258' obeyed/sft/model/config.json
hub hub
for command in "validate path.toml" "run path.toml --out no"; do
  # shellcheck disable=SC2086
  run_lldm $command --set tokenizer.type=bytes
  expect_code 2 "another type (${command%% *})"
  expect_text '[tokenizer] type = "bytes", but the model folder'
  # shellcheck disable=SC2086
  run_lldm $command --set tokenizer.mask_token='<|eot_id|>'
  expect_code 2 "another mask (${command%% *})"
  expect_text '[tokenizer] mask_token = "<|eot_id|>"'
done
run_lldm validate from.toml --set tokenizer.mask_token='<|mdm_mask|>'
expect_code 2 "[tokenizer] beside \`from\`"
expect_text "[tokenizer] is read by no stage of this file"
run_lldm validate from.toml --set model.width=16
expect_code 2 "[model] beside \`from\`"
expect_text "[model] width is read by no stage of this file"
run_lldm validate from.toml --set model.dtype=float64
expect_code 0 "but dtype is read"
run_lldm run path.toml --out no --set model.width=64
expect_code 2 "a size that is the default, and not the folder's"
expect_text "width = 64, but"

echo "settings without effect"
cat > shared.toml <<'EOF'
name = "shared"
[optimizer]
steps = 3
batch_size = 2
EOF
sed -n '/^\[model/,$p' base.toml >> shared.toml
run_lldm validate shared.toml --set optimizer.steps=4
expect_code 2 "--set on a default that every stage overrides"
expect_text "--set optimizer.steps has no effect"
run_lldm validate shared.toml
expect_code 0 "in the file it is noted"
expect_text "note: "
expect_text "optimizer.steps has no effect"
run_lldm validate shared.toml --set sft.optimizer.steps=4
expect_code 0 "the stage's own key has one"
sed -i 's/^steps = 3/steps = 3\nbatch_sise = 2\nlearning_rate = -1/' shared.toml
run_lldm validate shared.toml
expect_code 2 "a default table is checked"
expect_text 'did you mean "batch_size"?'
expect_text 'learning_rate'
run_lldm validate base.toml --set sft.score_estimator.count=uniform --set sft.score_estimator.time_min=0.01
expect_code 2 "an option that another switches off, asked for"
expect_text 'time_min has no effect with count = "uniform"'
sed 's/learning_rate = 3e-3/decay = "cosine", decay_share = 0.2/' base.toml > off.toml
run_lldm validate off.toml
expect_code 0 "an option that another switches off, in a file"
expect_text "decay_share has no effect"

echo "ids without a token"
python3 - base/sft/model padded <<'EOF'
import json, shutil, struct, sys
source, out = sys.argv[1:]
shutil.copytree(source, out)
raw = open(source + "/model.safetensors", "rb").read()
size = struct.unpack("<Q", raw[:8])[0]
header, body = json.loads(raw[8:8 + size]), raw[8 + size:]
header.pop("__metadata__", None)
data = b""
for name in sorted(header):
    begin, end = header[name]["data_offsets"]
    values, shape = body[begin:end], header[name]["shape"]
    if shape[0] == 258:  # rows that would win: three times a row that often does
        width = 4 * shape[1]
        row = struct.unpack("<%df" % shape[1], values[32 * width:33 * width])
        values += struct.pack("<%df" % shape[1], *[3 * v for v in row]) * 62
        shape[0] = 320
    header[name]["data_offsets"] = [len(data), len(data) + len(values)]
    data += values
head = json.dumps(header).encode()
open(out + "/model.safetensors", "wb").write(struct.pack("<Q", len(head)) + head + data)
config = json.load(open(source + "/config.json"))
config["embedding_size"] = 320
json.dump(config, open(out + "/config.json", "w"))
EOF
rm -f padded/MANIFEST.json
for sampler in fixed_length semi_autoregressive_padding semi_autoregressive_origin; do
  block=block_length=4,
  [ "$sampler" = fixed_length ] && block=
  for more in temperature=1.5 cfg_scale=1.0 'compat="llada"'; do
    run_lldm sample padded --prompt "ann has 2" --samples 4 --set "sampler={type=\"$sampler\",response_length=12,steps=12,$block$more}"
    expect_code 0 "$sampler with $more"
  done
done
echo '{"prompt": "ann has 2", "chosen": "2 + 1 = 3", "rejected": "2 + 1 = 4"}' > pairs.jsonl
run_lldm score padded pairs.jsonl --estimator full_trajectory --set steps=8 --set path=denoised
expect_code 0 "a path of the model's own"

echo "the mask is no data"
echo '{"prompt": "ann has <mask>", "response": "3"}' > masks.jsonl
cat rows.jsonl masks.jsonl > late.jsonl
run_lldm run base.toml --out no --set sft.data.file=late.jsonl
expect_code 2 "in rows"
expect_text "late.jsonl:4: in the prompt"
run_lldm sample base/sft/model --prompt ok --prompt "ann <mask>"
expect_code 2 "in a prompt"
expect_text "prompt 2 of 2"
echo '{"prompt": "a", "chosen": "b <mask>", "rejected": "c"}' > pairs_mask.jsonl
run_lldm score base/sft/model pairs_mask.jsonl
expect_code 2 "in pairs"
expect_text "pairs_mask.jsonl:1: in the answer"
echo '{"prompt_ids": [1, 2], "chosen_ids": [3, 256], "rejected_ids": [4, 5]}' > ids.jsonl
run_lldm score base/sft/model ids.jsonl
expect_code 2 "as an id"
expect_text 'ids.jsonl:1: "chosen_ids" holds the mask token 256 at position 1'

echo "chat templates"
hub hub 'tokenizer_config["chat_template"] = "{{ messages }}"'
for command in "validate from.toml" "sample hub --prompt a"; do
  # shellcheck disable=SC2086
  run_lldm $command
  expect_code 2 "an unknown template (${command%% *})"
  expect_text 'set the key yourself: [template] type'
done
run_lldm score hub pairs.jsonl
expect_code 2 "and when scoring"
run_lldm score hub pairs.jsonl --set template.type=plain
expect_code 0 "the key is obeyed"
run_lldm run from.toml --out plain --set template.type=plain
expect_code 0 "in a run too"
check "and published" grep -q 'type = "plain"' plain/sft/model/template.toml
llada="{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
LLADA=$llada hub hub 'tokenizer_config["chat_template"] = os.environ["LLADA"].replace("\\n", "\n")'
run_lldm run from.toml --out chat
expect_code 0 "LLaDA's template is known"
check "and published" grep -q 'type = "llada_chat"' chat/sft/model/template.toml

echo "roles"
echo '{"messages": [{"role": "tool", "content": "x"}, {"role": "assistant", "content": "y"}]}' > tool.jsonl
run_lldm run from.toml --out no --set sft.data.file=tool.jsonl
expect_code 2 "a role that no template writes"
expect_text 'has the role "tool"'

echo "words of the command line"
run_lldm sample base/sft/model --prompt $'caf\xe9'
expect_code 2 "a prompt that is not UTF-8"
expect_text "--prompt: invalid UTF-8 at byte 3 of 4"

echo "mistakes of sample and evaluate"
mistake() { # what is said; then the command
  local said=$1
  shift
  run_lldm "$@"
  expect_code 2 "$1 ${*:3}"
  expect_text "$said"
  expect_no_text "${TMPDIR:-/tmp}/lldm-$$"
  for word in 'stage "' '.toml' '--fresh' 'on_bad_row' '[sampler]' 'the file'; do expect_no_text "$word"; done
}
model=base/sft/model
mistake '--samples: "samples_per_prompt" must be in [1, 1024]' sample $model --prompt 1 --samples 0
mistake 'legal: integers from 0' sample $model --prompt 1 --seed -1
mistake 'to 9223372036854775807' sample $model --prompt 1 --seed 99999999999999999999
mistake 'did you mean "steps"?' sample $model --prompt 1 --set sampler.steeps=3
mistake 'leaves no room for a prompt' sample $model --prompt 1 --set sampler.response_length=9999
mistake 'a smaller --set sampler.response_length' sample $model --prompt "$(printf '1 %.0s' {1..400})"
mistake '--set grid' sample $model --prompt 1 --set 'grid.seeds=[1,2]'
mistake 'did you mean "cpu"?' sample $model --prompt 1 --set device=gpu
mistake 'base/sft/model' sample base --prompt 1
mistake '--task: "task": no task is named "nope"' evaluate $model --task nope
mistake '--set task.path=VALUE' evaluate $model --task gsm8k
mistake 'does not exist' evaluate $model --task file --set task.file=nowhere.jsonl
mistake 'is missing or not a string' evaluate $model --task file --set task.file=tool.jsonl
mistake 'did you mean "rows"?' evaluate $model --task word_problems --set task.rosw=3
mistake 'is the folder of another run' evaluate $model --task word_problems --out base
mistake 'is no folder' evaluate $model --task word_problems --out tool.jsonl
mistake 'is empty' evaluate $model --task word_problems --out ""
echo "{}" > bad_pairs.jsonl
mistake 'repair them' score $model bad_pairs.jsonl
mistake 'is no folder' run base.toml --out tool.jsonl/x
mistake 'is no folder' data generate word_problems --out tool.jsonl/x
for jobs in 0 x -1; do mistake "--jobs got \"$jobs\"" grid run base.toml --out jobs --jobs "$jobs"; done
run_lldm sample $model --prompt 1
expect_code 0 "a sample"
expect_no_text "${TMPDIR:-/tmp}"

echo "validate"
run_lldm validate base.toml --set sft.data.file=nowhere.jsonl
expect_code 2 "a file that is not there"
run_lldm validate base.toml --set sft.data.file=nowhere.jsonl --set requires=download --set 'note=hf download me/rows'
expect_code 0 "a file that is still to be fetched"
expect_text "nowhere.jsonl does not exist"
expect_text 'requires = "download": hf download me/rows'
run_lldm plan base.toml --set sft.data.file=nowhere.jsonl --set requires=download
expect_code 0 "and can be planned"
run_lldm validate from.toml --set sft.from=./nowhere --set requires=download --set model.width=32 --set model.layers=1
expect_code 0 "a model that is still to be fetched"
run_lldm plan from.toml --set sft.from=./nowhere --set requires=download --set model.width=32 --set model.layers=1
expect_text "planned with the sizes of [model]"
for command in "validate base.toml" "run base.toml --out no"; do
  # shellcheck disable=SC2086
  run_lldm $command --set sft.optimizer.steps=0 --set sft.optimizer.epochs=0.1
  expect_code 2 "epochs that come to no step (${command%% *})"
  expect_text "come to no step"
done
run_lldm validate base.toml --set sft.validation_rows=3
expect_code 2 "nothing left to train on"
{ sed '/\[model\]/,$d' base.toml
  cat << 'EOF'
[[stage]]
name = "made"
kind = "synthesize"
method = "inject"
task = { type = "word_problems", rows = 9 }
limit = 5
pairs_per_prompt = 2
[[stage]]
name = "tuned"
kind = "preference"
from = "./base/sft/model"
data = { stage = "made" }
objective = { type = "dpo" }
score_estimator = { type = "monte_carlo_elbo", draws = 1 }
optimizer = { steps = 2, batch_size = 1 }
validation_rows = 10
EOF
} > made.toml
run_lldm validate made.toml
expect_code 2 "more held out than a stage can make"
expect_text 'validation_rows = 10 leaves none of the at most 10 rows of stage "made"'
run_lldm validate made.toml --set tuned.validation_rows=9
expect_code 0 "one less"
printf '\xfd7zXZ\0\0' > rows.jsonl.xz
echo '{"prompt": "a", "chosen": "b", "rejected": "c"}' > pairs_form.jsonl
run_lldm validate base.toml --set sft.data.file=rows.jsonl.xz --set sft.validation_rows=500
expect_code 2 "a compressed file is told as one, before its rows are counted"
expect_text "xz"
expect_no_text "leaves none"
run_lldm validate base.toml --set sft.data.file=pairs_form.jsonl --set sft.validation_rows=500
expect_text 'rows are of form'
expect_no_text "leaves none"
run_lldm validate base.toml --set 'sft.data.file=${NO_SUCH_FOLDER}/x.jsonl'
expect_code 2 "a variable that is not set"
expect_text "NO_SUCH_FOLDER"
run_lldm validate base.toml --set 'sft.data.file=${NO_SUCH_FOLDER}/x.jsonl' --set requires=download
expect_code 0 "a note where the file says why"
expect_text "note: --set"
(unset LLDM_DATA && "$LLDM" validate "$SOURCE/experiments/gsm8k/preference.toml" > output 2>&1)
code=$? text=$(cat output)
expect_code 0 "the recipe of GSM8K without its data"
told_once() { # keys that read the variable
  expect_no_text "does not exist"
  check "each key once" [ "$(grep -c 'needs the environment variable LLDM_DATA, which is not set' <<< "$text")" -eq "$1" ]
  check "and once what the file requires" [ "$(grep -cF 'requires = "download": openai/gsm8k' <<< "$text")" -eq 1 ]
}
told_once 3
for command in plan run; do
  text=$(unset LLDM_DATA && "$LLDM" $command "$SOURCE/experiments/gsm8k/preference.toml" --out unset 2>&1)
  code=$?
  expect_code "$([ $command = run ] && echo 2 || echo 0)" "$command without LLDM_DATA"
  told_once 3
done
text=$(unset LLDM_DATA && "$LLDM" run "$SOURCE/experiments/gsm8k/preference.toml" --out unset --stage test_pairs 2>&1)
told_once 1
run_lldm validate "$SOURCE/experiments/llada_8b/dpo_rtx4080.toml"
expect_code 0 "a recipe whose model is to be fetched"
expect_no_text "says so: requires"
run_lldm evaluate base/sft/model --task file --set 'task={type="file", file="rows.jsonl"}'
expect_code 2 "a task's type twice"
expect_text "--task gives it"
expect_no_text "STAGE"
run_lldm score base/sft/model pairs_form.jsonl --repeat 99999999999
expect_code 2 "more repeats than any"
expect_text "legal: integers from 1 to 1000000"
run_lldm validate base.toml --set sft.optimizer.max_grad_norm=1
expect_text 'lldm calls it "optimizer.max_gradient_norm"'
run_lldm validate base.toml --set lr=1
expect_text 'lldm calls it "optimizer.learning_rate"'
run_lldm validate base.toml --set sft.response_length=256
expect_code 2 "a canvas as long as the model"

echo "names"
for name in memory optimizer tokenizer task task.gsm8k memory.budget sft.optimizer.decay dpo.beta; do
  run_lldm describe "$name"
  expect_code 0 "describe $name"
done
misspelt() { # what was typed, what was meant
  run_lldm describe "$1"
  expect_code 2 "describe $1"
  expect_text "did you mean \"$2\"?"
}
misspelt dppo dpo
misspelt objectiv.dpo objective.dpo
misspelt memory.budgt memory.budget
misspelt objective.dpo.bta objective.dpo.beta
misspelt sft.optimizer.decya sft.optimizer.decay
run_lldm describe budget
expect_code 2 "describe budget"
expect_text "memory.budget"
run_lldm validate base.toml --set learning_rate=1e-3
expect_code 2 "a key in the wrong place"
expect_text 'did you mean "optimizer.learning_rate"?'
run_lldm validate base.toml --set sft.learning_rate=1e-3
expect_text 'did you mean "optimizer.learning_rate"?'

summary
