// SPDX-License-Identifier: MIT
// The parts of the Python scripts that `lldm export` writes.  Private to src/track.
#pragma once

#include <string_view>

namespace lldm {

inline constexpr std::string_view kReplayHead = R"PY(#!/usr/bin/env python3
"""Replays an lldm run into a tracking service through its official client (by `lldm export`)."""
import argparse
import json
import os
import re
import sys

)PY";

inline constexpr std::string_view kReplayRead = R"PY(

def read_names(run_dir):
    """{folder: "tuned/beta=0.1/seed 2"} of a grid: its cells by axes and seed instead of by hash."""
    try:
        with open(os.path.join(run_dir, "index.json"), encoding="utf-8") as file:
            index = json.load(file)
    except OSError:
        return {}
    is_of_grid = any(work["folder"].startswith(("cells/", "shared/")) for work in index["work"])
    if len(index["cells"]) < 2 and not is_of_grid:
        return {}
    return {work["folder"]: work["name"].replace(", ", "/") for work in index["work"]}


def read_lines(run_dir):
    """Yields (stage, step, wall_time, {name: number}) for each whole line of metrics.jsonl."""
    names = read_names(run_dir)
    with open(os.path.join(run_dir, "metrics.jsonl"), encoding="utf-8") as file:
        for text in file:
            if not text.endswith("\n"):
                print("left out: a half-written last line", file=sys.stderr)
                return
            line = json.loads(text)
            stage, step, wall_time = line.pop("stage"), line.pop("step"), line.pop("wall_time")
            stage = names.get(stage, stage)
            yield stage, step, wall_time, {name: float(value) for name, value in line.items()}


def read_config(run_dir):
    """The resolved configuration as a dictionary, empty where it cannot be read."""
    path = os.path.join(run_dir, "config.resolved.toml")
    try:
        import tomllib
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (ImportError, OSError) as error:
        print("configuration not sent: %s" % error, file=sys.stderr)
        return {}

)PY";

inline constexpr std::string_view kReplayWandb = R"PY(
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", nargs="?", default=RUN_DIR)
    parser.add_argument("--project", default="lldm")
    options = parser.parse_args()
    import wandb
    name = os.path.basename(os.path.abspath(options.run_dir))
    run = wandb.init(project=options.project, name=name, config=read_config(options.run_dir))
    stages = set()
    count = 0
    for stage, step, wall_time, values in read_lines(options.run_dir):
        if stage not in stages:
            stages.add(stage)
            run.define_metric(stage + "/step")
            run.define_metric(stage + "/*", step_metric=stage + "/step")
        record = {stage + "/" + key: value for key, value in values.items()}
        record[stage + "/step"] = step
        record[stage + "/wall_time"] = wall_time
        run.log(record)
        count += 1
    run.finish()
    print("sent %d lines of %d stages" % (count, len(stages)))


if __name__ == "__main__":
    main()
)PY";

inline constexpr std::string_view kReplayMlflow = R"PY(
def flat(table, prefix=""):
    """{"a": {"b": 1}} -> [("a.b", 1)]; lists of tables are numbered."""
    items = table.items() if isinstance(table, dict) else enumerate(table)
    for key, value in items:
        is_list = isinstance(value, list) and value and isinstance(value[0], dict)
        if is_list or isinstance(value, dict):
            yield from flat(value, "%s%s." % (prefix, key))
        else:
            yield prefix + str(key), value


def legal(name):
    """MLflow takes letters, digits and _-. /: in names."""
    changed = re.sub(r"[^\w\-. /:]", "_", name)
    if changed != name:
        print("renamed: %s -> %s" % (name, changed), file=sys.stderr)
    return changed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", nargs="?", default=RUN_DIR)
    parser.add_argument("--experiment", default="lldm")
    options = parser.parse_args()
    import mlflow
    from mlflow.entities import Metric, Param
    mlflow.set_experiment(options.experiment)
    names = {}
    count = 0
    with mlflow.start_run(run_name=os.path.basename(os.path.abspath(options.run_dir))) as run:
        client = mlflow.MlflowClient()
        config = flat(read_config(options.run_dir))
        params = [Param(legal(key), str(value)[:6000]) for key, value in config]
        for start in range(0, len(params), 100):  # the limits of one log_batch call
            client.log_batch(run.info.run_id, params=params[start:start + 100])
        batch = []
        for stage, step, wall_time, values in read_lines(options.run_dir):
            for key, value in values.items():
                key = stage + "/" + key
                if key not in names:
                    names[key] = legal(key)
                batch.append(Metric(names[key], value, int(wall_time * 1000), step))
            count += 1
            while len(batch) >= 1000:
                client.log_batch(run.info.run_id, metrics=batch[:1000])
                batch = batch[1000:]
        if batch:
            client.log_batch(run.info.run_id, metrics=batch)
    print("sent %d lines with %d metrics" % (count, len(names)))


if __name__ == "__main__":
    main()
)PY";

}  // namespace lldm
