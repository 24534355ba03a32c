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

TEST_CASE("Keys beside a published form do not change which form is seen", "[data][published]") {
  const json user = {{"role", "user"}, {"content", "p"}};
  const json answer = {{"role", "assistant"}, {"content", "r"}},
             worse = {{"role", "assistant"}, {"content", "s"}};
  const json both = json::array({user, answer}), other = json::array({user, worse});
  const json shared = json::array(
      {{{"from", "human"}, {"value", "p"}}, {{"from", "gpt"}, {"value", "r"}, {"weight", 1}}});
  const std::string start = "\n\nHuman: p\n\nAssistant: ";
  const json scored = json::array({{{"response", "s"}, {"overall_score", 2}},
                                   {{"response", "r"}, {"overall_score", 8}, {"model", "m"}}});
  struct Case {
    const char* what;
    json row;
    RowForm form;
    const char* published;
    std::vector<std::string> unused;
  };
  const RowForm pr = RowForm::prompt_response, talk = RowForm::conversation,
                pair = RowForm::preference;
  const std::vector<Case> cases = {
      {"alpaca of tatsu-lab",
       {{"instruction", "p"}, {"input", ""}, {"output", "r"}, {"text", "Below is p r"}},
       pr,
       "alpaca",
       {"text"}},
      {"alpaca from a table",
       {{"instruction", "p"},
        {"input", nullptr},
        {"output", "r"},
        {"system", nullptr},
        {"history", nullptr},
        {"response", nullptr}},
       pr,
       "alpaca",
       {}},
      {"alpaca with the whole prompt",
       {{"instruction", "p"}, {"input", ""}, {"output", "r"}, {"prompt", "Below is p"}},
       pr,
       "alpaca",
       {}},
      {"alpaca with a source",
       {{"instruction", "p"}, {"output", "r"}, {"source", "s"}, {"id", 1}},
       pr,
       "alpaca",
       {"id", "source"}},
      {"TRL with its text",
       {{"prompt", "p"}, {"completion", "r"}, {"text", "pr"}},
       pr,
       "TRL",
       {"text"}},
      {"TRL with a topic",
       {{"prompt", "p"}, {"completion", "r"}, {"label", "math"}},
       pr,
       "TRL",
       {"label"}},
      {"TRL's turns with their text",
       {{"prompt", json::array({user})}, {"completion", json::array({answer})}, {"text", "pr"}},
       talk,
       "TRL",
       {"text"}},
      {"ShareGPT",
       {{"id", "x"}, {"conversations", shared}, {"system", nullptr}},
       talk,
       "ShareGPT",
       {"conversations[].weight", "id"}},
      {"UltraChat",
       {{"prompt", "p"}, {"prompt_id", "x"}, {"messages", both}},
       talk,
       "messages",
       {"prompt", "prompt_id"}},
      {"messages from a table",
       {{"messages", both}, {"conversations", nullptr}, {"text", nullptr}},
       talk,
       "messages",
       {"conversations", "text"}},
      {"prompt and response with a score",
       {{"prompt", "p"}, {"response", "r"}, {"score", 4}, {"instruction", "p"}},
       pr,
       "",
       {"instruction", "score"}},
      {"prompt and response from a table",
       {{"prompt", "p"}, {"response", "r"}, {"messages", nullptr}, {"text", nullptr}},
       pr,
       "",
       {"messages", "text"}},
      {"UltraFeedback",
       {{"prompt", "p"},
        {"prompt_id", "x"},
        {"chosen", both},
        {"rejected", other},
        {"messages", both},
        {"score_chosen", 8.0},
        {"score_rejected", 2.0}},
       pair,
       "UltraFeedback",
       {"messages", "prompt_id", "score_chosen", "score_rejected"}},
      {"UltraFeedback as annotated",
       {{"source", "s"},
        {"instruction", "p"},
        {"models", json::array({"m"})},
        {"completions", scored},
        {"text", "t"},
        {"prompt", nullptr}},
       pair,
       "UltraFeedback, best above worst",
       {"models", "source", "text"}},
      {"HH-RLHF",
       {{"id", 3}, {"chosen", start + "r"}, {"rejected", start + "s"}},
       pair,
       "HH-RLHF",
       {}},
  };
  const TemporaryFolder folder;
  for (const Case& one : cases) {
    INFO(one.what);
    const auto path = rows_file(folder, {one.row, one.row});
    REQUIRE(detect_row_form(path) == one.form);
    if (one.form == pair) {
      const auto file = read_preference_rows(path);
      CHECK(file.published == one.published);
      CHECK(file.unused_keys == one.unused);
      CHECK(file.rows.at(1).prompt == user_prompt("p"));
      CHECK((file.rows.at(1).chosen == "r" && file.rows.at(1).rejected == "s"));
      continue;
    }
    const auto file = read_prompt_rows(path, {.form = one.form});
    CHECK(detect_row_form(path, {RowForm::text, pr, talk}) == one.form);  // as an sft stage asks
    CHECK(file.published == one.published);
    CHECK(file.unused_keys == one.unused);
    CHECK(file.rows.at(1).prompt == user_prompt("p"));
    CHECK(file.rows.at(1).response == "r");
  }
  // Where texts are asked for, a text is one, and every other key is as it is.
  const auto texts = read_text_rows(rows_file(folder, {cases.front().row}));
  CHECK(texts.rows.at(0).text == "Below is p r");
  CHECK(texts.unused_keys == std::vector<std::string>{"input", "instruction", "output"});
}

TEST_CASE("What a row lacks is told of the keys that it has in the file", "[data][published]") {
  const TemporaryFolder folder;
  const json alpaca = {{"instruction", "i"}, {"input", ""}, {"output", "o"}};
  const json talk = {{"messages", json::array({{{"role", "user"}, {"content", "p"}},
                                               {{"role", "assistant"}, {"content", "r"}}})}};
  CHECK_THROWS_WITH(read_prompt_rows(rows_file(folder, {talk, alpaca})),
                    contains("the row has \"input\", \"instruction\", \"output\""));
  CHECK_THROWS_WITH(detect_row_form(rows_file(folder, {alpaca}), {RowForm::preference}),
                    contains("it has \"input\", \"instruction\", \"output\""));
}

TEST_CASE("a completion that is no text is called by its name", "[data][published]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(
      read_prompt_rows(rows_file(folder, {{{"prompt", "2 + 2 ="}, {"completion", "4"}},
                                          {{"prompt", "2 + 3 ="}, {"completion", 5}}})),
      contains("\"completion\" must be a string, or messages as \"prompt\" is, is number"));
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
