// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/words.hpp"

#include <chrono>
#include <cstdio>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm;
using Ids = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

namespace {

Texts split(std::string_view text) {
  std::vector<std::string_view> words;
  split_words(text, words);
  return {words.begin(), words.end()};
}

const SpecialNames kSpecial = {.mask = "<mask>", .end_of_text = "<eos>"};

}  // namespace

TEST_CASE("Words are numbers, words, newlines, runs and single characters", "[tokenizer][words]") {
  CHECK(split("Tom's 12 apples.\n#### 12") ==
        Texts{"Tom's", "12", "apples", ".", "\n", "####", "12"});
  CHECK(split("a1b 3,500 $4.50 (x)") ==
        Texts{"a", "1", "b", "3", ",", "500", "$", "4", ".", "50", "(", "x", ")"});
  CHECK(split("<<3+4=7>>7") == Texts{"<<", "3", "+", "4", "=", "7", ">>", "7"});
  CHECK(split("((a)) 'b' c' don''t") ==
        Texts{"(", "(", "a", ")", ")", "'", "b", "'", "c", "'", "don", "'", "'", "t"});
  CHECK(split(" \t\r\n\n\v\xC2\xA0\xC2\x85 ") == Texts{"\n", "\n"});
  CHECK(split("naïve e\xCC\x81t l\u2019eau 你好 😀😀 ٣٤") ==
        Texts{"naïve", "e\xCC\x81t", "l\u2019eau", "你好", "😀", "😀", "٣٤"});
  CHECK(split("").empty());
}

TEST_CASE("WordsTokenizer orders by count, then by bytes", "[tokenizer][words]") {
  const Texts texts = {"b a b", "c b a", "d 7"};
  const auto words = WordsTokenizer::build(texts, {.special = kSpecial});
  CHECK(Texts(words.words().begin(), words.words().end()) == Texts{"b", "a", "7", "c", "d"});
  CHECK(words.special() == SpecialTokens{5, 6, -1, -1, -1});
  CHECK(words.vocabulary_size() == 7);
  const auto reversed =
      WordsTokenizer::build(Texts(texts.rbegin(), texts.rend()), {.special = kSpecial});
  CHECK(reversed.fingerprint() == words.fingerprint());
  const auto frequent = WordsTokenizer::build(texts, {.special = {}, .min_count = 2});
  CHECK(Texts(frequent.words().begin(), frequent.words().end()) == Texts{"b", "a"});
  CHECK(frequent.fingerprint() != words.fingerprint());
}

TEST_CASE("WordsTokenizer joins with single spaces and encodes the result alike",
          "[tokenizer][words]") {
  const Texts texts = {"Tom has 12 apples.\n\nHe eats  3; 12-3=9.\n#### 9"};
  const auto words = WordsTokenizer::build(texts, {.special = kSpecial});
  const Ids ids = words.encode(texts[0]);
  const std::string decoded = words.decode(ids);
  CHECK(decoded == "Tom has 12 apples .\n\nHe eats 3 ; 12 - 3 = 9 .\n#### 9");
  CHECK(words.encode(decoded) == ids);
  for (std::int64_t a = 0; a < words.vocabulary_size() - 2; ++a)
    for (std::int64_t b = 0; b < words.vocabulary_size() - 2; ++b)
      REQUIRE(words.encode(words.decode(Ids{a, b})) == Ids{a, b});
}

TEST_CASE("WordsTokenizer takes special text only when told to", "[tokenizer][words]") {
  const auto words = WordsTokenizer::build(Texts{"a < mask >"}, {.special = kSpecial});
  CHECK(words.encode("a<mask>") == words.encode("a < mask >"));
  CHECK(words.encode("a<mask> <eos>", SpecialText::recognise) ==
        Ids{words.encode("a")[0], words.special().mask, words.special().end_of_text});
  CHECK(words.decode(Ids{words.special().mask, 0}, false).starts_with("<mask> "));
  CHECK(words.decode(Ids{words.special().mask}).empty());
}

TEST_CASE("WordsTokenizer names an unknown word, its neighbours and the text",
          "[tokenizer][words]") {
  const auto words =
      WordsTokenizer::build(Texts{"Tom has apples and pears"}, {.special = kSpecial});
  CHECK_THROWS_WITH(words.encode("Tom has appels"),
                    "words: the vocabulary of 5 words has no \"appels\"\n  did you mean \"apples\"?"
                    "\n  in: \"Tom has appels\"");
  CHECK_THROWS_WITH(words.encode("zzzzzz"),
                    "words: the vocabulary of 5 words has no \"zzzzzz\"\n  in: \"zzzzzz\"");
}

TEST_CASE("WordsTokenizer refuses what cannot be a vocabulary", "[tokenizer][words]") {
  CHECK_THROWS_WITH(WordsTokenizer::build(Texts{}, {}),
                    "WordsTokenizer::build: no word is seen at least 1 times in 0 texts");
  CHECK_THROWS_WITH(WordsTokenizer({"a", "a"}, {}), "WordsTokenizer: the word \"a\" appears twice");
  CHECK_THROWS_WITH(WordsTokenizer({"a b"}, {}), "WordsTokenizer: \"a b\" is not one word");
  CHECK_THROWS_WITH(WordsTokenizer({"a", ""}, {}), "WordsTokenizer: \"\" is not one word");
  CHECK_THROWS_AS(WordsTokenizer({"\xFF"}, {}), DataError);
  CHECK_THROWS_AS(WordsTokenizer::build(Texts{"\xFF"}, {}), DataError);
  CHECK_THROWS_AS(WordsTokenizer({"mask"}, {.mask = "mask"}), DataError);
  const WordsTokenizer words({"a"}, {.mask = "<mask>"});
  CHECK_THROWS_WITH(words.decode(Ids{2}), "WordsTokenizer::decode: id 2 is outside [0, 2)");
}

TEST_CASE("WordsTokenizer encodes more than 100,000 short texts in a second",
          "[tokenizer][words]") {
  Texts texts;
  for (int i = 0; i < 2000; ++i)
    texts.push_back("Anna has " + std::to_string(i % 97) + " red apples and buys " +
                    std::to_string(i % 89) + " more. How many apples does Anna have now?");
  const auto words = WordsTokenizer::build(texts, {.special = kSpecial});
  const auto begin = std::chrono::steady_clock::now();
  std::size_t num_ids = 0;
  for (int repeat = 0; repeat < 10; ++repeat)
    for (const std::string& text : texts) num_ids += words.encode(text).size();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const double rate = 10.0 * static_cast<double>(texts.size()) / seconds.count();
  std::printf("words: %.0f texts of %zu tokens per second\n", rate, num_ids / (10 * texts.size()));
  CHECK(rate > 20000);  // a fifth of the aim, for busy machines
}
