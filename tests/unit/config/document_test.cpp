// SPDX-License-Identifier: MIT
#include "lldm/config/document.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"

using namespace lldm::config;
using lldm::testing::ConfigFolder;
using lldm::testing::tree;
using lldm::testing::without_folder;

namespace {

Document load_file(const std::filesystem::path& file) {
  Diagnostics diagnostics;
  Document document = load(file, {}, diagnostics);
  diagnostics.throw_if_any();
  return document;
}

std::string load_error(const std::filesystem::path& file, const ConfigFolder& folder) {
  try {
    (void)load_file(file);
  } catch (const lldm::ConfigError& error) {
    return without_folder(error.what(), folder);
  }
  return "";
}

}  // namespace

TEST_CASE("load lays files on one another in the order of extends, the file itself last",
          "[config]") {
  const ConfigFolder folder;
  folder.write("base/model.toml", "[model]\nwidth = 64\nlayers = 3\n");
  folder.write("base/more.toml", "seed = 1\n[model]\nlayers = 4\n");
  const auto file =
      folder.write("a.toml", "extends = [\"base/model.toml\", \"base/more.toml\"]\nseed = 2\n");
  const Document document = load_file(file);
  CHECK(document.root == tree("seed = 2\n[model]\nwidth = 64\nlayers = 4\n"));
  REQUIRE(document.files.size() == 3);
  CHECK(document.files[2] == file);
  const auto& layers = *document.root.find("model")->value.find("layers");
  CHECK(without_folder(layers.value.position().text(), folder) == "DIR/base/more.toml:3:10");
}

TEST_CASE("load lays a file that is reached twice down once, at its first place", "[config]") {
  const ConfigFolder folder;
  folder.write("root.toml", "beta = 0.1\n");
  folder.write("left.toml", "extends = [\"root.toml\"]\nbeta = 0.2\n");
  folder.write("right.toml", "extends = [\"root.toml\"]\nsteps = 3\n");
  const auto file = folder.write("a.toml", "extends = [\"left.toml\", \"right.toml\"]\n");
  const Document document = load_file(file);
  CHECK(document.root == tree("beta = 0.2\nsteps = 3\n"));
  CHECK(document.files.size() == 4);
}

TEST_CASE("load merges stages by name and keeps their order", "[config]") {
  const ConfigFolder folder;
  folder.write("base.toml",
               "[[stage]]\nname = \"sft\"\nrows = 3\nepochs = 1\n[[stage]]\nname = \"tuned\"\n"
               "objective = { type = \"dpo\", beta = 0.1 }\n");
  const auto file = folder.write(
      "a.toml",
      "extends = [\"base.toml\"]\n[[stage]]\nname = \"tuned\"\nobjective = { type = \"ipo\" }\n"
      "[[stage]]\nname = \"scores\"\n[[stage]]\nname = \"sft\"\nrows = 5\n");
  CHECK(load_file(file).root ==
        tree("[[stage]]\nname = \"sft\"\nrows = 5\nepochs = 1\n[[stage]]\nname = \"tuned\"\n"
             "objective = { type = \"ipo\" }\n[[stage]]\nname = \"scores\"\n"));
}

TEST_CASE("load replaces arrays", "[config]") {
  const ConfigFolder folder;
  folder.write("base.toml", "plugins = [\"a\", \"b\"]\n");
  const auto file = folder.write("a.toml", "extends = [\"base.toml\"]\nplugins = [\"c\"]\n");
  CHECK(load_file(file).root == tree("plugins = [\"c\"]\n"));
}

