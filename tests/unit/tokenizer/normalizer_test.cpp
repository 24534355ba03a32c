// SPDX-License-Identifier: MIT
#include "tokenizer/normalizer.hpp"

#include "support/catch.hpp"

using namespace lldm;

TEST_CASE("Normal forms compose and decompose", "[tokenizer][normalizer]") {
  CHECK(normal_form("e\u0301 \uAC00 \u2126", NormalForm::nfc) == "\u00E9 \uAC00 \u03A9");
  CHECK(normal_form("\u00E9\uAC01", NormalForm::nfd) == "e\u0301\u1100\u1161\u11A8");
  CHECK(normal_form("\uFB01\u00BD\u00E9", NormalForm::nfkc) == "fi1\u20442\u00E9");
  CHECK(normal_form("\uFB01\u00E9", NormalForm::nfkd) == "fie\u0301");
  CHECK(normal_form("a\u0301\u0316", NormalForm::nfc) == "\u00E1\u0316");
  CHECK(normal_form("", NormalForm::nfc).empty());
}

TEST_CASE("What the reference's normaliser does not know stays as and where it is",
          "[tokenizer][normalizer]") {
  for (const auto form : {NormalForm::nfc, NormalForm::nfd, NormalForm::nfkc, NormalForm::nfkd}) {
    for (const std::string text : {"\U00011938", "\U00011935\U00011930", "\U0001E030",
                                   "a\u0345\u0898", "a\u0898\u0334", "a\u0345\u0897"})
      CHECK(normal_form(text, form) == text);
  }
  CHECK(normal_form("e\u0301\u0898e\u0301", NormalForm::nfc) == "\u00E9\u0898\u00E9");
}

TEST_CASE("Replace and Sequence run in order", "[tokenizer][normalizer]") {
  const std::string file = "f";
  const auto json = nlohmann::json::parse(R"({"type": "Sequence", "normalizers": [
      {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
      {"type": "NFC"},
      {"type": "Replace", "pattern": {"String": "\u00E9."}, "content": "E"}]})");
  const Normalizer normalizer(JsonView(json, file));
  CHECK(normalizer("a \t\n e\u0301. e\u0301x") == "a E \u00E9x");
  CHECK(normalizer("") == "");
}
