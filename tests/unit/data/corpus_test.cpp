// SPDX-License-Identifier: MIT
#include "lldm/data/corpus.hpp"

#include <fstream>
#include <memory>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/load.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

std::shared_ptr<const Tokenizer> bytes() {
  TokenizerOptions options;
  options.type = TokenizerType::bytes;
  return make_tokenizer(options, {});
}

/// Packs one text a row.
std::filesystem::path pack(const testing::TemporaryFolder& folder,
                           const std::vector<std::string>& texts) {
  std::ofstream rows(folder.path() / "rows.jsonl");
  for (const std::string& text : texts) rows << "{\"text\": \"" << text << "\"}\n";
  rows.close();
  const auto out = folder.path() / "corpus";
  std::filesystem::remove_all(out);
  static_cast<void>(
      pack_corpus({.files = {folder.path() / "rows.jsonl"}, .folder = out}, *bytes()));
  return out;
}

std::vector<std::int64_t> ids(const std::string& text) {
  std::vector<std::int64_t> all = bytes()->encode(text);
  all.push_back(bytes()->special().end_of_text);
  return all;
}

std::vector<std::int64_t> joined(const std::vector<std::string>& texts) {
  std::vector<std::int64_t> all;
  for (const std::string& text : texts)
    for (const std::int64_t id : ids(text)) all.push_back(id);
  return all;
}

}  // namespace

TEST_CASE("A corpus holds the texts in order, each with its end-of-text", "[data][corpus]") {
  const testing::TemporaryFolder folder;
  const std::vector<std::string> texts = {"abc", "d", "efghij"};
  const Corpus corpus(pack(folder, texts));
  CHECK(corpus.num_documents() == 3);
  CHECK(corpus.num_tokens() == 13);
  CHECK(corpus.tokenizer() == bytes()->fingerprint());
  CHECK(corpus.tokens(0, 13) == joined(texts));
  CHECK(corpus.end_of(0) == 4);
  CHECK(corpus.end_of(2) == 13);
  CHECK_NOTHROW(corpus.verify());
}

TEST_CASE("concat cuts the stream every so many tokens; isolated fills rows with whole texts",
          "[data][corpus]") {
  const testing::TemporaryFolder folder;
  const std::vector<std::string> texts = {"abc", "d", "efghij"};
  const auto corpus = std::make_shared<const Corpus>(pack(folder, texts));
  const std::vector<std::int64_t> all = joined(texts);
  const CorpusRows concat(corpus, false, 5);
  REQUIRE(concat.size() == 3);
  std::vector<std::int64_t> put_together;
  for (std::int64_t i = 0; i < concat.size(); ++i) {
    const auto row = concat.texts(i);
    REQUIRE(row.size() == 1);
    CHECK(row[0].number == i);
    CHECK(row[0].tokens.size() == (i < 2 ? 5U : 3U));
    put_together.insert(put_together.end(), row[0].tokens.begin(), row[0].tokens.end());
  }
  CHECK(put_together == all);
  const CorpusRows isolated(corpus, true, 6);
  REQUIRE(isolated.size() == 3);  // 4 + 2, and 7 in 6 + 1
  const auto first = isolated.texts(0);
  REQUIRE(first.size() == 2);
  CHECK(first[0].tokens == ids("abc"));
  CHECK(first[1].tokens == ids("d"));
  CHECK(first[1].number == 1);
  const auto last = ids("efghij");
  REQUIRE(isolated.texts(1).size() == 1);
  CHECK(isolated.texts(1)[0].tokens == std::vector<std::int64_t>(last.begin(), last.begin() + 6));
  CHECK(isolated.texts(2)[0].tokens == std::vector<std::int64_t>(last.begin() + 6, last.end()));
  CHECK(isolated.texts(2)[0].number == 3);
  CHECK_THROWS_WITH(isolated.texts(3), contains("row 3 of 3"));
}

TEST_CASE("Rows of thousands of isolated texts are each found, as full as they can be",
          "[data][corpus]") {
  const testing::TemporaryFolder folder;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 5000; ++i) texts.push_back(std::string(1 + i * 7 % 23, 'a'));
  const auto corpus = std::make_shared<const Corpus>(pack(folder, texts));
  constexpr std::int64_t kLength = 16;
  const CorpusRows rows(corpus, true, kLength);
  REQUIRE(rows.size() > 1000);
  std::vector<std::int64_t> put_together;
  std::int64_t number = 0, before = kLength;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    std::int64_t tokens = 0;
    const auto row = rows.texts(i);
    REQUIRE(!row.empty());
    CHECK(before + static_cast<std::int64_t>(row.front().tokens.size()) > kLength);
    for (const CorpusText& text : row) {
      CHECK(text.number == number++);
      tokens += static_cast<std::int64_t>(text.tokens.size());
      put_together.insert(put_together.end(), text.tokens.begin(), text.tokens.end());
    }
    CHECK(tokens <= kLength);
    before = tokens;
  }
  CHECK(put_together == corpus->tokens(0, corpus->num_tokens()));
}

TEST_CASE("A corpus that is not what was packed is refused, with its file", "[data][corpus]") {
  const testing::TemporaryFolder folder;
  const auto path = pack(folder, {"abc", "d"});
  CHECK_THROWS_WITH(Corpus(folder.path()), contains("is no corpus\n  lldm data pack"));
  SECTION("a byte of the tokens is found by verify") {
    std::fstream file(path / "tokens.bin", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2);
    file.put('z');
    file.close();
    CHECK_THROWS_WITH(Corpus(path).verify(), contains("tokens.bin"));
  }
  SECTION("a torn file is found at once") {
    std::filesystem::resize_file(path / "tokens.bin", 6);
    CHECK_THROWS_WITH(Corpus(path), contains("tokens.bin"));
  }
  SECTION("where texts end is hashed at once") {
    std::fstream file(path / "documents.bin", std::ios::in | std::ios::out | std::ios::binary);
    file.put('\x02');
    file.close();
    CHECK_THROWS_WITH(Corpus(path), contains("documents.bin"));
  }
  SECTION("a folder without manifest") {
    std::filesystem::remove(path / "MANIFEST.json");
    CHECK_THROWS_WITH(Corpus(path), contains("MANIFEST.json is missing"));
  }
}

TEST_CASE("Bad rows stop the packing, and leave nothing", "[data][corpus]") {
  const testing::TemporaryFolder folder;
  const auto rows = folder.path() / "bad.jsonl";
  std::ofstream(rows) << "{\"text\": \"a\"}\n{\"text\": \"\"}\n{\"text\": 3}\n";
  const auto out = folder.path() / "corpus";
  CHECK_THROWS_WITH(static_cast<void>(pack_corpus({.files = {rows}, .folder = out}, *bytes())),
                    contains("2 of 3 rows cannot be used") && contains(":2: \"text\" is empty") &&
                        contains(":3: \"text\" must be a string"));
  CHECK(!std::filesystem::exists(out));
  std::size_t left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++left;
  CHECK(left == 1);
}
