# SPDX-License-Identifier: MIT
"""bench/peers/memory_over_steps makes its table and its plot of what `lldm bench step --json` and the peer say."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

TOOL = pathlib.Path(__file__).resolve().parents[2] / "bench/peers/memory_over_steps"
# Both programs in one: it says what it was asked for as lldm does, and as the peer.
PROGRAM = '''#!{python}
import json, sys
words = sys.argv[1:]
if words[:2] == ["bench", "step"]:
    steps = int(next(word for word in words if word.startswith("dpo.score_estimator.steps=")).split("=")[1])
    print(json.dumps({{"process_peak_bytes": (1 << 30) + steps, "learning_rates": [1e-3],
                       "peak_bytes": {{"total": 3 << 28, "logits": 1}}, "predicted_peak_bytes": 5 << 28}}))
elif words and words[0].endswith("careful.py"):
    print(json.dumps({{"peak_bytes": 5 << 29}}))
'''


class MemoryOverSteps(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.program = self.folder / "program"
        self.program.write_text(PROGRAM.format(python=sys.executable))
        os.chmod(self.program, 0o755)

    def test_table_and_plot(self):
        plot = self.folder / "plot.svg"
        run = subprocess.run([sys.executable, TOOL, "--lldm", self.program, "--python", self.program, "--svg", plot, "5", "80"],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = run.stdout.splitlines()
        self.assertEqual(len(lines), 4, run.stdout)
        for line, steps in zip(lines[2:], (5, 80)):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            self.assertEqual([cells[0], *cells[2:]], [str(steps), "2.500 GiB", "0.750 GiB", "1.250 GiB"])
        name = "{http://www.w3.org/2000/svg}"
        drawn = xml.etree.ElementTree.parse(plot).getroot()
        lines = drawn.findall(f"{name}polyline")
        self.assertEqual(len(lines), 3)
        for line in lines:
            self.assertEqual(len(line.get("points").split()), 2)
        texts = [text.text for text in drawn.findall(f"{name}text")]
        for text in ("5", "80", "lldm", "careful PyTorch", "lldm's tensors", "peak memory [GiB]"):
            self.assertIn(text, texts)
        # The peer's line lies above both of lldm's, whose tensors hold least: y counts downwards.
        heights = [float(line.get("points").split()[0].split(",")[1]) for line in lines]
        self.assertLess(heights[1], heights[0])
        self.assertLess(heights[0], heights[2])

    def test_help(self):
        run = subprocess.run([sys.executable, TOOL, "--help"], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("--svg", run.stdout)


if __name__ == "__main__":
    unittest.main()
