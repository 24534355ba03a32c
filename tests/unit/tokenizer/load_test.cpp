// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/load.hpp"

#include <fstream>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/bytes.hpp"
#include "lldm/tokenizer/words.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/small_tokenizer_json.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::contains;
using lldm::testing::small_tokenizer_json;
using lldm::testing::TemporaryFolder;
using nlohmann::json;

namespace {

const std::vector<std::string> kTexts = {"Tom has 12 apples.\n#### 12"};

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return json::parse(file);
}

/// Saves, loads, and holds the two equal.
void check_round_trip(const Tokenizer& tokenizer) {
  const TemporaryFolder folder;
  tokenizer.save(folder.path());
  const auto loaded = load_tokenizer(folder.path());
  CHECK(loaded->type() == tokenizer.type());
  CHECK(loaded->fingerprint() == tokenizer.fingerprint());
  CHECK(loaded->fingerprint().size() == 64);
  CHECK(loaded->special() == tokenizer.special());
  CHECK(loaded->vocabulary_size() == tokenizer.vocabulary_size());
  CHECK(loaded->encode("Tom has 12") == tokenizer.encode("Tom has 12"));
  const TemporaryFolder second;
  loaded->save(second.path());
  CHECK(load_tokenizer(second.path())->fingerprint() == tokenizer.fingerprint());
}

}  // namespace

TEST_CASE("A mask that texts hold too is refused", "[tokenizer]") {
  for (const TokenizerType type : {TokenizerType::bytes, TokenizerType::words}) {
    TokenizerOptions options{.type = type, .mask_token = "<x>", .end_of_text_token = "<x>"};
    CHECK_THROWS_WITH(make_tokenizer(options, kTexts),
                      contains("the mask token and the end_of_text token are both \"<x>\""));
    options.mask_token = "<eos>", options.end_of_text_token = "";
    CHECK_THROWS_WITH(make_tokenizer(options, kTexts), contains("are both \"<eos>\""));
    options.mask_token = "", options.end_of_turn_token = "<mask>";
    CHECK_THROWS_WITH(make_tokenizer(options, kTexts), contains("the end_of_turn token are both"));
    options.end_of_turn_token = "", options.padding_token = "<eos>";  // as LLaDA pads
    CHECK_NOTHROW(make_tokenizer(options, kTexts));
  }
  const TemporaryFolder folder;
  BytesTokenizer({.mask = "<x>", .end_of_text = "<x>"}).save(folder.path());
  CHECK_THROWS_WITH(load_tokenizer(folder.path()), contains("are both id 256"));
}

TEST_CASE("Every tokenizer is loaded as it was saved", "[tokenizer][load]") {
  const TemporaryFolder source;
  write(source / "tokenizer.json", small_tokenizer_json().dump(2));
  check_round_trip(*make_tokenizer({}, kTexts));
  check_round_trip(*make_tokenizer({.type = TokenizerType::bytes, .padding_token = "<pad>"}));
  check_round_trip(*make_tokenizer({.type = TokenizerType::tokenizer_json,
                                    .path = source.path().string(),
                                    .mask_token = "<|mask|>",
                                    .end_of_text_token = "<eos>",
                                    .add_missing_special = true,
                                    .missing_symbol = MissingSymbol::drop}));
}

TEST_CASE("Defaults of special tokens depend on the type", "[tokenizer][load]") {
  const auto words = make_tokenizer({}, kTexts);
  CHECK(words->special().mask >= 0);
  CHECK(words->special().end_of_text >= 0);
  CHECK(words->special().padding == -1);
  CHECK(words->decode(std::vector{words->special().mask}, false) == "<mask>");
  const auto bytes = make_tokenizer({.type = TokenizerType::bytes, .mask_token = "none"});
  CHECK(bytes->special() == SpecialTokens{-1, 256, -1, -1, -1});

  const TemporaryFolder folder;
  write(folder / "tokenizer.json", small_tokenizer_json().dump());
  const TokenizerOptions options = {.type = TokenizerType::tokenizer_json,
                                    .path = (folder / "tokenizer.json").string()};
  CHECK(make_tokenizer(options)->special() == SpecialTokens{});
  write(folder / "special_tokens_map.json",
        R"({"mask_token": {"content": "<|mask|>", "lstrip": false}, "eos_token": "the"})");
  CHECK(make_tokenizer(options)->special() == SpecialTokens{258, 257, -1, -1, -1});
  auto without = options;
  without.end_of_text_token = "none";
  CHECK(make_tokenizer(without)->special() == SpecialTokens{258, -1, -1, -1, -1});
  CHECK(load_tokenizer(folder.path())->special() == SpecialTokens{258, 257, -1, -1, -1});
  CHECK_THROWS_WITH(load_tokenizer(folder.path(), {.end_of_text = "th"}),
                    contains("end_of_text_token = \"th\", but the model folder"));
  CHECK(load_tokenizer(folder.path(), {.padding = "th"})->special().padding == 256);
}

