# SPDX-License-Identifier: MIT
"""Every rule of tools/check_sources finds the breach it is for, and a clean tree passes."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/check_sources"
SPDX = "// SPDX-License-Identifier: MIT\n"


def check(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        run = subprocess.run([sys.executable, TOOL, "--root", root], capture_output=True, text=True)
        return run.returncode, run.stdout


class Rules(unittest.TestCase):
    def breach(self, name, line, expected):
        code, out = check({name: SPDX + line + "\n"})
        self.assertEqual(code, 1, out)
        self.assertIn(expected, out)
        self.assertIn(f"{name}:2:", out)

    def test_clean_tree_passes(self):
        code, out = check({"src/score/engine.cpp": SPDX + "#include <ATen/ops/mm.h>\n"})
        self.assertEqual((code, out.splitlines()[-1]), (0, "1 files, 0 breaches"), out)

    def test_empty_tree_fails(self):
        self.assertEqual(check({})[0], 1)

    def test_each_pattern(self):
        for name, line, expected in [
            ("include/lldm/a.hpp", "#include <ATen/ops/mm.h>", "public headers"),
            ("include/lldm/a.hpp", "#include <c10/core/Device.h>", "public headers"),
            ("src/a.cpp", "#include <torch/torch.h>", "torch/torch.h"),
            ("tests/a.cpp", "#include <ATen/ATen.h>", "torch/torch.h"),
            ("src/cuda/a.cu", "#include <ATen/core/Tensor.h>", "CUDA sources"),
            ("src/model/a.cpp", "void* p = cudaMalloc(3);", "memory manager only"),
            ("src/data/a.cpp", "#include <toml++/toml.h>", "src/config only"),
            ("src/data/a.cpp", "#include <boost/program_options.hpp>", "src/cli only"),
            ("include/lldm/a.hpp", "#include <Eigen/Dense>", "Eigen"),
            ("src/data/a.cpp", "void f() { std::cout << 1; }", "never prints"),
            ("src/data/a.cpp", "void f() { std::exit(1); }", "never exits"),
            ("src/data/a.cpp", "std::ifstream in(path);", "storage/input_file only"),
            ("src/data/a.cpp", 'auto* f = fopen("x", "r");', "storage/input_file only"),
            ("docs/a.md", "see /" + "work/x", "path of one machine"),
            ("src/a.cpp", "// TODO later", "issue number"),
            ("src/a.cpp", "// see plan.md, law 3", "cites plan.md, which is not in the tree"),
        ]:
            with self.subTest(line=line):
                self.breach(name, line, expected)

    def test_doc_comments(self):
        inside, prose = "a label of a doc comment inside a line", "goes on as if it were prose"
        for comment, expected in [
            ("/// Reads.  Errors  none.", inside),
            ("/// Reads. Source\n/// Nie et al.", inside),
            ("/// Source  the paper.   Tests  a_test.cpp", inside),
            ("/// Reads.  Errors as read_all.", inside),
            ("/// Errors  ShapeError for an id,\n/// one\n///         too long.", prose),
            ("/// Cost    a pass,\n///         or two\n/// of them.", prose),
            ("// " + "word " * 20, "columns; at most 100"),
        ]:
            with self.subTest(comment=comment):
                code, out = check({"src/a.cpp": SPDX + comment + "\n"})
                self.assertEqual(code, 1, out)
                self.assertIn(expected, out)
        for comment in ["/// Reads.\n///\n/// Errors  ShapeError for an id,\n///         too long.\n/// Cost    a pass.\n/// Prose.",
                        "/// Reads.  Errors go to `log`.", "// https://" + "a" * 120]:
            with self.subTest(comment=comment):
                self.assertEqual(check({"src/a.cpp": SPDX + comment + "\n"})[0], 0)

    def test_layers(self):
        files = {"src/score/engine.hpp": SPDX, "src/eval/a.cpp": SPDX + '#include "score/engine.hpp"\n'}
        code, out = check(files)
        self.assertEqual(code, 1, out)
        self.assertIn("src/eval/a.cpp:2: eval/ includes score/, an arrow up", out)
        files = {"include/lldm/text/a.hpp": SPDX, "src/score/a.cpp": SPDX + '#include "lldm/text/a.hpp"\n#include <map>\n'}
        self.assertNotIn("arrow", check(files)[1])
        files = {"src/score/a.hpp": SPDX, "src/cuda/a.cu": SPDX + '#include "score/a.hpp"\n'}
        self.assertIn("cuda/ includes score/", check(files)[1])
        self.assertIn("stands in no layer", check({"src/misc/a.cpp": SPDX})[1])

    def test_components_have_their_mirror_test(self):
        component = SPDX + "struct Cosine {\n  static constexpr std::string_view name() { return \"cosine\"; }\n};\n"
        for folder in ("schedule", "forward", "estimator", "objective", "sampler", "sampler/remasking", "eval", "tokenizer"):
            with self.subTest(folder=folder):
                header, test = f"include/lldm/{folder}/cosine.hpp", f"tests/unit/{folder}/cosine_test.cpp"
                self.assertIn(f"{header}:3: a component without its mirror test", check({header: component})[1])
                self.assertIn(f"{test}:1: does not include the component", check({header: component, test: SPDX})[1])
                mirror = SPDX + f'#include "lldm/{folder}/cosine.hpp"\n'
                self.assertNotIn("mirror", check({header: component, test: mirror})[1])
        self.assertNotIn("mirror", check({"include/lldm/objective/pair_loss.hpp": SPDX})[1])

    def test_layer_table_is_shown(self):
        code, out = check({"docs/architecture.md": "# Architecture\n"})
        self.assertEqual(code, 1, out)
        self.assertIn("does not show the table of layers", out)

    def test_licence_line(self):
        for name, text in [("src/a.cpp", "int x;\n"), ("cmake/a.cmake", "set(x 1)\n"), ("tools/a", "#!/bin/sh\ntrue\n")]:
            code, out = check({name: text})
            self.assertEqual(code, 1, out)
            self.assertIn("SPDX", out)

    def test_length(self):
        code, out = check({"src/a.cpp": SPDX + "int x;\n" * 399})
        self.assertEqual(code, 0, out)
        code, out = check({"src/a.cpp": SPDX + "int x;\n" * 400})
        self.assertEqual(code, 1, out)
        self.assertIn("401 lines", out)

    def test_umbrella(self):
        code, out = check({"include/lldm/a.hpp": SPDX, "include/lldm/lldm.hpp": SPDX})
        self.assertEqual(code, 1)
        self.assertIn("does not include exactly the public headers", out)


unittest.main()
