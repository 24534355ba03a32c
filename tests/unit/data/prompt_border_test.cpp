// SPDX-License-Identifier: MIT
#include "data/prompt_border.hpp"

#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/merging_tokenizer.hpp"

using namespace lldm;
using testing::contains;

namespace {

bool spans(const std::string& prompt, const std::string& answer) {
  const testing::Merging tokenizer;
  const Rendered rendered{{{prompt, false}}, {{answer, false}}};
  return spans_border(rendered, encode(rendered, 0, tokenizer).prompt, tokenizer);
}

}  // namespace

TEST_CASE("A token spans a border where both together begin with other tokens", "[data][border]") {
  CHECK(spans("xa", "bx"));
  CHECK_FALSE(spans("xa", "ax"));
  CHECK_FALSE(spans("ab", "ab"));
  CHECK_FALSE(spans("b", "a"));
}

TEST_CASE("Borders that a token spans are counted, with the first", "[data][border]") {
  BorderCount count;
  CHECK(count.problem().empty());
  count.add(false, "rows.jsonl:1");
  CHECK(count.problem().empty());
  count.add(true, "rows.jsonl:2");
  count.add(true, "rows.jsonl:3");
  CHECK_THAT(count.problem(), contains("of 2 of 3 answers (first rows.jsonl:2) a token"));
  CHECK_THAT(count.problem(), contains("prompt_boundary = \"prefix\" makes it an error"));
}
