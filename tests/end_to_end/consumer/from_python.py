# SPDX-License-Identifier: MIT
# How Python code uses lldm: it runs the program and reads what it wrote.  Arguments: lldm, an experiment.
import json
import pathlib
import subprocess
import sys
import tempfile

STOPPED = 75  # saved on request (SIGTERM, max_hours): the same command goes on


def run(lldm, experiment, folder, settings):
    """Runs or resumes an experiment; returns report.json.  What is finished in the folder is not done again."""
    command = [lldm, "run", experiment, "--out", folder]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    while (done := subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)).returncode == STOPPED:
        pass
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}\n{done.stderr}")  # 2: every mistake of the file, with its line
    return json.loads((pathlib.Path(folder) / "report.json").read_text())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        report = run(*sys.argv[1:3], folder, {"tuned.optimizer.steps": 8, "scores.task.rows": 20})
    for row in report["rows"]:
        accuracy = row["metrics"].get("accuracy")  # a number; "NaN" where it is none; absent where it was not measured
        print(row["stage"], row["axes"], row["seed"], row["evaluated_by"], accuracy)
    assert not report["failed"]
    assert {"sft", "tuned"} <= {row["stage"] for row in report["rows"]}
