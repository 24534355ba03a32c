#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lldm model: folders are made, told, written again, compared; logits are those that were recorded.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
golden=${LLDM_GOLDEN:-$SOURCE/tests/golden/data}
python=$(command -v python3)

for family in llada smdm dream qwen2 qwen3 llama; do
  run_lldm model init "$family" --tokens 40 --set width=32 --set layers=2 --set heads=4 --set max_length=32 --out "$WORK/$family"
  expect_code 0 "a fresh $family is written"
  run_lldm model inspect "$WORK/$family"
  expect_code 0 "and inspected"
  expect_text "family      $family"
  run_lldm model export "$WORK/$family" --dtype bfloat16 --out "$WORK/$family-bf16"
  expect_code 0 "and exported as bfloat16"
  run_lldm model export "$WORK/$family-bf16" --out "$WORK/$family-again"
  expect_code 0 "and again, as it is stored"
  check "with the same bytes" cmp -s "$WORK/$family-bf16/model.safetensors" "$WORK/$family-again/model.safetensors"
  run_lldm model diff "$WORK/$family-bf16" "$WORK/$family-again"
  expect_code 0 "which diff calls equal"
  run_lldm model diff "$WORK/$family" "$WORK/$family-bf16"
  expect_code 1 "and unlike the float32 folder"
done

check "Dream's own code finds the file that it asks for" grep -q '"_from_model_config": true' "$WORK/dream/generation_config.json"
check "and no other family has one" [ ! -e "$WORK/qwen2/generation_config.json" ]

# Every family is trained, tuned and measured; then the same by an adapter beside weights that stay.
for family in smdm dream qwen2 qwen3 llama; do
  run_lldm run "$SMOKE" --out "$WORK/run-$family" "${TINY[@]}" --set threads=1 --set "model.family=\"$family\""
  expect_code 0 "the smoke experiment runs with $family"
  run_lldm model inspect "$WORK/run-$family/tuned/model"
  expect_text "family      $family"
  run_lldm run "$SMOKE" --out "$WORK/lora-$family" "${TINY[@]}" --set threads=1 --set "model.path=\"$WORK/run-$family/sft/model\"" \
    --set "model.adapter={type=\"lora\", rank=4, alpha=8}" --stage tuned
  expect_code 0 "and is tuned by an adapter"
done

# Weights in less memory take an adapter.
for storage in bfloat16 int8 nf4; do
  run_lldm run "$SMOKE" --out "$WORK/lora-$storage" "${TINY[@]}" --set threads=1 --set "model.path=\"$WORK/run-qwen3/sft/model\"" \
    --set "model.adapter={type=\"lora\", rank=4, alpha=8}" --set model.storage=$storage --set model.dtype=bfloat16 --set model.recomputation=full --stage tuned
  expect_code 0 "an adapter is tuned beside weights in $storage"
  run_lldm model inspect "$WORK/lora-$storage/tuned/model"
  expect_code 0 "and what it publishes is a model"
done
run_lldm run "$SMOKE" --out "$WORK/no-adapter" "${TINY[@]}" --set "model.path=\"$WORK/run-qwen3/sft/model\"" --set model.storage=int8 --stage tuned
expect_code 2 "without an adapter they are refused"
expect_text "weights of int8 and nf4 are not trained"
run_lldm model inspect "$WORK/qwen3" --quantised --json
check "what storages cost is told" "$python" -c '
import json, sys
rows = {row["storage"]: row for row in json.loads(sys.argv[1])["storages"]}
assert rows["float32"]["token_largest"] == 0
errors = [rows[name]["token_root_mean_square"] for name in ("float32", "bfloat16", "int8", "nf4")]
assert errors == sorted(errors) and errors[1] > 0, errors
sizes = [rows[name]["bytes"] for name in ("float32", "bfloat16", "int8", "nf4")]
assert sizes == sorted(sizes, reverse=True), sizes' "$text"

run_lldm model inspect "$WORK/qwen3" --json
check "inspect --json is one object with every tensor" "$python" -c '
import json, sys
report = json.loads(sys.argv[1])
assert report["family"] == "qwen3" and report["shifted_logits"] is True and report["complaints"] == []
assert len(report["tensors"]) == 3 + 2 * 11
assert sum(t["bytes"] for t in report["tensors"].values()) == report["bytes"] == 4 * report["parameters"]' "$text"

