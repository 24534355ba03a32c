# SPDX-License-Identifier: MIT
"""LLaDA's transformer in plain PyTorch, from a model folder of lldm: padded rows, logits of every position on demand."""
import json
import math
import pathlib

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F


class LoraLinear(nn.Module):
    """A frozen matrix with a trained update beside it, as PEFT computes it without dropout."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scale = alpha / rank
        self.is_on = True
        self.first = None  # A and B that the reference has, where it is not the base alone

    def forward(self, x):
        y = self.base(x)
        if not self.is_on and self.first is None:
            return y
        a, b = (self.lora_A, self.lora_B) if self.is_on else self.first
        return y + F.linear(F.linear(x, a), b) * self.scale


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, mlp = config["d_model"], config["mlp_hidden_size"]
        self.heads = config["n_heads"]
        self.attn_norm = RmsNorm(width, config["rms_norm_eps"])
        self.ff_norm = RmsNorm(width, config["rms_norm_eps"])
        for name in ("q_proj", "k_proj", "v_proj", "attn_out"):
            setattr(self, name, nn.Linear(width, width, bias=False))
        self.ff_proj = nn.Linear(width, mlp, bias=False)
        self.up_proj = nn.Linear(width, mlp, bias=False)
        self.ff_out = nn.Linear(mlp, width, bias=False)

    def forward(self, x, cos, sin, mask):
        rows, length, width = x.shape
        normed = self.attn_norm(x)
        q, k, v = (
            projection(normed).view(rows, length, self.heads, width // self.heads).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.attn_out(attended.transpose(1, 2).reshape(rows, length, width))
        normed = self.ff_norm(x)
        return x + self.ff_out(F.silu(self.ff_proj(normed)) * self.up_proj(normed))


class Llada(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config["vocab_size"], config["d_model"])
        self.blocks = nn.ModuleList(Block(config) for _ in range(config["n_layers"]))
        self.ln_f = RmsNorm(config["d_model"], config["rms_norm_eps"])
        self.ff_out = nn.Linear(config["d_model"], config["vocab_size"], bias=False)

    def hidden(self, tokens, mask=None):
        """[B, L] ids -> [B, L, D]; mask [B, 1, 1, L], false for padding."""
        head_width = self.config["d_model"] // self.config["n_heads"]
        positions = torch.arange(tokens.shape[1], dtype=torch.float32)
        frequencies = self.config["rope_theta"] ** (-torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
        angles = torch.outer(positions, frequencies).repeat(1, 2)
        cos, sin = angles.cos(), angles.sin()
        x = self.wte(tokens)
        for block in self.blocks:
            x = block(x, cos, sin, mask)
        return self.ln_f(x)

    def forward(self, tokens, mask=None):
        return self.ff_out(self.hidden(tokens, mask))

    def add_lora(self, rank, alpha):
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        for block in self.blocks:
            for name, module in list(block.named_children()):
                if isinstance(module, nn.Linear):
                    setattr(block, name, LoraLinear(module, rank, alpha))

    def switch_lora(self, is_on):
        for module in self.modules():
            if isinstance(module, LoraLinear):
                module.is_on = is_on


def load(folder):
    """The model in a folder that `lldm model init` wrote."""
    folder = pathlib.Path(folder)
    model = Llada(json.loads((folder / "config.json").read_text()))
    weights = {}
    for file in sorted(folder.glob("*.safetensors")):
        weights |= load_file(file)
    model.load_state_dict({name.removeprefix("model.transformer."): value for name, value in weights.items()})
    return model


def load_lora(model, folder):
    """Puts a PEFT adapter's numbers into the updates of `add_lora`."""
    prefix = "base_model.model.model.transformer."
    state = load_file(pathlib.Path(folder) / "adapter_model.safetensors")
    state = {name.removeprefix(prefix).removesuffix(".weight"): value for name, value in state.items()}
    missing = model.load_state_dict(state, strict=False)
    if missing.unexpected_keys or any(".lora_" in name for name in missing.missing_keys):
        raise SystemExit(f"{folder}: adapter does not fit: {missing}")
    for module in model.modules():
        if isinstance(module, LoraLinear):
            module.first = (module.lora_A.detach().clone(), module.lora_B.detach().clone())
