// SPDX-License-Identifier: MIT
// A small rank file with ids by the Python package `tiktoken` under five expressions, and the same
// ranks as a tekken.json (see data/tiktoken/README.md).
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lldm/tokenizer/load.hpp"
#include "support/catch.hpp"
#include "support/gzip.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using nlohmann::json;

TEST_CASE("Rank files give tiktoken's ids under every expression", "[golden][tokenizer]") {
  using Ids = std::vector<std::int64_t>;
  const std::filesystem::path folder =
      std::filesystem::path(LLDM_SOURCE_DIR) / "tests/golden/data/tiktoken";
  std::map<std::string, std::shared_ptr<const Tokenizer>> tokenizers;
  for (const char* pattern : {"gpt2", "cl100k", "o200k", "llama3", "qwen2"})
    tokenizers[pattern] = open_tokenizer(folder / "small.tiktoken", {.pattern = pattern});
  const auto tekken = open_tokenizer(folder / "tekken.json");
  const testing::TemporaryFolder copy;
  tokenizers["cl100k"]->save(copy.path());
  const auto loaded = open_tokenizer(copy.path());
  CHECK(loaded->fingerprint() == tokenizers["cl100k"]->fingerprint());
  int rows = 0, mismatches = 0;
  std::istringstream lines(testing::read_gzip(folder / "cases.jsonl.gz"));
  for (std::string line; std::getline(lines, line); ++rows) {
    const json row = json::parse(line);
    const auto text = row.at("text").get<std::string>();
    const auto compare = [&](const std::string& what, const Ids& got, const Ids& want) {
      if (got == want || ++mismatches > 3) return;
      UNSCOPED_INFO(what << " " << row["text"].dump() << "\n  got  " << json(got).dump()
                         << "\n  want " << json(want).dump());
      CHECK(false);
    };
    for (const auto& [pattern, tokenizer] : tokenizers) {
      const Ids want = row.at("ids").at(pattern).get<Ids>();
      compare(pattern, tokenizer->encode(text), want);
      CHECK(tokenizer->decode(want) == text);
    }
    compare("loaded", loaded->encode(text), row["ids"]["cl100k"].get<Ids>());
    Ids behind_special = row["ids"]["o200k"].get<Ids>();  // tekken's 8 special tokens come first
    for (std::int64_t& id : behind_special) id += 8;
    compare("tekken", tekken->encode(text), behind_special);
  }
  std::printf("tiktoken: %d rows under 5 expressions, %d mismatches\n", rows, mismatches);
  CHECK(rows > 100);
  CHECK(mismatches == 0);
  CHECK(tekken->encode("<s>a", SpecialText::recognise).front() == 1);
}
