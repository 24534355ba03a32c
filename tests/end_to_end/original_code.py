# SPDX-License-Identifier: MIT
"""Model folders of LLaDA, Dream and SMDM as the families' own modelling code sees them, on the CPU.

write CODE FAMILY BASE OUT                  the original code makes fresh weights of BASE's sizes and saves OUT; OUT/ids.json
compare CODE FAMILY MODEL IDS LOGITS DTYPE  its logits of MODEL are those of LOGITS: float32 within 2e-4; bfloat16 no
                                            further from the original's float32 logits than 1.5 of its own bfloat16 ones

The modelling code is run as it stands.  What it takes from CUDA packages is replaced here by the same arithmetic.
"""
import dataclasses
import importlib
import json
import pathlib
import sys
import types

import torch
from safetensors.torch import load_file, save_file


def package(name, **members):
    """Makes `import name` find these members (or, given a folder, its modules without its __init__.py)."""
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


class SwiGLU(torch.nn.Module):
    """xformers.ops.SwiGLU with separate weights."""

    def __init__(self, width, inner, bias, _pack_weights):
        super().__init__()
        self.w1 = torch.nn.Linear(width, inner, bias=bias)
        self.w2 = torch.nn.Linear(width, inner, bias=bias)
        self.w3 = torch.nn.Linear(inner, width, bias=bias)

    def forward(self, x):
        return self.w3(torch.nn.functional.silu(self.w1(x)) * self.w2(x))


def apply_rotary(x1, x2, cos, sin, out1, out2, conjugate):
    """flash-attn's kernel: products in float32, rounded once; `out` may be `x`."""
    cos, sin = cos.float(), (-sin if conjugate else sin).float()
    first, second = x1.float() * cos - x2.float() * sin, x1.float() * sin + x2.float() * cos
    out1.copy_(first)
    out2.copy_(second)


def rearrange(table, pattern):
    """The only pattern of einops that fused_rotary_embedding.py uses."""
    assert pattern == "s d -> s 1 d", pattern
    return table.unsqueeze(1)


class Smdm:
    """lit_gpt/diffmodel.py; its checkpoints are a state dict without config.json, whose keys are lit_gpt.Config's."""

    def __init__(self, code):
        package("lit_gpt", __path__=[str(code / "SMDM/lit_gpt")])
        package("flash_attn", flash_attn_func=None)
        package("xformers")
        package("xformers.ops", SwiGLU=SwiGLU)
        package("rotary_emb", apply_rotary=apply_rotary)
        package("einops", rearrange=rearrange, repeat=None)
        package("dropout_layer_norm")
        package("lightning_utilities.core.imports", RequirementCache=lambda name: False)
        package("lit_gpt.utils", find_multiple=lambda n, k: -(-n // k) * k)  # its other members want lightning
        importlib.import_module("lit_gpt.model")  # first: it and config.py import each other
        self.module = importlib.import_module("lit_gpt.diffmodel")
        importlib.import_module("lit_gpt.rmsnorm")
        self.config = importlib.import_module("lit_gpt.config").Config

    def build(self, folder):
        values = json.loads((folder / "config.json").read_text())
        known = {field.name for field in dataclasses.fields(self.config)}
        config = self.config(**{key: value for key, value in values.items() if key in known})
        config._norm_class = "RMSNorm"  # the same norm without its CUDA kernel
        return self.module.TransEncoder(config)

    def load(self, folder, dtype):
        model = self.build(folder)
        model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
        return model.to(dtype)

    def fresh(self, base):
        return self.build(base)

    def save(self, model, out):
        out.mkdir()
        config = dataclasses.asdict(model.config) | {"_norm_class": "FusedRMSNorm"}
        (out / "config.json").write_text(json.dumps(config))
        save_file(model.state_dict(), out / "model.safetensors")

    def logits(self, model, ids):
        return model(ids)


class Transformers:
    """A family whose code is a transformers model: from_pretrained and save_pretrained are its own."""

    def load(self, folder, dtype):
        # from_pretrained makes what it does not find, without an error, so names and values are compared.
        model = self.model_class.from_pretrained(folder, dtype=dtype)
        stored, taken = load_file(folder / "model.safetensors"), model.state_dict()
        assert stored.keys() == taken.keys(), stored.keys() ^ taken.keys()
        assert all(torch.equal(value.to(dtype), taken[name]) for name, value in stored.items())
        return model

    def fresh(self, base):
        return self.model_class(self.config_class.from_pretrained(base))

    def save(self, model, out):
        model.save_pretrained(out)

    def logits(self, model, ids):
        return model(ids).logits


class Llada(Transformers):
    def __init__(self, code):
        package("llada", __path__=[str(code / "dllm/dllm/pipelines/llada/models")])
        module = importlib.import_module("llada.modeling_llada")

        class OnCpu(module.ModelConfig):
            # The model sets "cuda" whatever the config says.
            init_device = property(lambda self: "cpu", lambda self, value: None)

        module.ModelConfig = OnCpu
        self.model_class, self.config_class = module.LLaDAModelLM, module.LLaDAConfig


class Dream(Transformers):
    def __init__(self, code):
        package("dream", __path__=[str(code / "dllm/dllm/pipelines/dream/models")])
        module = importlib.import_module("dream.modeling_dream")
        self.model_class, self.config_class = module.DreamModel, module.DreamConfig


FAMILIES = {"llada": Llada, "dream": Dream, "smdm": Smdm}


def run(family, folder, ids, dtype):
    model = family.load(pathlib.Path(folder), dtype).eval()
    with torch.no_grad():
        return family.logits(model, torch.tensor(ids)).float()


def write(code, name, base, out):
    family = FAMILIES[name](pathlib.Path(code))
    torch.manual_seed(1)
    model = family.fresh(pathlib.Path(base))
    with torch.no_grad():
        for parameter in model.parameters():  # far enough from zero for rotation, biases and norms to count
            is_norm = parameter.dim() == 1 and parameter.mean() == 1
            parameter.copy_(is_norm + torch.randn_like(parameter) * (0.2 if is_norm else 0.3))
    family.save(model.float(), pathlib.Path(out))
    embedding = next(value for key, value in model.state_dict().items() if key.endswith(("wte.weight", "embed_tokens.weight")))
    ids = torch.randint(0, embedding.shape[0], (3, 33))
    ids[:, 5] = embedding.shape[0] - 1  # SMDM's mask: a row without a logit
    (pathlib.Path(out) / "ids.json").write_text(json.dumps(ids.tolist()))


def compare(code, name, model, ids, logits, dtype):
    family = FAMILIES[name](pathlib.Path(code))
    ids = json.loads(pathlib.Path(ids).read_text())
    ours, exact = load_file(logits)["logits"].float(), run(family, model, ids, torch.float32)
    assert ours.shape == exact.shape, (ours.shape, exact.shape)
    if dtype == "float32":
        error = (ours - exact).abs().max().item()
        print(f"    {name}: largest difference {error:.2g}, logits up to {exact.abs().max().item():.3g}")
        assert error <= 2e-4, error
        return
    theirs = (run(family, model, ids, torch.bfloat16) - exact).square().mean().sqrt().item()
    error = (ours - exact).square().mean().sqrt().item()
    print(f"    {name}: bfloat16 {error:.3g} from float32, the original's {theirs:.3g} (root mean squares)")
    assert 0 < error <= 1.5 * theirs, (error, theirs)


{"write": write, "compare": compare}[sys.argv[1]](*sys.argv[2:])
