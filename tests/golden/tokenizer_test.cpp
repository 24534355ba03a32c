// SPDX-License-Identifier: MIT
// golden/tokenizer: ids and texts of the reference tokenizers, every file and every row.
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/load.hpp"
#include "lldm/tokenizer/sentencepiece.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/gzip.hpp"

using namespace lldm;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = testing::golden_root() / "tokenizer";

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<json> parse_lines(const std::string& text) {
  std::vector<json> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
  return rows;
}

std::vector<json> gz_rows(const std::string& name) {
  return parse_lines(testing::read_gzip(kFolder / name));
}

/// Rows of a file according to the manifest; -1 where it does not list the file.
std::int64_t manifest_rows(const std::string& name) {
  static const json manifest =
      json::parse(read_file(testing::golden_root() / "manifest_texts.json"));
  const json& rows = manifest.at("rows");
  return rows.contains("tokenizer/" + name) ? rows["tokenizer/" + name].get<std::int64_t>() : -1;
}

/// The file or folder of the tokenizer behind a golden file; empty where its data are not on this
/// machine.
fs::path tokenizer_path(const std::string& name) {
  if (fs::is_directory(kFolder / name)) return kFolder / name;
  if (testing::data_root().empty()) return {};
  const std::string folder = name.substr(0, name.find("-sentencepiece"));
  return testing::data_root() / "tokenizers" / folder;
}

/// Counts mismatches and shows the first ones.
struct Mismatches {
  std::string where;
  int count = 0;
  template <class T>
  void compare(const std::string& what, const T& got, const T& want) {
    if (got == want || ++count > 3) return;
    UNSCOPED_INFO(where << " " << what << "\n  got  " << json(got).dump() << "\n  want "
                        << json(want).dump());
    CHECK(false);
  }
};

using Ids = std::vector<std::int64_t>;

/// SentencePiece's library finds no control pieces in text and decodes none.
bool is_library(const Tokenizer& tokenizer) {
  return tokenizer.type() == SentencePieceTokenizer::name();
}

void check_texts(const Tokenizer& tokenizer, const std::vector<json>& rows, Mismatches& bad) {
  const auto mode = is_library(tokenizer) ? SpecialText::plain : SpecialText::recognise;
  for (const json& row : rows) {
    const auto text = row.at("text").get<std::string>();
    const auto ids = row.at("ids").get<Ids>();
    const std::string decoded = row.value("decoded", text);
    const std::string what = "row " + row.at("id").dump();
    bad.compare(what + " ids of " + row.at("text").dump(), tokenizer.encode(text, mode), ids);
    bad.compare(what + " decoded", tokenizer.decode(ids, is_library(tokenizer)), decoded);
    bad.compare(what + " decoded_skip_special", tokenizer.decode(ids, true),
                row.value("decoded_skip_special", decoded));
  }
}

void check_decodes(const Tokenizer& tokenizer, const std::vector<json>& rows, Mismatches& bad) {
  for (const json& row : rows) {
    const auto ids = row.at("ids").get<Ids>();
    const auto decoded = row.at("decoded").get<std::string>();
    const std::string what = "row " + row.at("id").dump();
    bad.compare(what + " decoded", tokenizer.decode(ids, is_library(tokenizer)), decoded);
    bad.compare(what + " decoded_skip_special", tokenizer.decode(ids, true),
                row.value("decoded_skip_special", decoded));
  }
}

}  // namespace

