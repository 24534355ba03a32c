// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/bytes.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm;
using Ids = std::vector<std::int64_t>;

TEST_CASE("BytesTokenizer gives bytes and numbers special tokens behind them",
          "[tokenizer][bytes]") {
  const BytesTokenizer bytes({.mask = "<mask>", .end_of_text = "<eos>", .padding = "<eos>"});
  CHECK(bytes.vocabulary_size() == 258);
  CHECK(bytes.special() == SpecialTokens{256, 257, -1, -1, 257});
  CHECK(bytes.encode("aé\n") == Ids{97, 0xC3, 0xA9, 10});
  CHECK(BytesTokenizer().vocabulary_size() == 256);
  CHECK(BytesTokenizer().special() == SpecialTokens{});
}

TEST_CASE("BytesTokenizer round-trips every text", "[tokenizer][bytes]") {
  const BytesTokenizer bytes;
  const std::string text = std::string("tab\t nul ") + '\0' + " \r\n é 你好 😀 U+FFFD \xEF\xBF\xBD";
  CHECK(bytes.decode(bytes.encode(text)) == text);
  CHECK(bytes.encode("").empty());
  CHECK(bytes.decode(Ids{}).empty());
}

TEST_CASE("BytesTokenizer takes special text only when told to", "[tokenizer][bytes]") {
  const BytesTokenizer bytes({.mask = "<m>", .end_of_text = "<m>>"});
  CHECK(bytes.encode("<m>") == Ids{'<', 'm', '>'});
  CHECK(bytes.encode("a<m>>b<m>", SpecialText::recognise) == Ids{'a', 257, 'b', 256});
  CHECK(bytes.decode(Ids{'a', 257, 256}) == "a");
  CHECK(bytes.decode(Ids{'a', 257, 256}, false) == "a<m>><m>");
}

TEST_CASE("BytesTokenizer repairs what is no UTF-8 and refuses what is no id",
          "[tokenizer][bytes]") {
  const BytesTokenizer bytes({.mask = "<mask>"});
  CHECK(bytes.decode(Ids{0xE4, 0xBD, 'a'}) ==
        "\xEF\xBF\xBD"
        "a");
  CHECK_THROWS_WITH(bytes.decode(Ids{257}), "BytesTokenizer::decode: id 257 is outside [0, 257)");
  CHECK_THROWS_AS(bytes.decode(Ids{-1}), DataError);
  CHECK_THROWS_AS(bytes.encode("\xC3"), DataError);
  CHECK_THROWS_WITH(BytesTokenizer({.mask = "a mask"}),
                    "special token mask: \"a mask\" holds white space");
}
