// SPDX-License-Identifier: MIT
#include "stage/prompt_split.hpp"

#include <algorithm>
#include <set>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct Rows {
  std::vector<SourceRow> sources;
  std::vector<TrainingRow> rows;

  /// The tokens of a prompt are its bytes without white space at its ends: a template that trims.
  void add(const std::string& prompt, const std::string& answer) {
    const auto id = static_cast<std::uint64_t>(sources.size());
    sources.push_back({.id = id, .prompt = prompt, .messages = {}, .answers = {answer}});
    Text text;
    const auto first = prompt.find_first_not_of(' ');
    if (first != std::string::npos)
      for (const char c : prompt.substr(first, prompt.find_last_not_of(' ') - first + 1))
        text.prompt.push_back(c);
    for (const char c : answer) text.response.push_back(c);
    rows.push_back({id, {text}});
  }
  HeldOut hold_out(std::int64_t count, std::int64_t seed = 1, bool is_plain_text = false) {
    return hold_out_prompts(sources, rows, count, seed, is_plain_text, "dpo");
  }
};

std::set<std::string> prompts_of(const std::vector<SourceRow>& sources) {
  std::set<std::string> prompts;
  for (const SourceRow& source : sources) prompts.insert(prompt_text(source));
  return prompts;
}

bool have_common(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& text) { return b.contains(text); });
}

Rows grouped(int prompts, int answers) {
  Rows rows;
  for (int p = 0; p < prompts; ++p)
    for (int a = 0; a < answers; ++a)
      rows.add("prompt " + std::to_string(p), "answer " + std::to_string(a));
  return rows;
}

}  // namespace

TEST_CASE("hold_out_prompts: whole prompts, never on both sides, whatever the order of the file",
          "[experiment][prompt_split]") {
  Rows rows = grouped(40, 4), shuffled;
  for (int a = 3; a >= 0; --a)
    for (int p = 39; p >= 0; --p)
      shuffled.add("prompt " + std::to_string(p), "answer " + std::to_string(a));
  const HeldOut held = rows.hold_out(32), same = shuffled.hold_out(32);
  CHECK(held.rows.size() == 32);
  CHECK(held.record.at("prompts") == 8);
  CHECK(held.record.at("training_prompts") == 32);
  CHECK(held.record.at("training_rows") == 128);
  CHECK(held.record.at("shared_prompts") == 0);
  CHECK(held.record.at("row_ids").size() == 32);
  CHECK(!have_common(prompts_of(held.sources), prompts_of(rows.sources)));
  CHECK(prompts_of(held.sources) == prompts_of(same.sources));
  CHECK(held.record.at("prompts_hash") == same.record.at("prompts_hash"));
  for (std::size_t r = 0; r < held.rows.size(); ++r) CHECK(held.rows[r].id == held.sources[r].id);
}

TEST_CASE("hold_out_prompts: the seed decides, and nothing is taken from the tail as such",
          "[experiment][prompt_split]") {
  std::set<std::set<std::string>> seen;
  for (const std::int64_t seed : {1, 2, 3}) {
    Rows rows = grouped(40, 1);
    seen.insert(prompts_of(rows.hold_out(8, seed).sources));
  }
  CHECK(seen.size() == 3);
}

TEST_CASE("hold_out_prompts: more rows asked than a prompt has, and fewer",
          "[experiment][prompt_split]") {
  Rows odd = grouped(10, 4), large = grouped(5, 4);
  CHECK(odd.hold_out(10).rows.size() == 8);   // whole prompts within what was asked
  CHECK(large.hold_out(2).rows.size() == 4);  // one prompt where all are larger
  Rows few = grouped(2, 50);
  CHECK(few.hold_out(64).rows.size() == 50);
  CHECK(few.rows.size() == 50);
}

TEST_CASE("hold_out_prompts: prompts that the template makes equal are one prompt",
          "[experiment][prompt_split]") {
  Rows rows;
  rows.add("how many", "4");
  rows.add("  how many ", "5");  // trimmed by the template
  rows.add("how  many", "6");    // only its white space differs
  rows.add("another", "7");
  const HeldOut held = rows.hold_out(1);
  CHECK(held.rows.size() == 1);
  CHECK(held.sources.front().prompt == "another");
  SourceRow turns{.id = 0, .prompt = "", .messages = user_prompt("how many"), .answers = {"4"}};
  CHECK(prompt_text(turns) == prompt_text(rows.sources.front()));
  turns.messages.insert(turns.messages.begin(), {"system", "be short"});
  CHECK(prompt_text(turns) != prompt_text(rows.sources.front()));
}

TEST_CASE("hold_out_prompts: rows without prompts are known by their text",
          "[experiment][prompt_split]") {
  Rows rows;
  for (const char* text : {"one", "two", "one", "three", "two"}) rows.add("", text);
  const HeldOut held = rows.hold_out(2, 5, true);
  CHECK(held.rows.size() == 2);
  CHECK(!have_common(prompts_of(held.sources), prompts_of(rows.sources)));
}

TEST_CASE("hold_out_prompts: one prompt cannot be on two sides", "[experiment][prompt_split]") {
  Rows one = grouped(1, 8), all = grouped(4, 1);
  CHECK_THROWS_WITH(one.hold_out(2), contains("all 8 rows have one prompt"));
  CHECK_THROWS_AS(one.hold_out(2), ConfigError);
  CHECK_THROWS_WITH(all.hold_out(4), contains("leaves none of the 4 rows to train on"));
  CHECK(all.hold_out(0).rows.empty());
  CHECK(all.hold_out(0).record.is_null());
}
