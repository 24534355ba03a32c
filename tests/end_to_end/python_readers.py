# SPDX-License-Identifier: MIT
"""Model and adapter folders as transformers, PEFT and safetensors see them.

write BASE OUT                       PEFT makes an adapter for a base folder, and ids.json beside it
begin START BASE OUT                 an adapter begun from the base's weights: OUT/trained, and as a plain LoRA OUT/plain
compare BASE ADAPTER IDS LOGITS      their logits are those of LOGITS within 2e-4 (ADAPTER "": none)
"""
import json
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, safe_open
from transformers import AutoModelForCausalLM


def load(folder):
    # Strict about names: transformers makes what it does not find, without an error.
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[key], (key, report[key])
    with safe_open(f"{folder}/model.safetensors", "pt") as file:
        assert set(file.keys()) <= set(model.state_dict()), "a name of its own"
    return model.eval()


def logits(model, ids):
    # An additive mask of zeros: every token sees every other.
    mask = torch.zeros(1, 1, len(ids), len(ids))
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), attention_mask=mask).logits[0]


def write(base, out):
    torch.manual_seed(1)
    model = load(base)
    config = LoraConfig(r=3, lora_alpha=5, lora_dropout=0.1, target_modules=["q_proj", "o_proj", "down_proj"], task_type="CAUSAL_LM")
    adapted = get_peft_model(model, config)
    for name, value in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.2)
    adapted.save_pretrained(out)
    ids = torch.randint(0, 40, (3, 17)).tolist()
    with open(f"{out}/ids.json", "w") as file:
        json.dump(ids, file)


def begin(start, base, out):
    torch.manual_seed(2)
    config = LoraConfig(r=3, lora_alpha=5, target_modules=["q_proj", "o_proj", "down_proj"], init_lora_weights=start, task_type="CAUSAL_LM")
    adapted = get_peft_model(load(base), config)
    own = adapted.peft_config["default"]
    own.init_lora_weights = True  # as PEFT wants the start to be kept
    adapted.save_pretrained(f"{out}/start")
    own.init_lora_weights = start
    for name, value in adapted.named_parameters():
        if "lora_" in name:
            value.data += 0.1 * torch.randn_like(value)
    adapted.save_pretrained(f"{out}/trained")
    adapted.save_pretrained(f"{out}/plain", path_initial_model_for_weight_conversion=f"{out}/start")


def compare(base, adapter, ids, expected):
    model = load(base)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter).eval()
    texts = json.load(open(ids))
    theirs = torch.stack([logits(model, text) for text in texts])
    ours = load_file(expected)["logits"]
    error = (theirs - ours).abs().max().item()
    print(f"largest error {error:.3g}, logits up to {ours.abs().max().item():.3g}")
    assert error <= 2e-4, error
    if adapter:
        without = torch.stack([logits(load(base), text) for text in texts])
        assert (without - ours).abs().max().item() > 1e-3, "the adapter changes nothing"


{"write": write, "begin": begin, "compare": compare}[sys.argv[1]](*sys.argv[2:])