TEST_CASE("extends: a child's axes replace the grid's, add_axes and add_seeds add", "[config]") {
  const ConfigFolder folder;
  folder.write("base.toml",
               "x = 1\n[grid]\nseeds = { values = [1, 2], from = \"tuned\" }\n"
               "exclude = [{ seed = 2 }]\n[grid.axes]\n\"a.b\" = [1, 2]\n\"a.c\" = [3]\n");
  const auto child = [&](const std::string& text) {
    return load_file(folder.write("a.toml", "extends = [\"base.toml\"]\n" + text)).root;
  };
  const std::string seeds = "x = 1\n[grid]\nseeds = { values = [1, 2], from = \"tuned\" }\n";
  CHECK(child("[grid.axes]\n\"a.d\" = [4]\n") ==
        tree(seeds + "exclude = [{ seed = 2 }]\n[grid.axes]\n\"a.d\" = [4]\n"));
  CHECK(child("[grid]\nexclude = []\n[grid.add_axes]\n\"a.b\" = [5]\n\"a.d\" = [4]\n") ==
        tree(seeds + "exclude = []\n[grid.axes]\n\"a.b\" = [1, 2, 5]\n\"a.c\" = [3]\n"
                     "\"a.d\" = [4]\n"));
  CHECK(child("[grid]\nseeds = [7]\nexclude = []\naxes = {}\n") ==
        tree("x = 1\n[grid]\nseeds = [7]\nexclude = []\naxes = {}\n"));
  CHECK(child("[grid]\nadd_seeds = [3]\nexclude = []\naxes = {}\n") ==
        tree("x = 1\n[grid]\nseeds = { values = [1, 2, 3], from = \"tuned\" }\nexclude = []\n"
             "axes = {}\n"));
  CHECK(child("[grid]\n") == tree("x = 1\n"));
  folder.write("none.toml", "x = 1\n");
  CHECK(load_file(folder.write("b.toml",
                               "extends = [\"none.toml\"]\n[grid]\nadd_seeds = [3]\n"
                               "add_axes = { \"a.b\" = [1] }\n"))
            .root == tree("x = 1\n[grid]\naxes = { \"a.b\" = [1] }\nseeds = [3]\n"));
}

TEST_CASE("load says where a circle of extends closes", "[config]") {
  const ConfigFolder folder;
  folder.write("b.toml", "extends = [\"c.toml\"]\n");
  folder.write("c.toml", "x = 1\nextends = [\"a.toml\"]\n");
  const auto file = folder.write("a.toml", "extends = [\"b.toml\"]\n");
  CHECK(load_error(file, folder) ==
        "DIR/c.toml:2:12: `extends` goes in a circle\n"
        "  DIR/a.toml -> DIR/b.toml -> DIR/c.toml -> DIR/a.toml");
}

TEST_CASE("load reports every wrong entry of extends at once", "[config]") {
  const ConfigFolder folder;
  folder.write("bad.toml", "a = \n");
  const auto file = folder.write("a.toml", "extends = [\"none.toml\", 3, \"bad.toml\"]\n");
  const std::string text = load_error(file, folder);
  CHECK(text.find("DIR/a.toml:1:12: there is no file \"DIR/none.toml\"\n  looked in \"DIR\"\n"
                  "DIR/a.toml:1:25: \"extends\" must be a list of file names\n"
                  "  got the integer 3; example: extends = [\"base.toml\"]\n"
                  "DIR/bad.toml:1:") == 0);
  CHECK(load_error(folder.write("b.toml", "extends = \"bad.toml\"\n"), folder) ==
        "DIR/b.toml:1:11: \"extends\" must be a list of file names\n"
        "  got the string \"bad.toml\"; example: extends = [\"base.toml\"]");
}

TEST_CASE("load refuses more than 16 levels of extends", "[config]") {
  const ConfigFolder folder;
  folder.write("f0.toml", "x = 1\n");
  for (int i = 1; i <= 17; ++i)
    folder.write("f" + std::to_string(i) + ".toml",
                 "extends = [\"f" + std::to_string(i - 1) + ".toml\"]\n");
  CHECK(load_error(folder.path() / "f16.toml", folder).empty());
  CHECK(load_error(folder.path() / "f17.toml", folder) ==
        "DIR/f1.toml:1:12: `extends` is more than 16 levels deep\n  merge some of the files");
}

TEST_CASE("load refuses missing, oversized and unreadable files", "[config]") {
  const ConfigFolder folder;
  CHECK(load_error(folder.path() / "none.toml", folder) ==
        "DIR/none.toml:1:1: there is no file \"DIR/none.toml\"\n  looked in \"DIR\"");
  CHECK(load_error(folder.path(), folder) ==
        "DIR:1:1: cannot read \"DIR\"\n  it must be a readable file");
  const auto exact = folder.write("exact.toml", "#" + std::string(kMaxFileBytes - 2, 'x') + "\n");
  CHECK(load_error(exact, folder).empty());
  const auto large = folder.write("large.toml", "#" + std::string(kMaxFileBytes - 1, 'x') + "\n");
  CHECK(load_error(large, folder) ==
        "DIR/large.toml:1:1: the file \"DIR/large.toml\" is larger than 4 MiB\n"
        "  an experiment file is a few KiB: is this data?");
}