run_lldm model convert "$WORK/qwen3" --from qwen3 --mask-id 39 --shift drop --out "$WORK/mask"
expect_code 0 "a conversion names its mask"
check "in config.json" grep -q '"mask_token_id": 39' "$WORK/mask/config.json"
check "and where it predicts" grep -q '"shifted_logits": false' "$WORK/mask/config.json"
run_lldm model convert "$WORK/qwen3" --mask-id new --out "$WORK/grown"
expect_code 0 "or adds a row for it"
run_lldm model inspect "$WORK/grown"
expect_text "embedding rows 41"
run_lldm model convert "$WORK/grown" --mask-id 3 --out "$WORK/none"
expect_code 2 "a masked model is not converted again"
expect_text "has a mask token already"
printf '%s\n' '{"text": "some words to cut"}' '{"text": "and other words"}' > "$WORK/words.jsonl"
run_lldm tokenizer train "$WORK/words.jsonl" --size 260 --special "<eos>" --out "$WORK/cutter"
run_lldm model init qwen2 --tokens 300 --set width=32 --set layers=1 --set heads=4 --set max_length=32 --out "$WORK/spare"
cp "$WORK/cutter/tokenizer.json" "$WORK/spare"
run_lldm model convert "$WORK/spare" --mask-id 280 --out "$WORK/spared"
expect_code 2 "a mask far behind the tokenizer's last id is refused"
expect_text "give --mask-id 260, the first unused one"
run_lldm model convert "$WORK/spare" --mask-id 97 --out "$WORK/spared"
expect_code 2 "an id that texts are written with is no mask"
expect_text '--mask-id 97: this is "'
expect_text "a token that texts are written with"
expect_text "give --mask-id 260, the first unused one"
eos=$("$python" -c 'import json, sys
print(next(t["id"] for t in json.load(open(sys.argv[1]))["added_tokens"] if t["content"] == "<eos>"))' "$WORK/spare/tokenizer.json")
run_lldm model convert "$WORK/spare" --mask-id "$eos" --out "$WORK/spared"
expect_code 2 "nor is an end of text by its name, which no file gives a role"
expect_no_text "$eos (<eos>)"
run_lldm model convert "$WORK/spare" --mask-id 260 --out "$WORK/spared"
expect_code 0 "an id behind the tokenizer's becomes the mask"
expect_text "is written <|mask|>"
run_lldm data check "$WORK/words.jsonl" --kind text --tokenizer "$WORK/spared"
expect_code 0 "and the folder's tokenizer knows it"
# SMDM as it is published: a checkpoint, Llama's tokenizer, and a config.json of one key (the small model overrides sizes).
smdm=$WORK/smdm-published
run_lldm model init smdm --tokens 400 --set width=32 --set layers=2 --set heads=4 --set max_length=64 --out "$WORK/smdm-made"
mkdir "$smdm"
cp "$WORK/smdm-made/model.safetensors" "$SOURCE/tests/golden/data/tokenizer_kinds/llama2/tokenizer.json" "$smdm"
echo '{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "tokenizer_class": "LlamaTokenizer"}' > "$smdm/tokenizer_config.json"
echo '{"name": "Diff_LLaMA_6M", "n_embd": 32, "n_layer": 2, "n_head": 4, "intermediate_size": 96, "block_size": 64, "vocab_size": 400, "padding_multiple": 1}' > "$smdm/config.json"
run_lldm model inspect "$smdm"
expect_code 0 "a folder with SMDM's configuration by its name is read"
expect_text "special ids mask 400"
run_lldm tokenizer inspect "$smdm"
expect_text '<|mask|>'
echo '{"prompt": "one and", "chosen": " two", "rejected": " one"}' > "$WORK/two.jsonl"
for i in 1 2 3 4 5 6 7; do echo "{\"prompt\": \"one and\", \"chosen\": \" two\", \"rejected\": \" $i\"}"; done >> "$WORK/two.jsonl"
run_lldm score "$smdm" "$WORK/two.jsonl" --set draws=2
expect_code 0 "it scores texts"
run_lldm sample "$smdm" --prompt "one and" --set sampler.response_length=8 --set sampler.steps=4
expect_code 0 "and writes them, mask by mask"
cp "$WORK/grown/config.json" "$WORK/kept.json"
run_lldm model logits "$WORK/grown" --ids "$WORK/kept.json" --out "$WORK/kept.json"
expect_code 2 "a file that is read is not written over"
expect_text "would be lost"
run_lldm model convert "$WORK/qwen3" --mask-id 40 --out "$WORK/none"
expect_code 2 "an id without a row is refused"
expect_text "mask id 40 has no row"
run_lldm model convert "$WORK/qwen3" --from llama --mask-id 39 --out "$WORK/none"
expect_code 2 "another family than asked for is refused"

# A chain of stages beside an NF4 base that is never copied: each goes on with the adapter before it.
base=$WORK/run-qwen3/sft/model
BESIDE=(--set threads=1 --set "model.path=\"$base\"" --set model.storage=nf4)
LORA=(--set 'model.adapter={type="lora", rank=4, alpha=8}')
chain=$WORK/chain
run_lldm run "$SMOKE" --out "$chain" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}"
expect_code 0 "pretraining, sft and preference train one adapter beside NF4 weights, and it is measured"
expect_text "goes on with the adapter of"
check "no weights are written" [ -z "$(find "$chain" -name 'model*.safetensors' -path '*model/*')" ]
check "but adapters, for the best step too" [ "$(find "$chain" -name adapter_model.safetensors | wc -l)" -eq 5 ]
echo '[[1, 2, 3, 4, 5, 6, 7, 8]]' > "$WORK/ids.json"
run_lldm model logits "$chain/tuned/model" --ids "$WORK/ids.json" --out "$WORK/beside.safetensors"
expect_code 0 "its logits are computed as it was trained"
run_lldm model logits "$base" --storage nf4 --adapter "$chain/tuned/model" --ids "$WORK/ids.json" --out "$WORK/given.safetensors"
check "as with base and adapter given" cmp -s "$WORK/beside.safetensors" "$WORK/given.safetensors"
run_lldm model inspect "$chain/tuned/model"
expect_code 0 "it is inspected"
expect_text "of its base $base"
expect_text "rank 4, scale 2"
run_lldm model merge "$chain/tuned/model" --out "$WORK/sums"
expect_code 0 "and merged"
expect_text "was trained beside weights in a narrower"
run_lldm model export "$chain/tuned/model" --dtype bfloat16 --out "$WORK/sums-bf16"
expect_code 0 "and exported"
expect_text "was trained beside weights in a narrower"
run_lldm model merge "$base" --adapter "$chain/tuned/model" --out "$WORK/sums-given"
check "to the same sums" cmp -s "$WORK/sums/model.safetensors" "$WORK/sums-given/model.safetensors"
run_lldm model diff "$chain/tuned/model" "$WORK/sums"
expect_code 1 "its sums are those, but for what float32 rounds"
run_lldm model diff "$chain/sft/model" "$chain/sft/model"
expect_code 0 "and an adapter's folder is equal to itself"
run_lldm model merge "$WORK/qwen3" --adapter "$chain/tuned/model" --out "$WORK/none"
expect_code 2 "beside another base it is refused"
expect_text "was not trained beside"
run_lldm model convert "$chain/tuned/model" --mask-id new --out "$WORK/none"
expect_code 2 "an adapter is not converted"
printf '{"prompt":"ann has 2 apples .","chosen":"#### 2","rejected":"#### 3"}\n' > "$WORK/pairs.jsonl"
run_lldm score "$chain/tuned/model" "$WORK/pairs.jsonl" --reference "$chain/sft/model" --json
expect_code 0 "it scores, and is a reference"
run_lldm evaluate "$chain/tuned/model" --task word_problems --limit 2 --json
expect_code 0 "it is evaluated"
run_lldm sample "$chain/tuned/model" --prompt "ann has 2 apples ."
expect_code 0 "and sampled from"
run_lldm run "$SMOKE" --out "$chain" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}" --strict-resume
expect_code 0 "the run is taken up again, nothing to do"
run_lldm run "$SMOKE" --out "$WORK/other" "${TINY[@]}" "${BESIDE[@]}" --set 'model.adapter={type="lora", rank=2}' --set "tuned.from=\"$chain/sft/model\"" --stage tuned
expect_code 2 "an adapter of another rank does not go on with it"
expect_text "has rank 4"
run_lldm run "$SMOKE" --out "$WORK/full" "${TINY[@]}" --set threads=1 --set "model.path=\"$base\"" --set "tuned.from=\"$chain/sft/model\"" --stage tuned
expect_code 0 "without an adapter the sums are trained in full"
check "and published" [ -s "$WORK/full/tuned/model/model.safetensors" ]
run_lldm run "$SMOKE" --out "$WORK/mapped" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}" --set 'memory.weights="mapped"' --stage tuned
expect_code 0 "with mapped weights"
check "the same numbers are trained" cmp -s "$chain/tuned/model/adapter_model.safetensors" "$WORK/mapped/tuned/model/adapter_model.safetensors"
check "as the same work" [ "$(grep -o '"hash": *"[^"]*"' "$chain/tuned/work.json" | head -n 1)" = "$(grep -o '"hash": *"[^"]*"' "$WORK/mapped/tuned/work.json" | head -n 1)" ]
run_lldm run "$SMOKE" --out "$WORK/streamed" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}" --set 'memory.frozen_weights="streamed"' --stage tuned
expect_code 0 "with weights that are streamed"
check "the same numbers are trained" cmp -s "$chain/tuned/model/adapter_model.safetensors" "$WORK/streamed/tuned/model/adapter_model.safetensors"
check "as the same work" [ "$(grep -o '"hash": *"[^"]*"' "$chain/tuned/work.json" | head -n 1)" = "$(grep -o '"hash": *"[^"]*"' "$WORK/streamed/tuned/work.json" | head -n 1)" ]
run_lldm run "$SMOKE" --out "$WORK/offload" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}" --set 'memory.frozen_weights="streamed"' \
  --set 'model.recomputation="offload"' --stage tuned