TEST_CASE("Tokenizer ids and texts equal the reference's", "[golden][tokenizer]") {
  REQUIRE(fs::is_directory(kFolder));
  std::map<std::string, std::vector<std::string>> files;  // tokenizer -> its files
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const std::string file = entry.path().filename();
    if (file.ends_with(".jsonl.gz")) files[file.substr(0, file.find('.'))].push_back(file);
  }
  REQUIRE_FALSE(files.empty());
  for (const auto& [name, list] : files) {
    const fs::path path = tokenizer_path(name);
    if (path.empty()) {
      std::printf(
          "tokenizer/%s: SKIPPED, LLDM_DATA is not set (its tokenizer is not redistributed)\n",
          name.c_str());
      continue;
    }
    TokenizerOptions options;
    if (name == "small-bytelevel") options.missing_symbol = MissingSymbol::drop;  // lacks symbols
    const auto tokenizer = open_tokenizer(path, options);
    for (const std::string& file : list) {
      const std::vector<json> rows = gz_rows(file);
      REQUIRE(manifest_rows(file) == static_cast<std::int64_t>(rows.size()));
      Mismatches bad{file};
      if (file.ends_with(".decode.jsonl.gz"))
        check_decodes(*tokenizer, rows, bad);
      else
        check_texts(*tokenizer, rows, bad);
      std::printf("tokenizer/%s: %zu rows, %d mismatches\n", file.c_str(), rows.size(), bad.count);
      CHECK(bad.count == 0);
    }
  }
}

TEST_CASE("The manifest's tokenizer files are all there", "[golden][tokenizer]") {
  const json manifest = json::parse(read_file(testing::golden_root() / "manifest_texts.json"));
  int found = 0;
  for (const auto& [file, unused] : manifest.at("rows").items()) {
    if (!file.starts_with("tokenizer/")) continue;
    if (fs::exists(testing::golden_root() / file)) {
      ++found;
    } else {
      INFO(file << " is missing");
      CHECK(file.starts_with("tokenizer/llama2-sentencepiece"));  // not redistributed
      std::printf("%s: absent, not redistributed\n", file.c_str());
    }
  }
  CHECK(found >= 9);
}

TEST_CASE("The tokenizer.json reader takes and refuses what it should", "[golden][tokenizer]") {
  const std::vector<json> cases = parse_lines(read_file(kFolder / "reader_cases/expected.jsonl"));
  REQUIRE(manifest_rows("reader_cases/expected.jsonl") == static_cast<std::int64_t>(cases.size()));
  std::set<std::string> unread;
  for (const auto& entry : fs::directory_iterator(kFolder / "reader_cases"))
    if (entry.path().extension() == ".json") unread.insert(entry.path().filename());
  int handled = 0, refused = 0, rows_checked = 0;
  for (const json& one : cases) {
    const auto file = one.at("file").get<std::string>();
    CHECK(unread.erase(file) == 1);
    const auto expect = one.at("expect").get<std::string>();
    std::optional<TokenizerJson> tokenizer;
    std::string error;
    try {
      tokenizer = TokenizerJson::read(kFolder / "reader_cases" / file,
                                      {.missing_symbol = MissingSymbol::drop});
    } catch (const DataError& refusal) {
      error = refusal.what();
    }
    INFO(file << ": " << expect << "; " << (tokenizer ? "handled" : error));
    if (!tokenizer) {
      ++refused;
      CHECK(expect.find("refuse") != std::string::npos);
      CHECK(error.find(file) != std::string::npos);
      continue;
    }
    ++handled;
    CHECK(expect.find("handle") != std::string::npos);
    Mismatches bad{file};
    for (const json& row : one.at("rows")) {
      ++rows_checked;
      const auto ids = row.at("ids").get<Ids>();
      bad.compare("ids of " + row.at("text").dump(),
                  tokenizer->encode(row.at("text").get<std::string>(), SpecialText::recognise),
                  ids);
      if (row.contains("decoded"))
        bad.compare("decoded", tokenizer->decode(ids, false), row["decoded"].get<std::string>());
      bad.compare("ids with special", tokenizer->add_template_tokens(ids),
                  row.value("ids_with_special", ids));
    }
    CHECK(bad.count == 0);
  }
  INFO("files without an expectation: " << json(unread).dump());
  CHECK(unread.empty());
  std::printf("tokenizer/reader_cases: %d handled (%d rows), %d refused\n", handled, rows_checked,
              refused);
}
