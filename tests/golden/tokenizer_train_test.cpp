// SPDX-License-Identifier: MIT
// The merges that the Python package `tokenizers` learns (see data/tokenizer_train/README.md).
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "lldm/tokenizer/train.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using lldm::testing::contains;
using nlohmann::json;

namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(LLDM_SOURCE_DIR) / "tests/golden/data/tokenizer_train";

std::vector<std::string> texts() {
  std::vector<std::string> all;
  std::ifstream lines(kFolder / "texts.jsonl");
  for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
  REQUIRE(all.size() > 500);
  return all;
}

std::string learn(const std::vector<std::string>& from, const BpeTraining& settings) {
  BpeTrainer trainer(settings);
  for (const std::string& text : from) trainer.add(text);
  return trainer.finish();
}

}  // namespace

TEST_CASE("BpeTrainer learns the reference's merges to the last pair", "[golden][tokenizer]") {
  const json want = json::parse(std::ifstream(kFolder / "merges.json"));
  const json model = json::parse(learn(texts(), {.size = 100000}))["model"];
  CHECK(model["merges"] == want);
  const json first = json::parse(learn(texts(), {.size = 700}))["model"];
  CHECK(first["merges"] == json(std::vector<json>(want.begin(), want.begin() + 444)));
  CHECK(first["vocab"].size() == 700);
}

TEST_CASE("BpeTrainer does not depend on the order of texts", "[golden][tokenizer]") {
  auto all = texts();
  const BpeTraining settings = {.size = 500, .pattern = "gpt2", .special = {"<mask>", "<eos>"}};
  const std::string learned = learn(all, settings);
  std::ranges::reverse(all);
  CHECK(learn(all, settings) == learned);
  const auto tokenizer =
      TokenizerJson::from_text(learned, {.special = {.mask = "<mask>", .end_of_text = "<eos>"}});
  CHECK(tokenizer.special() == SpecialTokens{498, 499, -1, -1, -1});
  for (const std::string& text : all) {
    const auto ids = tokenizer.encode(text);
    CHECK(ids.size() <= text.size());
    CHECK(tokenizer.encode(tokenizer.decode(ids)) == ids);
  }
}

TEST_CASE("BpeTrainer refuses what cannot be", "[golden][tokenizer]") {
  CHECK_THROWS_WITH(BpeTrainer({.size = 257, .special = {"<a>"}}),
                    contains("256 bytes and 1 special tokens need more"));
  CHECK_THROWS_AS(BpeTrainer({.special = {"<a>", "<a>"}}), ConfigError);
  CHECK_THROWS_AS(BpeTrainer({.pattern = "("}), DataError);
  CHECK_THROWS_AS(BpeTrainer({}).add("\xC3"), DataError);
}
