#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Configurations for planned_memory.sh, and what came of them.

    planned_memory.py draw FOLDER SEED [WIDE [LARGE [CORNERS]]]  writes FOLDER/N.toml, and data beside them; of WIDE models (8) everything is drawn
                                          apart, LARGE ones (4) have published vocabularies, in CORNERS (6) one part weighs most
    planned_memory.py budgets FOLDER SEED of the files that have run, which run again under a budget of how many bytes
    planned_memory.py agree FOLDER        FOLDER/N.plan.json, of the file and its rows, against what the run planned
    planned_memory.py compare FOLDER [N]  FOLDER/N/*/result.json, at least N (20): predicted_peak_bytes against peak_bytes
"""
import json
import pathlib
import random
import re
import sys

FAMILIES = ["llada", "smdm", "dream", "qwen2", "qwen3", "llama"]
WORDS = [f"w{i}" for i in range(90)]
MIB = 1 << 20


def texts(draw, count, low, high):
    return [" ".join(draw.choice(WORDS) for _ in range(draw.randint(low, high))) for _ in range(count)]


def write_rows(folder, number, draw, count=60):
    length = draw.choice([12, 24, 48])
    prompts, good, bad = (texts(draw, count, length // 2, length) for _ in range(3))
    # Every word in the first row, so that vocabularies agree.
    prompts[0] = " ".join(WORDS[:45])
    good[0] = " ".join(WORDS[45:])
    rows = {"pairs": [{"prompt": p, "chosen": g, "rejected": b} for p, g, b in zip(prompts, good, bad)],
            "sft": [{"prompt": p, "completion": g} for p, g in zip(prompts, good)]}
    for name, lines in rows.items():
        path = folder / f"{number}-{name}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def model_table(draw, family):
    heads = draw.choice([2, 4])
    width = heads * draw.choice([8, 16, 24])
    keys = {"family": f'"{family}"', "width": width, "layers": draw.randint(2, 5), "heads": heads,
            "mlp_width": draw.choice([48, 96, 160]), "max_length": 256,
            "recomputation": draw.choice(['"none"', '"none"', '"selective"', '"full"'])}
    if family in ("qwen2", "qwen3", "llama", "dream"):
        keys["kv_heads"] = draw.choice([heads, heads // 2])
    return keys


def estimator(draw):
    return draw.choice(['{ type = "monte_carlo_elbo", draws = 2 }', '{ type = "monte_carlo_elbo", draws = 8 }',
                        '{ type = "full_trajectory", steps = 6 }', '{ type = "full_trajectory", steps = 12 }',
                        '{ type = "full_trajectory", steps = 4, path = "denoised" }', '{ type = "eubo", draws = 4 }',
                        '{ type = "segmented", steps = 8, segments = 4, steps_per_segment = 1 }'])


def stage(draw, number, name, kind, start):
    lines = ["[[stage]]", f'name = "{name}"', f'kind = "{kind}"', f'data = {{ file = "{number}-'
             + ("pairs" if kind == "preference" else "sft") + '.jsonl" }']
    if start:
        lines.append(f'from = "{start}"')
    batch, accumulation = draw.choice([2, 4, 8, 16]), draw.choice([1, 1, 2])
    lines.append(f"optimizer = {{ learning_rate = 1e-3, steps = 3, batch_size = {batch}, "
                 f"gradient_accumulation_steps = {accumulation} }}")
    lines.append(f"max_tokens_per_forward = {draw.choice([128, 512, 16384])}")
    if kind == "preference":
        scored, path = estimator(draw), draw.choice(["auto", "retain", "replay", "pairwise"])
        objective = draw.choice(["dpo", "ipo", "apo_zero", "kto", "aot", "simpo"])
        if "eubo" in scored or objective in ("kto", "aot"):  # pairwise is not exact there
            path = path.replace("pairwise", "auto")
        lines += [f"score_estimator = {scored}", f'gradient_path = "{path}"', f'objective = {{ type = "{objective}" }}']
    return lines


def document(number, model, stages, block_size=0):
    lines = [f'name = "planned-{number}"', "seed = 5", "", "[model]"]
    lines += [f"{key} = {value}" for key, value in model.items()]
    if block_size:
        lines += ["", "[forward_process]", 'type = "block_masked"', f"block_size = {block_size}"]
    for one in stages:
        lines += [""] + one
    return "\n".join(lines) + "\n"


def write_streamed(folder, seed, number, family, start):
    """An adapter beside a base that is streamed, and full tuning beside a reference that is."""
    draw = random.Random(f"{seed} streamed {number}")
    memory = f'\n[memory]\nfrozen_weights = "streamed"\nstreamed_blocks = {draw.choice([2, 3])}\n'
    keys = {"family": f'"{family}"',
            "storage": draw.choice(['"float32"', '"bfloat16"', '"int8"', '"nf4"']),
            "recomputation": draw.choice(['"none"', '"selective"', '"offload"', '"offload"']),
            "adapter": '{ type = "lora", rank = %d, dropout = %s }' % (draw.choice([2, 4, 8]), draw.choice([0, 0.1]))}
    stages = [stage(draw, number, "streamed", "sft", start), stage(draw, number, "passed", "preference", "streamed")]
    (folder / f"{number}c.toml").write_text(document(f"{number}c", keys, stages) + memory)
    keys = {"family": f'"{family}"', "recomputation": draw.choice(['"none"', '"full"', '"offload"', '"offload"'])}
    stages = [stage(draw, number, "beside", "preference", start)]
    (folder / f"{number}d.toml").write_text(document(f"{number}d", keys, stages) + memory)


def write_configurations(folder, seed):
    draw = random.Random(seed)
    for number in range(10):
        write_rows(folder, number, draw)
        family = FAMILIES[number % len(FAMILIES)]
        model = model_table(draw, family)
        if number in (4, 9):  # all weights in bfloat16
            model["storage"] = '"bfloat16"'
        stages = [stage(draw, number, "first", "sft", ""), stage(draw, number, "tuned", "preference", "first")]
        (folder / f"{number}a.toml").write_text(document(f"{number}a", model, stages))
        if number % 2:
            continue
        # An adapter beside the weights that were just trained, in a storage of their own.
        start = str(folder / f"{number}a" / "first" / "model")
        keys = {"family": model["family"],
                "storage": draw.choice(['"float32"', '"bfloat16"', '"int8"', '"nf4"']),
                "recomputation": draw.choice(['"none"', '"selective"', '"full"']),
                "adapter": '{ type = "lora", rank = %d, dropout = %s }' % (draw.choice([2, 4, 8]), draw.choice([0, 0.1]))}
        stages = [stage(draw, number, "adapted", "sft", start), stage(draw, number, "preferred", "preference", "adapted")]
        (folder / f"{number}b.toml").write_text(document(f"{number}b", keys, stages))
        write_streamed(folder, seed, number, family, start)


def write_two_streams(folder, seed):
    """Block diffusion: attention patterns, and so tensor operations in the place of kernels."""
    draw = random.Random(seed + 1)
    for number in range(20, 24):
        write_rows(folder, number, draw)
        model = model_table(draw, FAMILIES[number % 2])  # without shifted logits
        stages = [stage(draw, number, "first", "sft", ""), stage(draw, number, "tuned", "preference", "first")]
        for lines in stages:
            lines[:] = [line if not line.startswith("score_estimator") else
                        f'score_estimator = {{ type = "monte_carlo_elbo", draws = {draw.choice([2, 4])} }}' for line in lines]
        (folder / f"{number}c.toml").write_text(document(f"{number}c", model, stages, draw.choice([4, 8])))


def write_rounded(folder, seed, dtype, first, trained):
    """Products of 16 bits: all weights trained, then an adapter beside them."""
    draw = random.Random(seed + first - 28)
    for number in range(first, first + 4):
        write_rows(folder, number, draw)
        model = model_table(draw, FAMILIES[draw.randrange(len(FAMILIES))])
        model["dtype"] = f'"{dtype}"'
        model["storage"] = draw.choice(trained)
        stages = [stage(draw, number, "first", "sft", ""), stage(draw, number, "tuned", "preference", "first")]
        (folder / f"{number}a.toml").write_text(document(f"{number}a", model, stages))
        keys = {"family": model["family"], "dtype": f'"{dtype}"',
                "storage": draw.choice(['"float32"', '"bfloat16"', '"int8"', '"nf4"']),
                "recomputation": draw.choice(['"none"', '"selective"', '"full"']),
                "adapter": '{ type = "lora", rank = %d, dropout = %s }' % (draw.choice([2, 4, 8]), draw.choice([0, 0.1]))}
        start = str(folder / f"{number}a" / "first" / "model")
        stages = [stage(draw, number, "adapted", "sft", start), stage(draw, number, "preferred", "preference", "adapted")]
        (folder / f"{number}b.toml").write_text(document(f"{number}b", keys, stages))


def storage_of(draw, is_trained):
    return draw.choice(['"float32"', '"bfloat16"'] if is_trained else ['"float32"', '"bfloat16"', '"int8"', '"nf4"', '"nf4"'])


def write_vocabulary(folder, seed, count):
    """Logits that weigh more than blocks: vocabularies as published models have them, beside a narrow model."""
    for number in range(200, 200 + count):
        draw = random.Random(f"{seed} vocabulary {number}")
        write_rows(folder, number, draw, 24)
        family = draw.choice(FAMILIES)
        shape = model_table(draw, family)
        shape["width"] = shape["heads"] * draw.choice([16, 32])
        shape["vocab_size"] = draw.choice([4096, 16000, 32000, 32000, 50304])
        shape["storage"] = storage_of(draw, True)
        if draw.random() < 0.4:
            shape["dtype"] = '"bfloat16"'
        stages = [wide_stage(draw, number, "first", "sft", "", False), wide_stage(draw, number, "tuned", "preference", "first", False)]
        (folder / f"{number}a.toml").write_text(document(f"{number}a", shape, stages))
        keys = {"family": f'"{family}"', "storage": storage_of(draw, False),
                "recomputation": draw.choice(['"none"', '"selective"', '"full"']),
                "adapter": '{ type = "lora", rank = %d }' % draw.choice([2, 8])}
        if "dtype" in shape:
            keys["dtype"] = shape["dtype"]
        start = str(folder / f"{number}a" / "first" / "model")
        stages = [wide_stage(draw, number, "adapted", "sft", start, False), wide_stage(draw, number, "preferred", "preference", "adapted", False)]
        (folder / f"{number}b.toml").write_text(document(f"{number}b", keys, stages))


def write_wide(folder, seed, count):
    """Everything that a stage may be, drawn apart: a model of its own, then an adapter or full tuning beside it."""
    for number in range(100, 100 + count):
        draw = random.Random(f"{seed} wide {number}")
        write_rows(folder, number, draw, 24)
        has_streams = draw.random() < 0.25  # two of them: block diffusion
        family = draw.choice(FAMILIES[:2] if has_streams else FAMILIES)
        block_size = draw.choice([4, 8]) if has_streams else 0
        shape = model_table(draw, family)
        shape["recomputation"] = draw.choice(['"none"', '"selective"', '"full"', '"offload"'])
        if draw.random() < 0.3:
            shape["dtype"] = '"bfloat16"'
        shape["storage"] = storage_of(draw, True)
        stages = [wide_stage(draw, number, "first", "sft", "", has_streams),
                  wide_stage(draw, number, "tuned", "preference", "first", has_streams)]
        (folder / f"{number}a.toml").write_text(document(f"{number}a", shape, stages, block_size))
        keys = {"family": f'"{family}"', "storage": storage_of(draw, False),
                "recomputation": draw.choice(['"none"', '"selective"', '"full"', '"offload"']),
                "adapter": '{ type = "lora", rank = %d, dropout = %s }' % (draw.choice([2, 4, 8, 16]), draw.choice([0, 0.1]))}
        if "dtype" in shape:
            keys["dtype"] = shape["dtype"]
        memory = ""
        if draw.random() < 0.4:
            memory = f'\n[memory]\nfrozen_weights = "streamed"\nstreamed_blocks = {draw.choice([2, 3])}\n'
        start = str(folder / f"{number}a" / "first" / "model")
        stages = [wide_stage(draw, number, "adapted", "sft", start, has_streams),
                  wide_stage(draw, number, "preferred", "preference", "adapted", has_streams)]
        (folder / f"{number}b.toml").write_text(document(f"{number}b", keys, stages, block_size) + memory)


TARGETS = {"llada": ["q_proj", "k_proj", "v_proj", "attn_out", "ff_proj", "up_proj", "ff_out"],
           "smdm": ["attn.attn", "attn.proj", "mlp.swiglu.w1", "mlp.swiglu.w2", "mlp.swiglu.w3"]}
HUGGING_FACE = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def write_adapters(folder, seed):
    """Adapters of any rank beside some of the matrices, of sides that no vector divides."""
    for number in range(300, 306):
        draw = random.Random(f"{seed} adapters {number}")
        write_rows(folder, number, draw, 24)
        family = draw.choice(FAMILIES) if number < 304 else "smdm"  # one matrix of queries, keys, values
        shape = model_table(draw, family)
        shape["width"] = shape["heads"] * draw.choice([6, 10, 16, 22])
        shape["mlp_width"] = draw.choice([50, 75, 96])
        if draw.random() < (0.3 if number < 304 else 1):
            shape["dtype"] = draw.choice(['"bfloat16"', '"float16"'])
        stages = [wide_stage(draw, number, "first", "sft", "", False)]
        (folder / f"{number}a.toml").write_text(document(f"{number}a", shape, stages))
        for letter in "bc":
            known = TARGETS.get(family, HUGGING_FACE)
            targets = draw.sample(known, draw.randint(1, len(known)))
            if draw.random() < 0.25 and family == "llada":  # of the upper block alone
                targets = [f"blocks.1.{name}" for name in targets]
            is_upper = targets[0].startswith("blocks.1.")  # plans take the largest of blocks for all: dropout would be
            adapter = {"rank": draw.choice([one for one in [1, 3, 8, 16, 24, 33, 48] if one <= shape["width"]]), "dropout": draw.choice([0, 0.1, 0.3]) * (not is_upper)}
            keys = {"family": f'"{family}"', "storage": storage_of(draw, False),
                    "recomputation": draw.choice(['"none"', '"none"', '"selective"', '"full"']),
                    "adapter": '{ type = "lora", rank = %(rank)d, dropout = %(dropout)s, targets = ' % adapter + json.dumps(targets)
                               + draw.choice(["", "", ', publish = "merged"']) + " }"}
            if "dtype" in shape:
                keys["dtype"] = shape["dtype"]
            start = str(folder / f"{number}a" / "first" / "model")
            stages = [wide_stage(draw, number, "adapted", "sft", start, False),
                      wide_stage(draw, number, "preferred", "preference", "adapted", False)]
            (folder / f"{number}{letter}.toml").write_text(document(f"{number}{letter}", keys, stages))


def write_corners(folder, seed, count):
    """Where one part weighs more than usual: a single block, a narrow MLP, a tied head, many rows at once, and passes with
    fewer queries than 128, whose logits exist twice on some processors, beside such with more."""
    for number in range(400, 400 + count):
        draw = random.Random(f"{seed} corners {number}")
        write_rows(folder, number, draw, 24)
        has_streams = draw.random() < 0.25
        family = draw.choice(FAMILIES[:2] if has_streams else FAMILIES)
        shape = model_table(draw, family)
        shape["layers"] = draw.choice([1, 1, 2])
        shape["width"] = shape["heads"] * draw.choice([16, 32, 40])
        shape["mlp_width"] = draw.choice([24, 64, 320])
        shape["vocab_size"] = draw.choice([500, 3000, 20000])
        shape["storage"] = storage_of(draw, True)
        if draw.random() < 0.4 and family != "smdm":  # whose head has fewer rows
            shape["tie_head"] = "true"
        if draw.random() < 0.4:
            shape["dtype"] = '"bfloat16"'
        block_size = draw.choice([4, 8]) if has_streams else 0
        stages = [wide_stage(draw, number, "first", "sft", "", has_streams)]
        batch = draw.choice([4, 16, 32, 33])
        stages[0] = [re.sub(r"batch_size = \d+", f"batch_size = {batch}", line) for line in stages[0] if not line.startswith("max_tokens")]
        stages[0].append(f"max_tokens_per_forward = {draw.choice([130, 150, 200, 16384])}")
        (folder / f"{number}a.toml").write_text(document(f"{number}a", shape, stages, block_size))
        keys = {"family": f'"{family}"', "storage": storage_of(draw, False),
                "recomputation": draw.choice(['"none"', '"selective"', '"full"']),
                "adapter": '{ type = "lora", rank = %d }' % draw.choice([1, 2, 8])}
        if "dtype" in shape:
            keys["dtype"] = shape["dtype"]
        start = str(folder / f"{number}a" / "first" / "model")
        stages = [wide_stage(draw, number, "adapted", "sft", start, has_streams),
                  wide_stage(draw, number, "preferred", "preference", "adapted", has_streams)]
        (folder / f"{number}b.toml").write_text(document(f"{number}b", keys, stages, block_size))


def budgets(folder, seed):
    """A part of what the file's stages hold without one: their steps are done in other ways, and within it."""
    for path in sorted(folder.glob("*.toml")):
        results = [json.loads(one.read_text()) for one in folder.glob(f"{path.stem}/*/result.json")]
        peaks = [one["predicted_peak_bytes"] for one in results if "predicted_peak_bytes" in one]
        if int(path.stem[:-1]) % 3 == 0 and peaks:
            share = random.Random(f"{seed} {path.stem}").choice([0.7, 0.85, 1, 1])
            print(f"{path} {int(share * max(peaks))} {share}")


