#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Renders conversations.json and expressions.json with jinja2, as transformers does.

render.py --check            renders the templates of this folder again; exit 1 if a line differs,
                             77 without jinja2
render.py --published DIR    writes rendered.jsonl and expressions.jsonl; DIR: llama3*.jinja
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
TYPES = {  # template: [template] types and the arguments that they stand for
    "llada": {"llada_chat": {}},
    "dream": {"dream_chat": {}},
    "qwen2_5": {"qwen2_5_chat": {}},
    "qwen3": {"qwen3_chat": {}, "qwen3_chat_no_thinking": {"enable_thinking": False}},
    "llama3": {"llama3_chat": {}},
    "llama3_1": {"llama3_1_chat": {}},
    "chatml": {"chatml": {}},
}
NAMES = {
    "llada": {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"},
    "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    "llama3_1": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
}


def environment():
    import jinja2
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):  # transformers' mark: its content alone counts here
        tags = {"generation"}

        def parse(self, parser):
            next(parser.stream)
            return parser.parse_statements(["name:endgeneration"], drop_needle=True)

    def refuse(text):
        raise jinja2.exceptions.TemplateError(text)

    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.globals["raise_exception"] = refuse
    return env


def conversations(env, template, text):
    compiled = env.from_string(text)
    for kind, arguments in TYPES[template].items():
        for messages in json.loads((HERE / "conversations.json").read_text()):
            if template == "llama3_1" and any(turn["role"] == "tool" for turn in messages):
                continue  # a form that lldm refuses
            for asks in (False, True):
                names = {"tools": None, **NAMES.get(template, {}), **arguments}
                rendered = compiled.render(messages=messages, add_generation_prompt=asks, **names)
                yield {"template": template, "type": kind, **arguments, "messages": messages,
                       "add_generation_prompt": asks, "rendered": rendered}


def expressions(env):
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]
    for source in json.loads((HERE / "expressions.json").read_text()):
        row = {"source": source, "messages": messages}
        try:
            row["rendered"] = env.from_string(source).render(messages=messages)
        except Exception as error:  # whatever jinja2 or Python raises is a refusal
            row["refused"] = type(error).__name__
        yield row


def lines(rows):
    return [json.dumps(row) for row in rows]


def check(env):
    wrong = 0
    stored = (HERE / "rendered.jsonl").read_text().splitlines()
    for template in TYPES:
        path = HERE / f"{template}.jinja"
        if not path.exists():
            continue
        mine = [line for line in stored if json.loads(line)["template"] == template]
        made = lines(conversations(env, template, path.read_text()))
        wrong += mine != made
        print(f"{template}: {len(made)} renderings {'differ' if mine != made else 'equal'}")
    made = lines(expressions(env))
    wrong += made != (HERE / "expressions.jsonl").read_text().splitlines()
    print(f"expressions: {len(made)}")
    return 1 if wrong else 0


def main():
    try:
        env = environment()
    except ImportError as error:
        print(f"render.py: {error}; pip install jinja2")
        return 77
    if sys.argv[1:2] == ["--check"]:
        return check(env)
    folders = [HERE, pathlib.Path(sys.argv[2])]
    out = []
    for template in TYPES:
        path = next(f / f"{template}.jinja" for f in folders if (f / f"{template}.jinja").exists())
        out += lines(conversations(env, template, path.read_text()))
    (HERE / "rendered.jsonl").write_text("\n".join(out) + "\n")
    (HERE / "expressions.jsonl").write_text("\n".join(lines(expressions(env))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
