// SPDX-License-Identifier: MIT
// Small SentencePiece models of every kind, with ids and texts by the Python package
// `sentencepiece` (see data/sentencepiece/README.md).
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "lldm/tokenizer/sentencepiece.hpp"
#include "support/catch.hpp"
#include "support/gzip.hpp"

using namespace lldm;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

using Ids = std::vector<std::int64_t>;

struct Tally {
  int rows = 0, mismatches = 0;
  template <class T>
  void compare(const std::string& what, const T& got, const T& want) {
    if (got == want || ++mismatches > 3) return;
    UNSCOPED_INFO(what << "\n  got  " << json(got).dump() << "\n  want " << json(want).dump());
    CHECK(false);
  }
};

void check_row(const SentencePieceTokenizer& tokenizer, const json& row, Tally& tally) {
  ++tally.rows;
  const Ids ids = row.at(row.contains("ids") ? "ids" : "ids_only").get<Ids>();
  const std::string what = row.value("text", json(ids).dump());
  if (row.contains("ids"))
    tally.compare("ids of " + json(what).dump(), tokenizer.encode(what), ids);
  tally.compare("decoded " + json(what).dump(), tokenizer.decode(ids),
                row.at("decoded").get<std::string>());
}

}  // namespace

TEST_CASE("SentencePiece models of every kind give the library's ids and texts",
          "[golden][tokenizer]") {
  const fs::path folder = fs::path(LLDM_SOURCE_DIR) / "tests/golden/data/sentencepiece";
  int kinds = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    ++kinds;
    const std::string name = entry.path().filename();
    INFO(name);
    std::optional<SentencePieceTokenizer> tokenizer;
    REQUIRE_NOTHROW(tokenizer = SentencePieceTokenizer::read(entry.path() / "tokenizer.model", {}));
    Tally tally;
    std::istringstream lines(testing::read_gzip(entry.path() / "cases.jsonl.gz"));
    for (std::string line; std::getline(lines, line);)
      check_row(*tokenizer, json::parse(line), tally);
    std::printf("sentencepiece/%s: %d rows, %d mismatches\n", name.c_str(), tally.rows,
                tally.mismatches);
    CHECK(tally.rows > 0);
    CHECK(tally.mismatches == 0);
  }
  CHECK(kinds >= 9);
}
