// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/tokenizer_json.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/small_tokenizer_json.hpp"

using namespace lldm;
using lldm::testing::added_token;
using lldm::testing::contains;
using lldm::testing::small_tokenizer_json;
using nlohmann::json;
using Ids = std::vector<std::int64_t>;

namespace {

TokenizerJson read(const json& file, const TokenizerJson::Settings& settings = {}) {
  return TokenizerJson::from_text(file.dump(), settings, "t.json");
}

std::string error_of(const json& file, const TokenizerJson::Settings& settings = {}) {
  try {
    (void)read(file, settings);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

Ids operator+(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

constexpr auto kPlain = SpecialText::plain;
constexpr auto kRecognise = SpecialText::recognise;

}  // namespace

TEST_CASE("TokenizerJson merges and decodes", "[tokenizer][tokenizer_json]") {
  const auto tokenizer = read(small_tokenizer_json(), {.special = {.mask = "<|mask|>"}});
  CHECK(tokenizer.encode("the th x") == Ids{257, ' ', 256, ' ', 'x'});
  CHECK(tokenizer.encode("e\u0301") == Ids{0xC3, 0xA9});  // NFC
  CHECK(tokenizer.decode(Ids{257, ' ', 0xC3, 0xA9, 0xE4}) == "the é\xEF\xBF\xBD");
  CHECK(tokenizer.vocabulary_size() == 259);
  CHECK(tokenizer.special() == SpecialTokens{258, -1, -1, -1, -1});
  CHECK(tokenizer.id_of("<|mask|>") == 258);
  CHECK(tokenizer.id_of("nothing") == -1);
  CHECK_THROWS_WITH(tokenizer.decode(Ids{259}),
                    "TokenizerJson::decode: id 259 is outside [0, 259)");
  CHECK_THROWS_AS(tokenizer.encode("\xC3"), DataError);
}

TEST_CASE("TokenizerJson takes special text only when told to", "[tokenizer][tokenizer_json]") {
  json file = small_tokenizer_json();
  file["added_tokens"].push_back(added_token(259, "<word>", false));
  const auto tokenizer = read(file);
  CHECK(tokenizer.encode("<|mask|>", kRecognise) == Ids{258});
  CHECK(tokenizer.encode("<|mask|>", kPlain).size() == 8);
  CHECK(tokenizer.encode("a<word>", kPlain) == Ids{'a', 259});  // not a control token
  CHECK(tokenizer.decode(Ids{258, 259, 'a'}) == "<word>a");
  CHECK(tokenizer.decode(Ids{258, 259, 'a'}, false) == "<|mask|><word>a");
}

TEST_CASE("Flags of added tokens are honoured", "[tokenizer][tokenizer_json]") {
  json file = small_tokenizer_json();
  json alone = added_token(259, "in", false), left = added_token(260, "[L]", false),
       right = added_token(261, "[R]", false), normalised = added_token(262, "e\u0301!", false);
  alone["single_word"] = left["lstrip"] = right["rstrip"] = normalised["normalized"] = true;
  for (const json& token : {alone, left, right, normalised}) file["added_tokens"].push_back(token);
  const auto tokenizer = read(file);
  CHECK(tokenizer.encode("in,in") == Ids{259, ',', 259});
  CHECK(tokenizer.encode("xin inx in_ in\u0301") ==
        tokenizer.encode("xin ") + tokenizer.encode("inx ") + tokenizer.encode("in_ ") +
            tokenizer.encode("in\u0301"));
  CHECK(tokenizer.encode("in\u00B2").front() == 259);  // a superscript is no word character here
  CHECK(tokenizer.encode("a \t[L] b") == Ids{'a', 260, ' ', 'b'});
  CHECK(tokenizer.encode("a [R] \u3000b") == Ids{'a', ' ', 261, 'b'});
  CHECK(tokenizer.encode("[R]  [L]") == Ids{261, 260});
  CHECK(tokenizer.encode("\u00E9!e\u0301!") == Ids{262, 262});
}

TEST_CASE("A role's token is a control token whatever the file says",
          "[tokenizer][tokenizer_json]") {
  json file = small_tokenizer_json();
  file["added_tokens"].push_back(added_token(259, "<eot>", false));
  const auto tokenizer = read(file, {.special = {.end_of_text = "the", .end_of_turn = "<eot>"}});
  CHECK(tokenizer.special() == SpecialTokens{-1, 257, -1, 259, -1});
  CHECK(tokenizer.encode("<eot>", kPlain) == Ids{'<', 'e', 'o', 't', '>'});
  CHECK(tokenizer.encode("<eot>the", kRecognise) == Ids{259, 257});
  CHECK(tokenizer.decode(Ids{259, 'x', 257}) == "x");
  // What merges alone would forge is refused.
  CHECK_THROWS_WITH(
      tokenizer.encode("the", kPlain),
      "tokenizer_json: ordinary text gives the special token \"the\" (id 257)\n  in: \"the\"");
}

TEST_CASE("A special token that the file lacks is an error or added",
          "[tokenizer][tokenizer_json]") {
  const TokenizerJson::Settings wrong = {.special = {.mask = "<|mdm_mask|>"}};
  CHECK(error_of(small_tokenizer_json(), {.special = {.mask = "<|msk|>"}}) ==
        "t.json: no token is named \"<|msk|>\" (special token mask)\n  did you mean \"<|mask|>\"?; "
        "add_missing_special = true, with type = \"tokenizer_json\", adds it behind the last id");
  CHECK_THAT(error_of(small_tokenizer_json(), wrong),
             contains("no token is named \"<|mdm_mask|>\""));
  auto settings = wrong;
  settings.special.padding = settings.special.end_of_text = "<eos>";
  settings.missing_special = MissingSpecial::add;
  const auto tokenizer = read(small_tokenizer_json(), settings);
  CHECK(tokenizer.special() == SpecialTokens{259, 260, -1, -1, 260});
  CHECK(tokenizer.vocabulary_size() == 261);
  CHECK(tokenizer.encode("<|mdm_mask|><eos>", kRecognise) == Ids{259, 260});
}

TEST_CASE("A byte without a symbol is refused, or dropped on request",
          "[tokenizer][tokenizer_json]") {
  json file = small_tokenizer_json();
  file["model"]["vocab"].erase("z");
  file["model"]["vocab"]["thz"] = 'z';
  CHECK_THROWS_WITH(
      read(file).encode("a zoo"),
      "tokenizer_json: the vocabulary has no symbol for byte 122 of \" zoo\"\n  in: \"a zoo\"\n"
      "  missing_symbol = \"drop\" leaves such bytes out, as the reference does");
  const auto dropping = read(file, {.missing_symbol = MissingSymbol::drop});
  CHECK(dropping.encode("a zoo") == Ids{'a', ' ', 'o', 'o'});
  CHECK(dropping.fingerprint() != read(file).fingerprint());
}

TEST_CASE("A template's tokens are added on request only", "[tokenizer][tokenizer_json]") {
  json file = small_tokenizer_json();
  const auto special = [](const char* id) {
    return json{{"SpecialToken", {{"id", id}, {"type_id", 0}}}};
  };
  const json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const json processor = {
      {"type", "TemplateProcessing"},
      {"single", json::array({special("M"), text, special("M")})},
      {"pair", json::array()},
      {"special_tokens", {{"M", {{"id", "M"}, {"ids", {258}}, {"tokens", {"<|mask|>"}}}}}}};
  file["post_processor"] = {{"type", "Sequence"},
                            {"processors", json::array({file["decoder"], processor})}};
  const auto tokenizer = read(file);
  CHECK(tokenizer.encode("x") == Ids{'x'});
  CHECK(tokenizer.add_template_tokens(Ids{'x'}) == Ids{258, 'x', 258});
  CHECK(read(small_tokenizer_json()).add_template_tokens(Ids{'x'}) == Ids{'x'});
  file["post_processor"]["processors"][1]["special_tokens"]["M"]["ids"][0] = 3;
  CHECK(error_of(file) ==
        "t.json: post_processor.processors[1].special_tokens.M.ids[0]: is 3, but \"<|mask|>\" has "
        "the id 258");
}

TEST_CASE("Everything that is not implemented is named by its path",
          "[tokenizer][tokenizer_json]") {
  const auto with = [](const char* pointer, const json& value) {
    json file = small_tokenizer_json();
    file[json::json_pointer(pointer)] = value;
    return error_of(file);
  };
  CHECK_THAT(with("/surprise", 1), contains("t.json: top level: has the key \"surprise\""));
  CHECK_THAT(with("/model/surprise", 1), contains("t.json: model: has the key \"surprise\""));
  CHECK_THAT(with("/version", "2.0"), contains("t.json: version: must be \"1.0\""));
  CHECK_THAT(with("/truncation", {{"max_length", 3}}),
             contains("t.json: truncation: must be null"));
  CHECK_THAT(with("/padding", {{"pad_id", 3}}), contains("t.json: padding: must be null"));
  CHECK_THAT(with("/normalizer/type", "Fold"),
             contains("t.json: normalizer.type: the normalizer \"Fold\" is not implemented\n  "
                      "implemented: NFC, NFD, "));
  CHECK_THAT(with("/normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "Fold"}}}}}),
             contains("t.json: normalizer.normalizers[0].type: "));
  CHECK_THAT(with("/pre_tokenizer/type", "MeCab"), contains("t.json: pre_tokenizer.type: "));
  CHECK_THAT(with("/decoder/type", "Morse"), contains("t.json: decoder.type: "));
  CHECK_THAT(with("/post_processor", {{"type", "Bert"}}),
             contains("t.json: post_processor.type: "));
  CHECK_THAT(with("/model/type", "Trigram"), contains("t.json: model.type: the model \"Trigram\""));
  CHECK_THAT(with("/model/dropout", 0.1), contains("t.json: model.dropout: must be null or 0"));
  CHECK_THAT(with("/model/end_of_word_suffix", "</w>"),
             contains("t.json: model.end_of_word_suffix: no token ends with \"</w>\""));
  CHECK_THAT(with("/model/continuing_subword_prefix", "##"),
             contains("t.json: model.merges[0]: \"h\" does not begin with the "
                      "continuing_subword_prefix \"##\""));
  CHECK(with("/model/unk_token", "<|mask|>") == "no error");  // never used: every byte has a symbol
}

TEST_CASE("Bad vocabularies, merges and added tokens are refused", "[tokenizer][tokenizer_json]") {
  const auto with = [](const char* pointer, const json& value) {
    json file = small_tokenizer_json();
    file[json::json_pointer(pointer)] = value;
    return error_of(file);
  };
  CHECK_THAT(with("/model/vocab/the", 300),
             contains("\"the\" has the id 300; 258 tokens have the ids 0 to 257"));
  CHECK_THAT(with("/model/vocab/the", 5), contains("model.vocab: two tokens have the id 5: "));
  CHECK_THAT(with("/model/vocab/the", -1), contains("has the id -1"));
  CHECK_THAT(with("/model/vocab/the", 18446744073709551615u),
             contains("has the id 18446744073709551615"));
  CHECK_THAT(with("/model/vocab/the", 2.5), contains("must have an integer as id, has 2.5"));
  CHECK_THAT(with("/model/vocab/the", "7"), contains("must have an integer as id"));
  CHECK_THAT(with("/model/vocab/", 258), contains("model.vocab: holds an empty token"));
  CHECK_THAT(with("/model/vocab", "none"), contains("model.vocab: must be an object, is string"));
  CHECK_THAT(with("/model/merges/1", {"th", "q"}),
             contains("model.merges[1]: the vocabulary has no \"thq\""));
  CHECK_THAT(with("/model/merges/1", {"th", "zzz"}),
             contains("model.merges[1]: the vocabulary has no \"zzz\""));
  CHECK_THAT(with("/model/merges/1", {"", "the"}), contains("model.merges[1]: a part is empty"));
  CHECK_THAT(with("/model/merges/1", {"t", "h"}),
             contains("model.merges[1]: the same pair as merges[0]"));
  CHECK_THAT(with("/model/merges/1", {"t", "h", "e"}), contains("model.merges[1]: must be a pair"));
  CHECK_THAT(with("/model/merges/1", "th e"),
             contains("model.merges[1]: merges must be all strings or all"));
  CHECK_THAT(with("/model/merges", {"t h", "the"}),
             contains("model.merges[1]: must be two tokens"));
  CHECK_THAT(with("/model/merges", 3), contains("model.merges: must be an array, is number"));
  CHECK_THAT(with("/added_tokens/0/id", 259),
             contains("added_tokens[0].id: is 259, but \"<|mask|>\" gets the next"));
  CHECK_THAT(with("/added_tokens/0/content", ""),
             contains("added_tokens[0].content: must not be empty"));
  CHECK_THAT(with("/added_tokens/0/lstrip", 1),
             contains("added_tokens[0].lstrip: must be true or false"));
  CHECK_THAT(with("/added_tokens/1", added_token(259, "<|mask|>")),
             contains("added_tokens[1].content: the same text as added_tokens[0]"));
  CHECK_THAT(with("/pre_tokenizer/add_prefix_space", nullptr), contains("pre_tokenizer: the key"));
}