TEST_CASE("A saved vocabulary serves another experiment", "[tokenizer][load]") {
  const TemporaryFolder folder;
  const auto first = make_tokenizer({}, kTexts);
  first->save(folder.path());
  const TokenizerOptions options = {.path = folder.path().string()};
  CHECK(make_tokenizer(options)->fingerprint() == first->fingerprint());
  auto other = options;
  other.mask_token = "<m>";
  CHECK_THROWS_WITH(make_tokenizer(other),
                    contains("special: mask is \"<mask>\", but \"<m>\" is asked for"));
  make_tokenizer({.type = TokenizerType::bytes})->save(folder.path());
  CHECK_THROWS_AS(make_tokenizer(options), ConfigError);
}

TEST_CASE("Settings that a type does not read are errors", "[tokenizer][load]") {
  CHECK_THROWS_WITH(
      make_tokenizer({.add_missing_special = true}, kTexts),
      contains(
          "[tokenizer]: the key \"add_missing_special\" is read by type \"tokenizer_json\" and "
          "\"sentencepiece\" only"));
  CHECK_THROWS_AS(make_tokenizer({.missing_symbol = MissingSymbol::drop}, kTexts), ConfigError);
  CHECK_THROWS_AS(make_tokenizer({.type = TokenizerType::bytes, .min_count = 2}), ConfigError);
  CHECK_THROWS_WITH(make_tokenizer({.type = TokenizerType::bytes, .path = "x"}),
                    contains("[tokenizer]: type \"bytes\" reads no \"path\": its 256 tokens"));
  CHECK_THROWS_WITH(
      make_tokenizer({.type = TokenizerType::tokenizer_json}),
      contains("[tokenizer]: type \"tokenizer_json\" needs \"path\": the file or its folder"));
}

// promise 18
TEST_CASE("A changed folder is not loaded in silence", "[tokenizer][load]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(
      load_tokenizer(folder.path()),
      folder.path().string() +
          ": no tokenizer in this folder\n  looked for: lldm_tokenizer.json, tokenizer.json, "
          "vocab.json with merges.txt, tekken.json, tokenizer.model, vocab.txt, *.tiktoken");
  make_tokenizer({}, kTexts)->save(folder.path());
  const auto path = folder / "lldm_tokenizer.json";
  const json good = read_json(path);
  const auto error_with = [&](const char* pointer, const json& value) {
    json changed = good;
    changed[json::json_pointer(pointer)] = value;
    write(path, changed.dump());
    try {
      (void)load_tokenizer(folder.path());
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK_THAT(error_with("/special/mask/id", 3),
             contains("special.mask.id: is 3, but the tokenizer gives \"<mask>\" the id 7"));
  CHECK_THAT(error_with("/words/0", "two words"),
             contains("words: WordsTokenizer: \"two words\" is not one word"));
  CHECK_THAT(error_with("/words/0", 3), contains("words[0]: must be a string"));
  CHECK_THAT(error_with("/words/-", "more"), contains("special.mask.id"));
  CHECK_THAT(error_with("/type", "wrods"), contains("type: no tokenizer is named \"wrods\""));
  CHECK_THAT(error_with("/format", 2), contains("format: must be 1"));
  CHECK_THAT(error_with("/more", 2), contains("has the key \"more\""));
  CHECK_THAT(error_with("/special/mask/more", 2), contains("special.mask: has the key \"more\""));
  CHECK(error_with("/format", 1) == "no error");
}
