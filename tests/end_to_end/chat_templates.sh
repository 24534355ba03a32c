#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A folder's chat template and begin-of-text token, from a tokenizer's files to a checkpoint.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
python=$(command -v python3)
templates=$SOURCE/tests/unit/data/chat_templates
folder=$WORK/llama

"$python" - > "$WORK/texts.jsonl" << 'PYTHON'
import json
for i in range(60):
    print(json.dumps(f"the {i} cats and {2 * i} dogs sum to {3 * i}, they say"))
PYTHON
special=()
for token in mask begin_of_text end_of_text start_header_id end_header_id eot_id im_start im_end; do
  special+=(--special "<|$token|>")
done
run_lldm tokenizer train "$WORK/texts.jsonl" --size 300 "${special[@]}" --out "$WORK/bpe"
expect_code 0 "a tokenizer is trained"
run_lldm model init llama --tokens 300 --set width=32 --set layers=1 --set heads=2 --set max_length=128 --out "$folder"
expect_code 0 "and a model made"

# What a folder from elsewhere holds: a post_processor that adds <|begin_of_text|>, and a chat template.
"$python" - "$WORK/bpe" "$folder" << 'PYTHON'
import json, pathlib, sys
bpe, folder = map(pathlib.Path, sys.argv[1:])
path = bpe / "tokenizer.json" if bpe.is_dir() else bpe
tokenizer = json.loads(path.read_text())
ids = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
begin = "<|begin_of_text|>"
tokenizer["post_processor"] = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": begin, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [],
    "special_tokens": {begin: {"id": begin, "ids": [ids[begin]], "tokens": [begin]}}}
for name in ("lldm_tokenizer.json", "template.toml", "MANIFEST.json"):
    (folder / name).unlink(missing_ok=True)
(folder / "tokenizer.json").write_text(json.dumps(tokenizer))
(folder / "special_tokens_map.json").write_text(json.dumps(
    {"bos_token": begin, "eos_token": "<|end_of_text|>", "mask_token": "<|mask|>"}))
config = json.loads((folder / "config.json").read_text())
config.update(vocab_size=300, mask_token_id=ids["<|mask|>"], eos_token_id=ids["<|end_of_text|>"], bos_token_id=ids[begin])
config.pop("pad_token_id", None)
(folder / "config.json").write_text(json.dumps(config))
PYTHON
"$python" - > "$WORK/rows.jsonl" << 'PYTHON'
import json
for i in range(8):
    print(json.dumps({"messages": [{"role": "user", "content": f"the {i} cats?"}, {"role": "assistant", "content": f"{i} dogs"}]}))
PYTHON
cat > "$WORK/sft.toml" << TOML
name = "chat"
seed = 1
[model]
path = "$folder"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "$WORK/rows.jsonl" }
response_length = "own"
save_steps = 2
optimizer = { type = "adamw", learning_rate = 1e-3, steps = 2, batch_size = 2 }
TOML

echo "Llama 3's turns, written in LLaDA's words"
cp "$templates/llada.jinja" "$folder/chat_template.jinja"
run_lldm data check "$WORK/rows.jsonl" --kind conversations --tokenizer "$folder"
expect_code 0 "a recognised template writes the rows"
expect_no_text "begin of text:"
run_lldm tokenizer inspect "$folder"
expect_text "template     llama3_chat"
run_lldm run "$WORK/sft.toml" --out "$WORK/known"
expect_code 0 "and trains"
expect_text "the template writes <|begin_of_text|>, and the tokenizer's post_processor would add another"
check "the model's folder says which" grep -q 'type = "llama3_chat"' "$WORK/known/sft/model/template.toml"
"$LLDM" run "$WORK/sft.toml" --out "$WORK/stopped" --set sft.optimizer.steps=100000 > /dev/null 2>&1 &
background=$!
state() { compgen -G "$WORK/stopped/sft/checkpoints/step-*/state.json" > /dev/null; }
check "a longer run saves a checkpoint" wait_for "$background" 60 state
kill -TERM "$background"
wait "$background"
background=""
check "which holds the template" grep -q 'llama3_chat' "$(compgen -G "$WORK/stopped/sft/checkpoints/step-*/state.json" | head -n 1)"
check "and the special ids" grep -q '"begin_of_text"' "$(compgen -G "$WORK/stopped/sft/checkpoints/step-*/state.json" | head -n 1)"

echo "no begin of text"
run_lldm run "$WORK/sft.toml" --out "$WORK/plain" --set template.type=plain
expect_code 0 "a plain template trains"
expect_text "8 of 8 texts begin without <|begin_of_text|>"
rm "$folder/chat_template.jinja"
run_lldm data check "$WORK/rows.jsonl" --kind conversations --tokenizer "$folder"
expect_code 0 "rows are checked without a chat template"
expect_text "begin of text: 8 of 8 texts begin without <|begin_of_text|>"

echo "a template that nobody knows"
echo "{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}" > "$folder/chat_template.jinja"
run_lldm tokenizer inspect "$folder"
expect_text "template     unknown: it writes other turns than any of them"
run_lldm validate "$WORK/sft.toml"
expect_code 2 "is refused before anything runs"
expect_text "its chat template is not one that lldm writes"
expect_text "[template] type = one of plain, llada_chat"
run_lldm validate "$WORK/sft.toml" --set template.type=chatml
expect_code 0 "unless the key is set"
summary