expect_code 0 "and with blocks' inputs on the host"
check "the same numbers are trained" cmp -s "$chain/tuned/model/adapter_model.safetensors" "$WORK/offload/tuned/model/adapter_model.safetensors"

# A shorter context than the folder's, and the lengths that a plan goes by.
run_lldm plan "$SMOKE" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}"
expect_no_text "publishing"
expect_text "the longest text of 65 tokens"
expect_text "memory of stage tuned, if every text has 128 tokens, the most that the model takes"
run_lldm plan "$SMOKE" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}" --set model.max_length=100
expect_text "memory of stage tuned, if every text has 100 tokens, the most that the model takes"
run_lldm run "$SMOKE" --out "$WORK/short" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}" --set model.max_length=100 --stage sft
expect_code 0 "a model is tuned on shorter texts than it takes"
run_lldm model inspect "$WORK/short/sft/model"
expect_text "longest text 128"
run_lldm run "$SMOKE" --out "$WORK/too-short" "${TINY[@]}" "${BESIDE[@]}" "${LORA[@]}" --set model.max_length=40 --stage sft
expect_code 2 "texts that are longer are refused"
expect_text "the model's 40"
run_lldm validate "$SMOKE" "${BESIDE[@]}" "${LORA[@]}" --set model.max_length=129
expect_code 2 "and so is a longer context than the folder's"
expect_text "max_length = 129, the folder has 128; less is legal"
run_lldm validate "$SMOKE" "${TINY[@]}" "${BESIDE[@]}" --set 'model.adapter={type="lora", targets=["down_projection"]}'
expect_code 2 "targets that name no matrix of the folder are told by validate"
expect_text '"down_projection" names no matrix'
merged=(--set 'model.adapter={type="lora", rank=4, alpha=8, publish="merged"}')
run_lldm run "$SMOKE" --out "$WORK/merged" "${TINY[@]}" "${BESIDE[@]}" "${merged[@]}" --stage tuned
expect_code 0 "publish = merged writes the sums"
base2=$WORK/merged/tuned/model
check "and the adapter in them" [ -s "$base2/model.safetensors" -a -s "$base2/adapter/adapter_model.safetensors" ]
run_lldm model merge "$base2" --adapter "$base2/adapter" --out "$WORK/twice"
expect_code 2 "updates are not added twice"
cp -r "$base2" "$WORK/bent"
printf '\001' | dd of="$WORK/bent/adapter/adapter_model.safetensors" bs=1 seek=1000 conv=notrunc status=none
run_lldm model logits "$WORK/qwen3" --adapter "$WORK/bent/adapter" --ids "$WORK/kept.json" --out "$WORK/none.safetensors"
expect_code 2 "a damaged adapter of ours is refused"
expect_text "adapter_model.safetensors"
cp -r "$chain/tuned/model" "$WORK/bent-alone"
printf '\001' | dd of="$WORK/bent-alone/adapter_model.safetensors" bs=1 seek=1000 conv=notrunc status=none
run_lldm score "$WORK/bent-alone" "$WORK/pairs.jsonl"
expect_code 2 "and one that lies alone"
expect_text "adapter_model.safetensors"

