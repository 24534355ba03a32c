// SPDX-License-Identifier: MIT
#include "data/published_rows.hpp"

#include <fstream>

#include "lldm/data/rows.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::contains;
using lldm::testing::TemporaryFolder;
using nlohmann::json;

namespace {

std::filesystem::path rows_file(const TemporaryFolder& folder, const std::vector<json>& rows) {
  const auto path = folder / "rows.jsonl";
  std::ofstream file(path);
  for (const json& row : rows) file << row.dump() << '\n';
  return path;
}

const std::string kStart = "\n\nHuman: What is 2 + 2?\n\nAssistant: 4\n\nHuman: And 3 + 3?";

}  // namespace

TEST_CASE("Alpaca's rows are prompts and responses", "[data][published]") {
  const TemporaryFolder folder;
  const auto file = read_prompt_rows(
      rows_file(folder, {{{"instruction", "Add."}, {"input", "2 and 3"}, {"output", "5"}},
                         {{"instruction", "Say hello."}, {"input", ""}, {"output", "Hello"}},
                         {{"instruction", "Say bye."}, {"output", "Bye"}}}));
  CHECK(file.form == RowForm::prompt_response);
  CHECK(file.rows.at(0).prompt == user_prompt("Add.\n2 and 3"));
  CHECK(file.rows.at(0).response == "5");
  CHECK(file.rows.at(1).prompt == user_prompt("Say hello."));
  CHECK(file.rows.at(2).response == "Bye");
  CHECK(file.unused_keys.empty());
}

TEST_CASE("completion is the response of a prompt, in texts and in messages", "[data][published]") {
  const TemporaryFolder folder;
  const auto texts =
      read_prompt_rows(rows_file(folder, {{{"prompt", "2 + 2 ="}, {"completion", " 4"}}}));
  CHECK(texts.form == RowForm::prompt_response);
  CHECK(texts.rows.at(0).response == " 4");
  const json user = {{"role", "user"}, {"content", "2 + 2"}};
  const json answer = {{"role", "assistant"}, {"content", "4"}};
  const auto turns = read_prompt_rows(rows_file(
      folder, {{{"prompt", json::array({user})}, {"completion", json::array({answer})}}}));
  CHECK(turns.form == RowForm::conversation);
  CHECK(turns.rows.at(0).prompt == user_prompt("2 + 2"));
  CHECK(turns.rows.at(0).response == "4");
}

TEST_CASE("Dialogues of HH-RLHF are conversations with two answers", "[data][published]") {
  const TemporaryFolder folder;
  const auto file = read_preference_rows(rows_file(
      folder,
      {{{"chosen", kStart + "\n\nAssistant: 6"}, {"rejected", kStart + "\n\nAssistant: 7"}}}));
  const PreferenceRow& row = file.rows.at(0);
  CHECK(row.prompt == std::vector<Message>{
                          {"user", "What is 2 + 2?"}, {"assistant", "4"}, {"user", "And 3 + 3?"}});
  CHECK((row.chosen == "6" && row.rejected == "7"));
  CHECK_THROWS_WITH(
      read_preference_rows(rows_file(folder, {{{"chosen", kStart}, {"rejected", kStart}}})),
      contains("must end with an assistant message"));
  CHECK_THROWS_WITH(read_preference_rows(
                        rows_file(folder, {{{"chosen", kStart + "\n\nAssistant: 6"},
                                            {"rejected", "\n\nHuman: Other?\n\nAssistant: 7"}}})),
                    contains("must be the same"));
  // No dialogue: the prompt is missing, nothing is guessed from common letters.
  CHECK_THROWS_WITH(
      read_preference_rows(rows_file(folder, {{{"chosen", "Blue"}, {"rejected", "Black"}}})),
      contains("\"prompt\" is missing"));
}

TEST_CASE("Unpaired rows have a label, and are no prompts to learn", "[data][published]") {
  const TemporaryFolder folder;
  const auto path = rows_file(folder, {{{"prompt", "a"}, {"completion", "b"}, {"label", true}},
                                       {{"prompt", "a"}, {"completion", "c"}, {"label", false}}});
  CHECK(detect_row_form(path) == RowForm::unpaired);
  const auto file = read_unpaired_rows(path);
  CHECK((file.rows.at(0).label && !file.rows.at(1).label));
  CHECK(file.rows.at(0).prompt == user_prompt("a"));
  CHECK(file.rows.at(1).completion == "c");
  CHECK_THROWS_AS(read_prompt_rows(path), DataError);
  CHECK_THROWS_WITH(
      read_unpaired_rows(rows_file(folder, {{{"prompt", "a"}, {"completion", "b"}, {"label", 1}}})),
      contains("\"label\" must be true or false, is number"));
}

TEST_CASE("Bad rows can be collected, however many they are", "[data][published]") {
  const TemporaryFolder folder;
  std::vector<json> rows(30, json{{"prompt", "a"}, {"response", ""}});
  rows.push_back({{"prompt", "a"}, {"response", "b"}});
  const auto file = read_prompt_rows(rows_file(folder, rows), {.collects = true});
  CHECK(file.skipped.size() == 30);
  CHECK(file.skipped.at(29).line == 30);
  CHECK(file.rows.size() == 1);
  rows.pop_back();
  CHECK(read_prompt_rows(rows_file(folder, rows), {.collects = true}).rows.empty());
}
