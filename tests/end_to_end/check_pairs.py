#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges pairs of `lldm data synthesize --task gsm8k` from their texts alone.

    check_pairs.py TRAIN.jsonl PAIRS.jsonl
"""
import collections
import json
import re
import sys

ANNOTATION = re.compile(r"<<([0-9.,+\-*/() ]+)=([0-9.,]+)>>")
KEEPS_ANSWER = {"swapped_steps", "unit"}
SLIPS = {"off_by_one", "carry_over"}


def answer_of(text):
    return re.search(r"#### (-?[0-9.,]+)", text).group(1).replace(",", "").rstrip(".")


def is_true(expression, value):
    assert re.fullmatch(r"[0-9.,+\-*/() ]+", expression), expression
    return abs(eval(expression.replace(",", ""), {"__builtins__": {}}) - float(value.replace(",", ""))) < 1e-6


def untrue(text):
    return sum(not is_true(expression, value) for expression, value in ANNOTATION.findall(text))


def check_equation(error, kind):
    """What stood there is true; what stands there now is too, unless the kind is a slip."""
    assert is_true(*error["before"].split("="))
    assert is_true(*error["after"].split("=")) == (kind not in SLIPS)


def main():
    rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    seen, kinds = set(), collections.Counter()
    for line in open(sys.argv[2], encoding="utf-8"):
        pair = json.loads(line)
        chosen, rejected, error, kind = pair["chosen"], pair["rejected"], pair["provenance"], pair["error"]
        row = rows[error["line"] - 1]
        assert error["kind"] == kind and error["seed"] == 1 and len(error["sha256"]) == 64, pair
        assert row["question"] in pair["prompt"] and row["answer"] == chosen, pair
        assert (pair["prompt"], rejected) not in seen and chosen.strip() != rejected.strip(), pair
        seen.add((pair["prompt"], rejected))
        is_right = answer_of(chosen) == answer_of(rejected)
        assert is_right == (kind in KEEPS_ANSWER) == error["answer_is_right"], pair
        assert untrue(rejected) - untrue(chosen) <= (kind in SLIPS), pair
        begin = error["begin"]
        assert chosen.encode()[:begin] == rejected.encode()[:begin], pair
        lines, others = ([line for line in text.split("\n") if line.strip()] for text in (chosen, rejected))
        if kind == "swapped_steps":
            assert sorted(lines) == sorted(others) and "uses" in error["what"], pair
        elif kind == "dropped_step":
            assert len(others) == len(lines) - 1, pair
        elif kind == "unit":
            assert error["after"] in rejected and sum(a != b for a, b in zip(lines, others)) == 1, pair
        elif kind == "final_answer":
            assert lines[:-1] == others[:-1], pair
        else:  # carried on: the error's step differs, and the answer's line
            check_equation(error, kind)
            assert len(lines) == len(others) and lines[-1] != others[-1], pair
            assert lines[:error["step"] - 1] == others[:error["step"] - 1] and lines[error["step"] - 1] != others[error["step"] - 1], pair
        kinds[kind] += 1
    print(dict(kinds))
    assert len(kinds) == 8


if __name__ == "__main__":
    main()