# The base is another, or elsewhere.
cp -r "$base" "$WORK/good"
for place in 200 $(($(stat -c %s "$base/model.safetensors") - 9)); do # in the header, in the numbers
  cp "$WORK/good/model.safetensors" "$base/model.safetensors"
  printf '\001' | dd of="$base/model.safetensors" bs=1 seek="$place" conv=notrunc status=none
  run_lldm score "$chain/tuned/model" "$WORK/pairs.jsonl"
  expect_code 2 "a changed base is refused"
  expect_text "changed since the adapter"
done
rm -r "$base"
run_lldm sample "$chain/tuned/model" --prompt "ann has 2 apples ."
expect_code 2 "and one that is gone"
expect_text "whose base is gone: $base"
cat > "$WORK/gone.toml" << TOML
name = "gone"
[[stage]]
name = "more"
kind = "sft"
from = "$chain/sft/model"
data = { generate = "word_problems", form = "verbose", rows = 8 }
optimizer = { steps = 1 }
TOML
run_lldm validate "$WORK/gone.toml"
expect_code 2 "before anything is run, too"
expect_text "whose base is gone"
ln -s "$WORK/good" "$base"
run_lldm score "$chain/tuned/model" "$WORK/pairs.jsonl"
expect_code 0 "a link to where it is now is enough"
rm "$base"
mv "$WORK/good" "$base"

