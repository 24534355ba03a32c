// SPDX-License-Identifier: MIT
// Small tokenizers of every kind that lldm reads, with ids and texts by the Python package
// `tokenizers` (see data/tokenizer_kinds/README.md).
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
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

/// The ids of the file's control tokens, without its unknown token.
std::set<std::int64_t> control_ids(const fs::path& file, const TokenizerJson& tokenizer) {
  const json root = json::parse(std::ifstream(file));
  const json& model = root.at("model");
  std::string unknown = model.value("unk_token", json()).is_string() ? model["unk_token"] : "";
  if (model.contains("unk_id")) unknown = model["vocab"][model["unk_id"].get<std::size_t>()][0];
  std::set<std::int64_t> ids;
  for (const json& token : root.at("added_tokens"))
    if (token["special"] && token["content"] != unknown)
      ids.insert(tokenizer.id_of(token["content"].get<std::string>()));
  return ids;
}

/// Ordinary text gives no control token, whatever it holds.
void check_plain(const TokenizerJson& tokenizer, const std::set<std::int64_t>& control,
                 const json& row, Tally& tally) {
  if (!row.contains("ids")) return;
  for (const std::int64_t id : tokenizer.encode(row.at("text").get<std::string>()))
    tally.compare("control token in plain " + row["text"].dump(), control.contains(id), false);
}

/// One row: a text with its ids, or ids alone, and what they decode to.
void check_row(const TokenizerJson& tokenizer, const json& row, Tally& tally) {
  ++tally.rows;
  if (row.contains("error")) {  // where the reference fails, lldm does not guess
    CHECK_THROWS_AS(tokenizer.encode(row["text"].get<std::string>(), SpecialText::recognise),
                    DataError);
    return;
  }
  const Ids ids = row.at(row.contains("ids") ? "ids" : "ids_only").get<Ids>();
  const std::string what = row.value("text", json(ids).dump());
  if (row.contains("ids")) {
    tally.compare("ids of " + json(what).dump(), tokenizer.encode(what, SpecialText::recognise),
                  ids);
    tally.compare("ids with special of " + json(what).dump(), tokenizer.add_template_tokens(ids),
                  row.value("ids_with_special", ids));
  }
  if (!row.contains("decoded")) return;
  tally.compare("decoded " + json(what).dump(), tokenizer.decode(ids, false),
                row["decoded"].get<std::string>());
  tally.compare("without special " + json(what).dump(), tokenizer.decode(ids, true),
                row["skipped"].get<std::string>());
}

}  // namespace

TEST_CASE("Tokenizers of every kind give the reference's ids and texts", "[golden][tokenizer]") {
  const fs::path folder = fs::path(LLDM_SOURCE_DIR) / "tests/golden/data/tokenizer_kinds";
  int kinds = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    ++kinds;
    const std::string name = entry.path().filename();
    INFO(name);
    std::optional<TokenizerJson> tokenizer;
    REQUIRE_NOTHROW(tokenizer = TokenizerJson::read(entry.path() / "tokenizer.json",
                                                    {.missing_symbol = MissingSymbol::drop}));
    Tally tally;
    std::istringstream lines(testing::read_gzip(entry.path() / "cases.jsonl.gz"));
    const auto control = control_ids(entry.path() / "tokenizer.json", *tokenizer);
    for (std::string line; std::getline(lines, line);) {
      const json row = json::parse(line);
      check_row(*tokenizer, row, tally);
      check_plain(*tokenizer, control, row, tally);
    }
    std::printf("tokenizer_kinds/%s: %d rows, %d mismatches\n", name.c_str(), tally.rows,
                tally.mismatches);
    CHECK(tally.rows > 0);
    CHECK(tally.mismatches == 0);
  }
  CHECK(kinds >= 25);
}