def wide_stage(draw, number, name, kind, start, has_streams):
    lines = stage(draw, number, name, kind, start)
    lines = [line for line in lines if not line.startswith(("max_tokens", "optimizer", "score_estimator" if has_streams else "?"))]
    batch, accumulation = draw.choice([1, 2, 4, 8, 16]), draw.choice([1, 1, 2])
    kind_of = draw.choice(['type = "adamw"', 'type = "adamw"', 'type = "adamw_8bit"', 'type = "adafactor"',
                           'type = "adamw", resident = "host"'])
    lines.append(f"optimizer = {{ {kind_of}, learning_rate = 1e-3, steps = 1, batch_size = {batch}, "
                 f"gradient_accumulation_steps = {accumulation} }}")
    lines.append(f"max_tokens_per_forward = {draw.choice([128, 512, 2048, 16384, 16384])}")
    if has_streams and kind == "preference":
        lines.append(f'score_estimator = {{ type = "monte_carlo_elbo", draws = {draw.choice([2, 4])} }}')
    if draw.random() < 0.25:
        lines.append("validation_rows = 6")
    return lines


def compare(folder, least):
    wrong = seen = purposes = 0
    for path in sorted(folder.glob("*/*/result.json")):
        result = json.loads(path.read_text())
        if "predicted_peak_bytes" not in result:
            continue
        predicted, measured = result["predicted_peak_bytes"], result["peak_bytes"]
        allowed = 65536 if measured < MIB else 0.05 * measured
        is_right = abs(predicted - measured) <= allowed
        seen += 1
        wrong += not is_right
        other = result["peak_bytes_by_purpose"].get("unscoped", 0)
        name = f"{path.parent.parent.name}/{path.parent.name}"
        print(f"    {'ok   ' if is_right else 'WRONG'} {name}: "
              f"{predicted} of {measured} ({predicted / measured:.3f}), {result['gradient_path']}, unscoped {other}")
        purposes += purposes_off(result, name, max(65536, allowed))
        if "memory_retries" in result:
            wrong += 1
            print(f"    WRONG {name}: {result['memory_retries']}")
    print(f"    {seen - wrong} of {seen} as they should be, {purposes} purposes are not")
    return 1 if wrong or purposes or seen < least else 0


