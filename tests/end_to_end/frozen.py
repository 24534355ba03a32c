#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a run writes, held against a kept copy: a change of the code that is meant to change nothing leaves it equal.

    frozen.py check FOLDER FILE     compare the run in FOLDER with FILE; exit code 1 and the differences if they differ
    frozen.py write FOLDER FILE     keep it (for a change that is meant; its commit names the fields)

Kept: config.resolved.toml, every result.json with its hash, and report.json.  Measured times and bytes and the build's name
are left out.  On the kind of processor that FILE was written on numbers are equal to the last bit; on others floating point
numbers may differ by 5 %, and what was sampled is not compared.
"""
import json
import math
import pathlib
import re
import sys

MEASURED = re.compile(r"seconds|bytes|^build$|version")
SAMPLED = re.compile(r"accuracy|exact|steps|well_formed|output|extracted|correct|examples|forwards_per_item|texts|margin")


def processor():
    """Name, family and model of the first one: virtual machines give many kinds one name."""
    first = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    facts = dict(map(str.strip, line.split(":", 1)) for line in first.splitlines() if ":" in line)
    return ", ".join([facts.get("model name", "unknown")] + [f"{k} {facts[k]}" for k in ("cpu family", "model") if k in facts])


def without_measured(value):
    if isinstance(value, dict):
        return {k: without_measured(v) for k, v in value.items() if not MEASURED.search(k)}
    return [without_measured(v) for v in value] if isinstance(value, list) else value


def kept(folder):
    folder = pathlib.Path(folder)
    toml = [line for line in (folder / "config.resolved.toml").read_text().splitlines() if not line.startswith("#")]
    files = {"config.resolved.toml": toml}
    for path in sorted(folder.rglob("result.json")) + [folder / "report.json"]:
        files[path.relative_to(folder).as_posix()] = without_measured(json.loads(path.read_text()))
    return files


def differences(old, new, is_same_processor, where=""):
    if isinstance(old, dict) and isinstance(new, dict):
        for key in list(old) + [k for k in new if k not in old]:
            if key not in new or key not in old:
                yield f"{where}/{key}: only in the {'kept copy' if key in old else 'run'}"
            elif is_same_processor or not SAMPLED.search(key):
                yield from differences(old[key], new[key], is_same_processor, f"{where}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new)):
            yield from differences(a, b, is_same_processor, f"{where}[{i}]")
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        is_near = (not is_same_processor and isinstance(old, float) and isinstance(new, (int, float))
                   and math.isclose(old, new, rel_tol=0.05, abs_tol=0.05))
        if not is_near:
            yield f"{where}: kept {old!r}, now {new!r}"


def main():
    mode, folder, file = sys.argv[1:]
    now, path = kept(folder), pathlib.Path(file)
    if mode == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"processor": processor(), "files": now}, indent=1) + "\n")
        return 0
    before = json.loads(path.read_text())
    found = list(differences(before["files"], now, before["processor"] == processor()))
    print("\n".join(found[:60] + [f"{len(now)} files, {len(found)} differences"]))
    return 1 if found else 0


sys.exit(main())