# A name of the hub is its snapshot in the hub's cache.
unset HF_HUB_CACHE
export HF_HOME=$WORK/hf
snapshot=$HF_HOME/hub/models--org--small/snapshots/abc
mkdir -p "${snapshot%/*}"
cp -r "$base" "$snapshot"
rm "$snapshot/MANIFEST.json"
run_lldm model inspect org/small
expect_code 0 "a name is found in the cache"
expect_text "note: org/small is $snapshot"
sed "s|$chain/sft/model|org/small|" "$WORK/gone.toml" > "$WORK/named.toml"
run_lldm run "$WORK/named.toml" --out "$WORK/named"
expect_code 0 "a stage starts from it"
expect_text "$snapshot"
check "and config.resolved.toml says which it is" grep -q "from = \"$snapshot\"" "$WORK/named/config.resolved.toml"
sed '/^from/d; s|^name = "gone"|&\nmodel.path = "org/small"|' "$WORK/named.toml" > "$WORK/path.toml"
run_lldm validate "$WORK/path.toml"
expect_code 0 "so it is for [model] path"
run_lldm validate "$WORK/named.toml" --set 'more.from="org/none"'
expect_code 2 "a name that the cache does not have is refused"
expect_text "hf download OWNER/NAME --local-dir"
python3 - "$snapshot/model.safetensors" << 'PYTHON'
import struct, sys
with open(sys.argv[1], "r+b") as file:
    file.seek(8 + struct.unpack("<Q", file.read(8))[0])
    file.write(struct.pack("<f", float("nan")))
PYTHON
run_lldm run "$SMOKE" --out "$WORK/late" "${TINY[@]}" --set 'scores.models=["sft", "org/small"]'
expect_code 2 "a NaN of a model that is measured at the end is told"
expect_text "not finite"
check "before anything is trained" [ ! -e "$WORK/late/pretrain/model" ]
unset HF_HOME
cat > "$WORK/from.toml" << TOML
name = "from"
[model]
family = "llama"
[[stage]]
name = "more"
kind = "pretraining"
from = "$WORK/run-qwen3/sft/model"
data = { generate = "word_problems", form = "pretraining", rows = 8 }
optimizer = { steps = 1 }
TOML
run_lldm validate "$WORK/from.toml"
expect_code 2 "a family that the folder contradicts is told before the run"
expect_text "family = "
run_lldm validate "$SMOKE" --set 'model.adapter={rank=8}'
expect_code 2 "an adapter without type is refused"
run_lldm validate "$SMOKE" --set 'model.adapter={type="lora", targets=["down_proj"]}'
expect_code 2 "targets that name no matrix of the file's own family"
expect_text '"down_proj" names no matrix'
expect_text 'ff_proj, up_proj, ff_out'
run_lldm validate "$SMOKE" --set 'model.adapter={type="lora", targets=["q_prj"]}'
expect_code 2 "and one of no matrix"
expect_text "names no matrix"

