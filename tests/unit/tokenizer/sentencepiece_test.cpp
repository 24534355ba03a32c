// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/sentencepiece.hpp"

#include <bit>
#include <fstream>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/load.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::contains;
using lldm::testing::TemporaryFolder;
using Ids = std::vector<std::int64_t>;

namespace {

std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}
std::string field(int number, int value) {
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}

/// One piece of a model: types 1 normal, 2 unknown, 3 control, 4 user-defined.
std::string piece(const std::string& text, float score, int type = 1) {
  const auto bits = std::bit_cast<std::uint32_t>(score);
  std::string number = {static_cast<char>(2 << 3 | 5)};
  for (int i = 0; i < 4; ++i) number += static_cast<char>(bits >> (8 * i) & 0xFF);
  return field(1, field(1, text) + number + field(3, type));
}

/// <unk> <s> </s> and some pieces; `trainer` and `normalizer` are further fields.
std::string model(const std::string& trainer = "", const std::string& normalizer = "") {
  return piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) + piece("\u2581", -3) +
         piece("a", -2) + piece("b", -2) + piece("\u2581ab", -1) + piece("ab", -2) +
         field(2, field(3, 2) + trainer) + field(3, normalizer);
}

SentencePieceTokenizer read(const std::string& bytes,
                            const SentencePieceTokenizer::Settings& settings = {}) {
  return SentencePieceTokenizer::from_bytes(bytes, settings, "t.model");
}

std::string error_of(const std::string& bytes) {
  try {
    (void)read(bytes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("SentencePieceTokenizer keeps control pieces out of ordinary text",
          "[tokenizer][sentencepiece]") {
  const auto tokenizer = read(model(), {.special = {.mask = "<mask>", .end_of_text = "</s>"},
                                        .missing_special = MissingSpecial::add});
  CHECK(tokenizer.vocabulary_size() == 9);
  CHECK(tokenizer.special() == SpecialTokens{8, 2, -1, -1, -1});
  CHECK(tokenizer.encode("ab a") == Ids{6, 3, 4});
  CHECK(tokenizer.encode("</s>") == Ids{3, 0});  // five unknown characters are one unknown piece
  CHECK(tokenizer.encode("ab</s><mask>b", SpecialText::recognise) == Ids{6, 2, 8, 3, 5});
  CHECK(tokenizer.decode(Ids{6, 2, 8, 3, 5}) == "ab b");
  CHECK(tokenizer.decode(Ids{6, 2, 8, 3, 5}, false) == "ab</s><mask> b");
  CHECK(tokenizer.decode(Ids{1, 6, 0}) == "ab \u2047 ");
  CHECK_THROWS_WITH(tokenizer.decode(Ids{9}),
                    "SentencePieceTokenizer::decode: id 9 is outside [0, 9)");
  CHECK_THROWS_AS(tokenizer.encode("\xC3"), DataError);
  CHECK_THROWS_WITH(read(model(), {.special = {.mask = "<mask>"}}),
                    contains("t.model: no piece is named \"<mask>\" (special token mask)"));
}

TEST_CASE("A SentencePiece folder gives its own special pieces and is loaded as it was saved",
          "[tokenizer][sentencepiece]") {
  const TemporaryFolder folder, copy;
  std::ofstream(folder / "tokenizer.model", std::ios::binary) << model();
  CHECK(load_tokenizer(folder.path())->special() == SpecialTokens{-1, 2, 1, -1, -1});
  std::ofstream(folder / "tokenizer_config.json") << R"({"eos_token": "</s>", "mask_token": "<m>",
             "added_tokens_decoder": {"8": {"content": "<m>", "special": true}}})";
  const auto tokenizer = load_tokenizer(folder.path());
  CHECK(tokenizer->special() == SpecialTokens{8, 2, 1, -1, -1});
  tokenizer->save(copy.path());
  CHECK(load_tokenizer(copy.path())->fingerprint() == tokenizer->fingerprint());
  CHECK(load_tokenizer(copy.path())->special() == tokenizer->special());
  const auto made = make_tokenizer({.type = TokenizerType::sentencepiece,
                                    .path = folder / "tokenizer.model",
                                    .end_of_text_token = "none"});
  CHECK(made->special() == SpecialTokens{8, -1, 1, -1, -1});
  CHECK_THROWS_WITH(
      make_tokenizer({.type = TokenizerType::tokenizer_json, .path = folder / "tokenizer.model"}),
      contains("is read by type = \"sentencepiece\""));
}

TEST_CASE("Damaged SentencePiece files are refused wherever they end",
          "[tokenizer][sentencepiece]") {
  const std::string whole = model();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string error = error_of(whole.substr(0, size));
    if (error == "no error") continue;  // a cut between two fields leaves a shorter model
    CHECK(error.starts_with("t.model: "));
  }
  CHECK_THAT(error_of(whole.substr(0, 5)), contains("the file ends inside a field"));
  CHECK_THAT(error_of(""), contains("has no unknown piece"));
  CHECK_THAT(error_of(whole + piece("a", 0)), contains("two pieces are \"a\""));
  CHECK_THAT(error_of(whole + piece("<u>", 0, 2)), contains("two unknown pieces"));
  CHECK_THAT(error_of(whole + piece("c", 0, 9)), contains("a piece of an unknown type"));
  CHECK_THAT(error_of(model(std::string("\xC0\x01\x01", 3))),
             contains("treat_whitespace_as_suffix is not implemented"));
  CHECK_THAT(error_of(model(std::string("\x98\x02\x01", 3))),
             contains("byte_fallback is on, but byte 0 has no piece"));
  CHECK_THAT(error_of(model("", field(2, "\x04"))), contains("replacements is cut short"));
}