def purposes_off(result, name, allowed):
    """Of which more or less was planned than is allowed of the whole.  What passes through staging while a folder is
    read or weights are drawn is in no plan of steps."""
    off = 0
    for purpose, planned in result["predicted_bytes_by_purpose"].items():
        held = result["peak_bytes_by_purpose"][purpose]
        if abs(planned - held) > allowed and purpose != "staging":
            off += 1
            print(f"    WRONG {name}: {planned} of {held} for {purpose}")
    return off


def agree(folder):
    seen = wrong = 0
    for path in sorted(folder.glob("*.plan.json")):
        for stage in json.loads(path.read_text())["stages"]:
            result = json.loads((folder / path.name.split(".")[0] / stage["stage"] / "result.json").read_text())
            planned = stage["choices"][stage["configured"]]
            where = f"{path.name} {stage['stage']}"
            assert planned["gradient_path"] == result["gradient_path"], where
            allowed = 65536 if result["peak_bytes"] < MIB else 0.05 * result["peak_bytes"]
            if abs(planned["peak_bytes"] - result["predicted_peak_bytes"]) > allowed:
                wrong += 1
                print(f"    WRONG {where}: {planned['peak_bytes']}, the run planned {result['predicted_peak_bytes']}")
            seen += 1
    print(f"    {seen - wrong} of {seen} stages")
    return 0 if seen >= 20 and not wrong else 1


if __name__ == "__main__":
    action, where = sys.argv[1], pathlib.Path(sys.argv[2])
    if action == "draw":
        write_configurations(where, int(sys.argv[3]))
        write_two_streams(where, int(sys.argv[3]))
        write_rounded(where, int(sys.argv[3]), "bfloat16", 30, ['"float32"', '"bfloat16"'])
        write_rounded(where, int(sys.argv[3]), "float16", 40, ['"float32"'])
        write_wide(where, int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 8)
        write_adapters(where, int(sys.argv[3]))
        write_vocabulary(where, int(sys.argv[3]), int(sys.argv[5]) if len(sys.argv) > 5 else 4)
        write_corners(where, int(sys.argv[3]), int(sys.argv[6]) if len(sys.argv) > 6 else 6)
    elif action == "budgets":
        budgets(where, int(sys.argv[3]))
    else:
        sys.exit(agree(where) if action == "agree" else compare(where, int(sys.argv[3]) if len(sys.argv) > 3 else 20))
