# SPDX-License-Identifier: MIT
"""tools/check_headers finds a header that is not self-contained, and compiles nothing twice."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/check_headers"


class Headers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "include/lldm").mkdir(parents=True)

    def write(self, name, text):
        (self.root / "include/lldm" / name).write_text(text)

    def check(self):
        run = subprocess.run([sys.executable, TOOL, "--compiler", "c++ -std=c++20", "--cache", self.root / "cache.json",
                              "--include", self.root / "include"], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    def test_missing_include(self):
        self.write("a.hpp", "#pragma once\ninline std::string f() { return {}; }\n")
        code, out = self.check()
        self.assertEqual(code, 1, out)
        self.assertIn("lldm/a.hpp does not compile alone", out)

    def test_missing_guard(self):
        self.write("a.hpp", "struct A {};\n")
        code, out = self.check()
        self.assertEqual(code, 1, out)

    def test_second_run_compiles_what_changed(self):
        self.write("a.hpp", "#pragma once\nstruct A {};\n")
        self.write("b.hpp", '#pragma once\n#include "lldm/a.hpp"\nstruct B { A a; };\n')
        self.write("c.hpp", "#pragma once\nstruct C {};\n")
        self.assertIn("3 headers (3 compiled now)", self.check()[1])
        self.assertIn("3 headers (0 compiled now)", self.check()[1])
        self.write("a.hpp", "#pragma once\nstruct A { int x; };\n")
        self.assertIn("3 headers (2 compiled now)", self.check()[1])

    def test_slow_header_fails(self):
        self.write("fwd.hpp", "#pragma once\n#include <bits/stdc++.h>\n")  # above 0.4 s on any machine
        code, out = self.check()
        self.assertEqual(code, 1, out)
        self.assertRegex(out, r"s  lldm/fwd.hpp  FAILED")

    def test_no_header_fails(self):
        self.assertEqual(self.check()[0], 1)


unittest.main()
