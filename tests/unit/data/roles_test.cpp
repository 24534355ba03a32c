// SPDX-License-Identifier: MIT
#include <fstream>

#include "lldm/data/rows.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;

namespace {

std::vector<Message> prompt_of(const std::string& row) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "rows.jsonl") << row << "\n";
  return read_prompt_rows(folder / "rows.jsonl").rows.front().prompt;
}

}  // namespace

TEST_CASE("Roles of other data sets are read under the templates' names", "[data][roles]") {
  const auto prompt = prompt_of(
      R"({"messages":[{"role":"developer","content":"s"},{"role":"human","content":"q"},)"
      R"({"role":"model","content":"a"},{"role":"user","content":"r"},{"role":"bot","content":"b"}]})");
  REQUIRE(prompt.size() == 4);
  CHECK(prompt[0].role == "system");
  CHECK(prompt[1].role == "user");
  CHECK(prompt[2].role == "assistant");
  CHECK(prompt[3].role == "user");
}

TEST_CASE("A role that no template writes is refused by name and row", "[data][roles]") {
  for (const char* role : {"tool", "User", "function", "observation"}) {
    const std::string row = std::string(R"({"conversations":[{"from":")") + role +
                            R"(","value":"q"},{"from":"gpt","value":"a"}]})";
    CHECK_THROWS_WITH(prompt_of(row), testing::contains("rows.jsonl:1: a message of"));
    CHECK_THROWS_WITH(prompt_of(row), testing::contains(std::string("role \"") + role + "\""));
  }
}
