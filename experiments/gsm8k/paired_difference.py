#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Change of preference accuracy between two evaluations of the same pairs, with a paired bootstrap.

    paired_difference.py BEFORE/items.jsonl AFTER/items.jsonl

Prints the change by absolute score and per token, in points, with a 95 % percentile interval over
pairs (10 000 resamples, seed 1); a tie counts one half.
"""
import json
import pathlib
import random
import sys


def wins(path, per_token):
    values = {}
    for line in pathlib.Path(path).read_text().splitlines():
        item = json.loads(line)
        chosen, rejected = item["score_chosen"], item["score_rejected"]
        if per_token:
            chosen, rejected = chosen / item["tokens_chosen"], rejected / item["tokens_rejected"]
        values[item["id"]] = 1.0 if chosen > rejected else 0.5 if chosen == rejected else 0.0
    return values


def main():
    before, after = sys.argv[1:3]
    for per_token in (False, True):
        old, new = wins(before, per_token), wins(after, per_token)
        if old.keys() != new.keys():
            sys.exit("the two files hold other pairs")
        changes = [100 * (new[i] - old[i]) for i in sorted(old)]
        draws = random.Random(1)
        means = sorted(sum(draws.choices(changes, k=len(changes))) / len(changes) for _ in range(10000))
        name = "per token" if per_token else "absolute"
        print(f"{name}: {sum(changes) / len(changes):+.2f} points [{means[250]:+.2f}, {means[9749]:+.2f}], {len(changes)} pairs")


main()
