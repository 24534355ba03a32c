#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Other programs read what lldm writes, and the reverse: transformers, PEFT, safetensors.
# Runs where LLDM_PYTHON is a Python that has torch, transformers, peft and safetensors.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
python=${LLDM_PYTHON:-}
if [[ -z $python ]] || ! "$python" -c 'import torch, transformers, peft, safetensors' 2> /dev/null; then
  echo "skipped: LLDM_PYTHON names no Python with torch, transformers, peft and safetensors"
  exit 77  # skipped, not passed
fi

for family in llama qwen2 qwen3; do
  run_lldm model init "$family" --tokens 40 --set width=32 --set layers=2 --set heads=4 --set kv_heads=2 --set max_length=64 --out "$WORK/$family"
  expect_code 0 "a fresh $family is written"
  run_lldm model export "$WORK/$family" --dtype bfloat16 --out "$WORK/$family-bf16"
  expect_code 0 "and exported as bfloat16"
  check "PEFT writes an adapter for the $family that lldm wrote" "$python" "$SOURCE/tests/end_to_end/python_readers.py" write "$WORK/$family" "$WORK/$family-peft"
  for model in "$family" "$family-bf16"; do
    run_lldm model logits "$WORK/$model" --ids "$WORK/$family-peft/ids.json" --out "$WORK/$model.safetensors"
    expect_code 0 "logits of $model"
    check "transformers gives the same" "$python" "$SOURCE/tests/end_to_end/python_readers.py" compare "$WORK/$model" "" "$WORK/$family-peft/ids.json" "$WORK/$model.safetensors"
  done
  run_lldm model logits "$WORK/$family" --adapter "$WORK/$family-peft" --ids "$WORK/$family-peft/ids.json" --out "$WORK/adapted.safetensors"
  expect_code 0 "logits with PEFT's adapter"
  check "PEFT gives the same" "$python" "$SOURCE/tests/end_to_end/python_readers.py" compare "$WORK/$family" "$WORK/$family-peft" "$WORK/$family-peft/ids.json" "$WORK/adapted.safetensors"
done

# Starts that PEFT takes out of the base: refused as they were trained, right as the plain LoRA of the advice.
for start in pissa olora; do  # pissa_niter draws its start: PEFT itself takes out another when it loads it
  check "PEFT writes an adapter begun as $start" "$python" "$SOURCE/tests/end_to_end/python_readers.py" begin "$start" "$WORK/llama" "$WORK/$start"
  run_lldm model logits "$WORK/llama" --adapter "$WORK/$start/trained" --ids "$WORK/llama-peft/ids.json" --out "$WORK/none.safetensors"
  expect_code 2 "which is refused"
  expect_text "path_initial_model_for_weight_conversion"
  run_lldm model logits "$WORK/llama" --adapter "$WORK/$start/plain" --ids "$WORK/llama-peft/ids.json" --out "$WORK/$start.safetensors"
  expect_code 0 "and taken as a plain LoRA"
  check "with the logits that PEFT gives the first" "$python" "$SOURCE/tests/end_to_end/python_readers.py" compare "$WORK/llama" "$WORK/$start/trained" "$WORK/llama-peft/ids.json" "$WORK/$start.safetensors"
done

# An adapter that lldm trained, over a base that it trained.
run_lldm run "$SMOKE" --out "$WORK/run" "${TINY[@]}" --set threads=1 --set 'model.family="qwen2"'
expect_code 0 "a qwen2 is trained"
run_lldm run "$SMOKE" --out "$WORK/lora" "${TINY[@]}" --set threads=1 --set "model.path=\"$WORK/run/sft/model\"" \
  --set 'model.adapter={type="lora", rank=4, alpha=8, dropout=0.1, rslora=true}' --stage tuned
expect_code 0 "and tuned by an adapter"
base=$WORK/run/sft/model adapter=$WORK/lora/tuned/model
"$python" -c 'import json, sys; json.dump([[3, 5, 1, 4, 6, 2, 7, 5]], open(sys.argv[1], "w"))' "$WORK/ids.json"
run_lldm model logits "$base" --adapter "$adapter" --ids "$WORK/ids.json" --out "$WORK/own.safetensors"
expect_code 0 "its logits"
check "PEFT gives the same over transformers' base" "$python" "$SOURCE/tests/end_to_end/python_readers.py" compare "$base" "$adapter" "$WORK/ids.json" "$WORK/own.safetensors"
run_lldm model logits "$adapter" --ids "$WORK/ids.json" --out "$WORK/beside.safetensors"
check "which are those of the adapter as it is published" cmp -s "$WORK/own.safetensors" "$WORK/beside.safetensors"
run_lldm model merge "$adapter" --out "$WORK/sum"
expect_code 0 "merged with its base"
run_lldm model logits "$WORK/sum" --ids "$WORK/ids.json" --out "$WORK/merged.safetensors"
check "and so does the sum" "$python" "$SOURCE/tests/end_to_end/python_readers.py" compare "$WORK/sum" "" "$WORK/ids.json" "$WORK/merged.safetensors"

summary