# Recorded logits, from JSON to safetensors, read by another program.
cat > "$WORK/check.py" << 'PYTHON'
import json, struct, sys
from array import array
def tensors(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    kinds = {"F32": "f", "I64": "q"}
    return {n: (t["shape"], array(kinds[t["dtype"]], data[slice(*t["data_offsets"])]))
            for n, t in header.items() if n != "__metadata__" and t["dtype"] in kinds}
def write_ids(path, key, out):
    (rows, length), flat = tensors(path)[key]
    json.dump([list(flat[i * length:(i + 1) * length]) for i in range(rows)], open(out, "w"))
def compare(path, key, got):
    shape, want = tensors(path)[key]
    mine, numbers = tensors(got)["logits"]
    assert shape == mine, (shape, mine)
    worst = max(abs(a - b) for a, b in zip(want, numbers))
    print(f"largest error {worst:.2e}")
    assert worst <= 2e-4
{"ids": write_ids, "compare": compare}[sys.argv[1]](*sys.argv[2:])
PYTHON
for folder in llada smdm dream autoregressive/qwen2; do
  check "ids of $folder" "$python" "$WORK/check.py" ids "$golden/$folder/forward.safetensors" case1.input_ids "$WORK/ids.json"
  run_lldm model logits "$golden/$folder" --ids "$WORK/ids.json" --out "$WORK/logits.safetensors"
  expect_code 0 "logits of $folder"
  check "are those that were recorded" "$python" "$WORK/check.py" compare "$golden/$folder/forward.safetensors" case1.logits "$WORK/logits.safetensors"
done
for adapter in "$golden"/peft/*/; do
  base=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1] + "manifest.json"))["base"])' "$adapter")
  "$python" "$WORK/check.py" ids "$adapter/forward.safetensors" input_ids "$WORK/ids.json"
  run_lldm model logits "$golden/$base" --adapter "$adapter" --ids "$WORK/ids.json" --out "$WORK/logits.safetensors"
  expect_code 0 "logits with $(basename "$adapter")"
  check "are PEFT's" "$python" "$WORK/check.py" compare "$adapter/forward.safetensors" logits "$WORK/logits.safetensors"
  run_lldm model merge "$golden/$base" --adapter "$adapter" --out "$WORK/merged-$(basename "$adapter")"
  expect_code 0 "a merged folder is written"
  run_lldm model logits "$WORK/merged-$(basename "$adapter")" --ids "$WORK/ids.json" --out "$WORK/logits.safetensors"
  check "and gives PEFT's logits" "$python" "$WORK/check.py" compare "$adapter/forward.safetensors" logits_merged "$WORK/logits.safetensors"
done

echo '[[1, 2], [1, 2, 999]]' > "$WORK/wrong.json"
run_lldm model logits "$WORK/llama" --ids "$WORK/wrong.json" --out "$WORK/logits.safetensors"
expect_code 2 "an id that the model does not have is refused"
expect_text "text 1, place 2: id 999 is none of the model's 40"
echo '{"input_ids": [[1, 2], [1, 2, 3]], "attention_mask": [[0, 1], [1, 1, 1]]}' > "$WORK/ragged.json"
run_lldm model logits "$WORK/llama" --ids "$WORK/ragged.json" --out "$WORK/logits.safetensors"
expect_code 0 "texts of several lengths are tensors of their own"
check "named by number" grep -q 'logits.1' "$WORK/logits.safetensors"
run_lldm model export "$WORK/llama" --out "$WORK/qwen2"
expect_code 2 "a folder that is there is not written over"
echo '{"model_type": "mixtral"}' > "$WORK/qwen2/config.json"
run_lldm model inspect "$WORK/qwen2"
expect_code 2 "a mixture of experts is refused"
expect_text "a mixture of experts, which lldm does not run"
summary
