#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# LLaDA's, Dream's and SMDM's own modelling code reads what lldm writes, and the reverse.
# Runs where LLDM_PYTHON is a Python with torch, safetensors and transformers 4 (Dream's code does not run under 5), and
# LLDM_ORIGINAL_CODE is a folder with checkouts of two public repositories (docs/model_folders.md says of which commits):
#   dllm    github.com/ZHZisZZ/dllm, which holds modeling_llada.py and modeling_dream.py as published beside the weights
#   SMDM    github.com/ML-GSAI/SMDM, lit_gpt/diffmodel.py
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
python=${LLDM_PYTHON:-} code_folder=${LLDM_ORIGINAL_CODE:-}
if [[ -z $python ]] || ! "$python" -c 'import safetensors, torch, transformers; assert transformers.__version__ < "5"' 2> /dev/null; then
  echo "skipped: LLDM_PYTHON names no Python with torch, safetensors and transformers 4"
  exit 77  # skipped, not passed
fi
for file in dllm/dllm/pipelines/{llada/models/modeling_llada,dream/models/modeling_dream}.py SMDM/lit_gpt/diffmodel.py; do
  if [[ ! -f $code_folder/$file ]]; then
    echo "skipped: LLDM_ORIGINAL_CODE names no folder with $file"
    exit 77
  fi
done
original=("$python" "$SOURCE/tests/end_to_end/original_code.py")

compare() { # family, model folder, ids, dtype
  run_lldm model logits "$2" --ids "$3" --dtype "$4" --out "$WORK/logits.safetensors"
  expect_code 0 "logits of $(basename "$2") in $4"
  check "the original code's are the same" "${original[@]}" compare "$code_folder" "$1" "$2" "$3" "$WORK/logits.safetensors" "$4"
  rm -f "$WORK/logits.safetensors"
}

for family in llada dream smdm; do
  run_lldm model init "$family" --tokens 40 --set width=32 --set layers=2 --set heads=4 --set kv_heads=2 --set max_length=64 --out "$WORK/$family"
  expect_code 0 "a fresh $family is written"
  check "the original code writes one of its sizes" "${original[@]}" write "$code_folder" "$family" "$WORK/$family" "$WORK/$family-original"
  ids=$WORK/$family-original/ids.json
  compare "$family" "$WORK/$family" "$ids" float32
  compare "$family" "$WORK/$family-original" "$ids" float32
  compare "$family" "$WORK/$family-original" "$ids" bfloat16
  for dtype in float32 bfloat16; do
    run_lldm model export "$WORK/$family-original" --dtype "$dtype" --out "$WORK/$family-exported-$dtype"
    expect_code 0 "it is exported as $dtype"
    compare "$family" "$WORK/$family-exported-$dtype" "$ids" float32
  done
done

summary
