#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A hundred processes of two threads, wherever the system puts them and their memory: one model, to the bit; and one
# and two threads sample and score alike.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# Rows enough that both threads have work in products, attention, norms, the head and the optimizer.
FEW=(--stage pretrain --set pretrain.optimizer.steps=2 --set pretrain.optimizer.batch_size=24 --set pretrain.save_steps=0
  --set threads=2)
export OMP_NUM_THREADS=2

echo "a hundred processes"
run_lldm run "$SMOKE" --out "$WORK/first" "${FEW[@]}"
expect_code 0 "one of them"
wanted=$(cd "$WORK/first" && sha256sum pretrain/model/model.safetensors)
others=0
for i in $(seq 99); do
  rm -rf "$WORK/next"
  "$LLDM" run "$SMOKE" --out "$WORK/next" "${FEW[@]}" > "$WORK/next.txt" 2>&1 || { cat "$WORK/next.txt"; others=$((others + 1)); continue; }
  [ "$wanted" == "$(cd "$WORK/next" && sha256sum pretrain/model/model.safetensors)" ] || others=$((others + 1))
done
check "none has other bits ($others have)" [ "$others" -eq 0 ]
run_lldm run "$SMOKE" --out "$WORK/other_seed" "${FEW[@]}" --set seed=8
check "another seed has" [ "$wanted" != "$(cd "$WORK/other_seed" && sha256sum pretrain/model/model.safetensors)" ]

echo "one thread and two"
run_lldm run "$SMOKE" --out "$WORK/two" "${TINY[@]}" --stage tuned
expect_code 0 "a model and pairs"
MODEL=$WORK/two/sft/model
for threads in 1 2; do
  OMP_NUM_THREADS=$threads "$LLDM" score "$MODEL" "$WORK/two/pairs/pairs.jsonl" --set draws=8 --repeat 2 --json > "$WORK/scores$threads"
  OMP_NUM_THREADS=$threads "$LLDM" sample "$MODEL" --prompt "ann has 2 apples ." --prompt "ann has 3 apples ." --samples 8 --json \
    --set sampler.temperature=1 > "$WORK/samples$threads"
done
check "there are scores and texts" [ "$(wc -l < "$WORK/scores1")" -ge 10 -a "$(wc -l < "$WORK/samples1")" -ge 16 ]
check "the same scores" cmp "$WORK/scores1" "$WORK/scores2"
check "the same texts" cmp "$WORK/samples1" "$WORK/samples2"
summary
