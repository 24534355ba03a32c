// SPDX-License-Identifier: MIT
#include "lldm/data/rows.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;

namespace {

const testing::TemporaryFolder& folder() {
  static const testing::TemporaryFolder folder;
  return folder;
}

std::filesystem::path file_of(std::string_view text) {
  const auto path = folder().path() / "rows.jsonl";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

// What reading says, without the folder.
template <class Read>
std::string error_of(std::string_view text, const Read& read) {
  const auto path = file_of(text);
  try {
    read(path);
  } catch (const DataError& error) {
    std::string out = error.what();
    for (std::size_t at; (at = out.find(path.string())) != std::string::npos;)
      out.replace(at, path.string().size(), "F");
    return out;
  }
  return "no error";
}
std::string text_error(std::string_view text, const RowReaderOptions& options = {}) {
  return error_of(text, [&](const auto& path) { (void)read_text_rows(path, options); });
}
std::string prompt_error(std::string_view text) {
  return error_of(text, [](const auto& path) { (void)read_prompt_rows(path); });
}
std::string preference_error(std::string_view text) {
  return error_of(text, [](const auto& path) { (void)read_preference_rows(path); });
}

}  // namespace

TEST_CASE("Text rows carry line numbers and content hashes", "[data][rows]") {
  const auto file =
      read_text_rows(file_of("{\"text\": \"a\"}\n{\"text\": \"b\", \"source\": 1}\r\n"
                             "{\"source\": 2, \"text\": \"a\"}"));
  CHECK(file.form == RowForm::text);
  REQUIRE(file.rows.size() == 3);
  CHECK(file.num_lines == 3);
  CHECK(file.rows[1].text == "b");
  CHECK(file.rows[2].id == 3);
  CHECK(file.rows[0].content_hash == file.rows[2].content_hash);
  CHECK(file.rows[0].content_hash != file.rows[1].content_hash);
  CHECK(file.unused_keys == std::vector<std::string>{"source"});
  CHECK_THAT(file.summary(), testing::contains("3 rows of form text; unused keys: \"source\""));
}

TEST_CASE("Prompt rows are read from strings", "[data][rows]") {
  const auto file =
      read_prompt_rows(file_of("{\"prompt\": \"p\", \"response\": \"\\ud83d\\ude00\"}\n"));
  CHECK(file.form == RowForm::prompt_response);
  CHECK(file.rows.at(0).prompt == user_prompt("p"));
  CHECK(file.rows.at(0).response == "\xF0\x9F\x98\x80");
}

TEST_CASE("The last assistant message of a conversation is its response", "[data][rows]") {
  const auto openai = read_prompt_rows(file_of(
      R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a","name":"x"}]})"
      "\n"));
  CHECK(openai.form == RowForm::conversation);
  CHECK(openai.rows.at(0).prompt == std::vector<Message>{{"system", "s"}, {"user", "u"}});
  CHECK(openai.rows.at(0).response == "a");
  CHECK(openai.unused_keys == std::vector<std::string>{"messages[].name"});
  const auto sharegpt = read_prompt_rows(file_of(
      R"({"conversations":[{"from":"human","value":"1"},{"from":"gpt","value":"2"},{"from":"human","value":"3"},{"from":"gpt","value":"4"}]})"));
  CHECK(sharegpt.rows.at(0).prompt ==
        std::vector<Message>{{"user", "1"}, {"assistant", "2"}, {"user", "3"}});
  CHECK(sharegpt.rows.at(0).response == "4");
}

TEST_CASE("Preference rows are read from strings and from message lists", "[data][rows]") {
  const auto strings = read_preference_rows(
      file_of(R"({"prompt":"p","chosen":"good","rejected":"bad","score_chosen":9})"));
  CHECK(strings.form == RowForm::preference);
  CHECK(strings.rows.at(0).prompt == user_prompt("p"));
  CHECK(strings.rows.at(0).chosen == "good");
  CHECK(strings.rows.at(0).rejected == "bad");
  CHECK(strings.unused_keys == std::vector<std::string>{"score_chosen"});

  const std::string user = R"({"role":"user","content":"p"})",
                    good = R"({"role":"assistant","content":"good"})",
                    bad = R"({"role":"assistant","content":"bad"})";
  for (const std::string& row :
       {R"({"prompt":[)" + user + R"(],"chosen":[)" + good + R"(],"rejected":[)" + bad + "]}",
        R"({"prompt":"p","chosen":[)" + user + "," + good + R"(],"rejected":[)" + user + "," + bad +
            "]}",
        R"({"chosen":[)" + user + "," + good + R"(],"rejected":[)" + user + "," + bad + "]}"}) {
    const auto lists = read_preference_rows(file_of(row));
    CHECK(lists.rows.at(0).prompt == user_prompt("p"));
    CHECK(lists.rows.at(0).chosen == "good");
    CHECK(lists.rows.at(0).rejected == "bad");
    CHECK(lists.rows.at(0).content_hash == strings.rows.at(0).content_hash);
  }
}

// promise 15
TEST_CASE("Every bad row of a file is told, with its place and reason", "[data][rows]") {
  const std::string text =
      "{\"text\": \"good\"}\n"
      "{\"text\": \"\xFF\"}\n"                // 2
      "{\"text\": 3}\n"                       // 3
      "{\"text\": \"a\", \"text\": \"b\"}\n"  // 4
      "\n"                                    // 5
      "{\"text\": \" \\u3000\\n\"}\n"         // 6
      "{\"txt\": \"a\"}\n"                    // 7
      "[1]\n"                                 // 8
      "{\"text\": \"a\\u0000b\"}\n"           // 9
      "{\"text\" \"a\"}\n"                    // 10
      "{\"text\": \"\\ud800\"}\n"             // 11
      "{\"text\": \"good again\"}\n"
      "{\"text\": \"torn";  // 13
  const auto error = text_error(text);
  CHECK_THAT(error, testing::contains("F: 11 of 13 rows cannot be used\n"));
  CHECK_THAT(error, testing::contains("\n  F:2:11: invalid UTF-8\n"));
  CHECK_THAT(error, testing::contains("\n  F:3: \"text\" must be a string, is number\n"));
  CHECK_THAT(error, testing::contains("\n  F:4:20: key \"text\" twice\n"));
  CHECK_THAT(error, testing::contains("\n  F:5: empty line\n"));
  CHECK_THAT(error, testing::contains("\n  F:6: \"text\" is empty\n"));
  CHECK_THAT(error, testing::contains("\n  F:7: \"text\" is missing; the row has \"txt\"; did you "
                                      "mean \"text\" by \"txt\"?\n"));
  CHECK_THAT(error, testing::contains("\n  F:8: a row must be a JSON object, is array\n"));
  CHECK_THAT(error, testing::contains("\n  F:9: \"text\" holds a NUL character\n"));
  CHECK_THAT(error, testing::contains("\n  F:10:11: not JSON: "));
  CHECK_THAT(error, testing::contains("\n  F:11:"));
  CHECK_THAT(error, testing::contains(
                        "\n  F:13:14: torn last line, the file ends inside a row: not JSON: "));
  CHECK_THAT(error, testing::contains("\n  repair them") && !testing::contains("on_bad_row"));
}

// promise 15
TEST_CASE("A byte-order mark, a NUL byte and deep nesting are refused", "[data][rows]") {
  CHECK_THAT(text_error("\xEF\xBB\xBF{\"text\":\"a\"}\n"),
             testing::contains("F:1:1: starts with a byte order mark"));
  CHECK_THAT(text_error(std::string("{\"text\":\"a\0\"}\n", 14)),
             testing::contains("F:1:11: NUL byte"));
  CHECK_THAT(
      text_error("{\"text\":\"a\",\"x\":" + std::string(100, '[') + std::string(100, ']') + "}\n"),
      testing::contains("F:1:80: nested deeper than 64 levels"));
  CHECK_THAT(text_error("{\"text\":\"a\",\"x\":" + std::string(1000000, '[') + "\n"),
             testing::contains("nested deeper than 64"));
}

TEST_CASE("At most twenty bad rows are listed, the rest is counted", "[data][rows]") {
  std::string text;
  for (int i = 0; i < 25; ++i) text += "{\"text\": 1}\n";
  const auto error = text_error(text);
  CHECK_THAT(error, testing::contains("25 of 25 rows"));
  CHECK_THAT(error, testing::contains("F:20: ") && !testing::contains("F:21: ") &&
                        testing::contains("\n  and 5 more\n"));
}

// promise 15
TEST_CASE("A line over the limit is refused without being kept", "[data][rows]") {
  CHECK(RowReaderOptions{}.max_line_bytes == 64 * 1024 * 1024);
  const std::string row = "{\"text\": \"" + std::string(200, 'x') + "\"}\n";
  const RowReaderOptions options{.max_line_bytes = 100};
  CHECK_THAT(text_error("{\"text\": \"a\"}\n" + row + "{\"text\": \"b\"}\n", options),
             testing::contains("1 of 3 rows") &&
                 testing::contains("F:2: the line has 212 bytes, the limit is 100"));
  CHECK(text_error(row, {.max_line_bytes = 212}) == "no error");
}

// promise 15
TEST_CASE("skip leaves bad rows out up to its cap, and says so", "[data][rows]") {
  std::string text;
  for (int i = 0; i < 99; ++i) text += "{\"text\": \"a\"}\n";
  const RowReaderOptions skip{.on_bad_row = OnBadRow::skip};
  const auto file = read_text_rows(file_of(text + "{}\n"), skip);
  CHECK(file.rows.size() == 99);
  REQUIRE(file.skipped.size() == 1);
  CHECK(file.skipped[0].line == 100);
  CHECK_THAT(file.summary(), testing::contains("99 rows of form text; 1 bad rows skipped:") &&
                                 testing::contains(":100: \"text\" is missing"));
  CHECK_THAT(text_error(text + "{}\n{}\n", skip),
             testing::contains("2 of 101 rows") &&
                 testing::contains("skip\" leaves out at most 1 % of the rows, here 1"));
  // Where there is a key to name, it is offered if it would help.
  const RowReaderOptions asked{.offers_skip = true};
  CHECK_THAT(text_error(text + "{}\n", asked),
             testing::contains("repair them, or set on_bad_row = \"skip\" to leave them out"));
  CHECK_THAT(text_error(text + "{}\n{}\n", asked),
             testing::contains("repair them; on_bad_row = \"skip\" leaves out at most 1 %"));
  CHECK_THAT(text_error(text + "{}\n"), !testing::contains("on_bad_row"));
}

TEST_CASE("Prompt rows refuse what cannot be learnt", "[data][rows]") {
  CHECK_THAT(prompt_error(R"({"prompt":"p","response":" "})"),
             testing::contains("\"response\" is empty"));
  CHECK_THAT(prompt_error(R"({"prompt":["p"],"response":"r"})"),
             testing::contains("\"prompt\" must be a list of messages, holds string"));
  CHECK_THAT(
      prompt_error(R"({"messages":[{"role":"user","content":"u"}]})"),
      testing::contains("\"messages\" must end with an assistant message, ends with \"user\""));
  CHECK_THAT(prompt_error(R"({"messages":[]})"), testing::contains("is empty"));
  CHECK_THAT(prompt_error(R"({"messages":[{"role":"assistant","content":"u"}]})"),
             testing::contains("no message before the answer"));
  CHECK_THAT(prompt_error(R"({"messages":[{"content":"u"}]})"),
             testing::contains("either \"role\" or \"from\""));
  CHECK_THAT(
      prompt_error(R"({"question":"q","answer":"a"})"),
      testing::contains("of no form that is wanted here (prompt_response, conversation); it has "
                        "\"answer\", \"question\""));
  CHECK_THAT(prompt_error(R"({"prompt":"p","respnse":"a"})"),
             testing::contains("; did you mean \"response\" by \"respnse\"?"));
  CHECK_THAT(prompt_error(R"({"prompt":"p","response":"r","messages":[]})"),
             testing::contains("of two forms, prompt_response and conversation"));
}

// promise 15
TEST_CASE("Preference rows refuse pairs without a preference", "[data][rows]") {
  CHECK_THAT(preference_error(R"({"prompt":"p","chosen":"","rejected":"r"})"),
             testing::contains("\"chosen\" is empty"));
  CHECK_THAT(preference_error(R"({"prompt":"p","chosen":"c","rejected":" "})"),
             testing::contains("\"rejected\" is empty"));
  CHECK_THAT(preference_error(R"({"prompt":"p","chosen":"same","rejected":"same\n"})"),
             testing::contains("\"chosen\" and \"rejected\" are the same text"));
  CHECK_THAT(preference_error(R"({"chosen":"c","rejected":"r"})"),
             testing::contains("\"prompt\" is missing"));
  CHECK_THAT(preference_error(R"({"prompt":"p","chosen":7,"rejected":"r"})"),
             testing::contains("\"chosen\" must be a string or a list of messages, is number"));
  CHECK_THAT(
      preference_error(
          R"({"prompt":"q","chosen":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}],"rejected":"r"})"),
      testing::contains(
          "the messages before the answer of \"chosen\" are not those of \"prompt\""));
}

TEST_CASE("A missing or empty file is told", "[data][rows]") {
  CHECK_THROWS_WITH(read_text_rows("/nonexistent/x.jsonl"), "/nonexistent/x.jsonl: no such file");
  CHECK(text_error("") == "F: holds no rows");
}

TEST_CASE("detect_row_form never guesses between two forms", "[data][rows]") {
  CHECK(detect_row_form(file_of("{\"text\":\"a\"}\n")) == RowForm::text);
  CHECK(detect_row_form(file_of(R"({"chosen":"a","rejected":"b","prompt":"c"})")) ==
        RowForm::preference);
  CHECK_THROWS_WITH(
      detect_row_form(file_of(R"({"chosen":"a","rejected":"b","text":"c"})")),
      testing::contains(":1: of two forms, text and preference; remove the keys of one"));
}

TEST_CASE("A published UltraFeedback row is a preference row; what is not read is said",
          "[data][rows]") {
  const auto path = file_of(
      R"({"prompt":"p","prompt_id":"x","chosen":[{"content":"p","role":"user"},{"content":"c","role":"assistant"}],)"
      R"("rejected":[{"content":"p","role":"user"},{"content":"r","role":"assistant"}],)"
      R"("messages":[{"content":"p","role":"user"},{"content":"c","role":"assistant"}],)"
      R"("score_chosen":8.5,"score_rejected":7.0})");
  CHECK(detect_row_form(path) == RowForm::preference);
  const auto file = read_preference_rows(path);
  REQUIRE(file.rows.size() == 1);
  CHECK(file.rows[0].prompt == user_prompt("p"));
  CHECK(file.rows[0].chosen == "c");
  CHECK(file.rows[0].rejected == "r");
  CHECK(file.unused_keys ==
        std::vector<std::string>{"messages", "prompt_id", "score_chosen", "score_rejected"});
  // A stage that reads conversations reads the same row as one.
  CHECK(detect_row_form(path, {RowForm::conversation}) == RowForm::conversation);
  CHECK(read_prompt_rows(path).rows[0].response == "c");
}

TEST_CASE("Ranked rows keep their order, and are a form of their own", "[data][rows]") {
  const auto file = read_ranked_rows(
      file_of(R"({"prompt": "p", "answers": ["best", "middle", "worst"], "source": 1})"
              "\n"
              R"({"prompt": [{"role": "user", "content": "q"}], "answers": ["a", "b", "c"]})"),
      3);
  CHECK(file.form == RowForm::ranked);
  REQUIRE(file.rows.size() == 2);
  CHECK(file.rows[0].answers == std::vector<std::string>{"best", "middle", "worst"});
  CHECK(file.rows[0].prompt == user_prompt("p"));
  CHECK(file.rows[1].prompt == user_prompt("q"));
  CHECK(file.rows[0].content_hash != file.rows[1].content_hash);
  CHECK(file.unused_keys == std::vector<std::string>{"source"});
  CHECK(detect_row_form(file.path) == RowForm::ranked);
  CHECK(make_ranked_row(1, user_prompt("p"), {"a", "b"}).content_hash !=
        make_ranked_row(1, user_prompt("p"), {"b", "a"}).content_hash);
}

TEST_CASE("Ranked rows: what is bad is told by row and reason", "[data][rows]") {
  const auto error = [](std::string_view text, std::int64_t answers) {
    return error_of(text, [&](const auto& path) { (void)read_ranked_rows(path, answers); });
  };
  CHECK(error("{\"prompt\":\"p\",\"answers\":[\"a\",\"b\"]}\n"
              "{\"prompt\":\"p\",\"answers\":[\"a\",\"b\",\"c\"]}\n"
              "{\"prompt\":\"p\",\"answers\":[\"a\"]}",
              2) ==
        "F: 2 of 3 rows cannot be used\n"
        "  F:2: \"answers\" holds 3 answers, wanted are 2 (best first)\n"
        "  F:3: \"answers\" holds 1 answer, wanted are 2 (best first)\n"
        "  repair them");
  CHECK_THAT(error("{\"prompt\":\"p\",\"answers\":[\"a\"]}", 0),
             testing::contains("holds 1 answer, wanted are at least 2"));
  CHECK_THAT(error("{\"prompt\":\"p\",\"answers\":[\"a\",\" a \"]}", 2),
             testing::contains("two of \"answers\" are the same text"));
  CHECK_THAT(error("{\"prompt\":\"p\",\"answers\":[\"a\",\" \"]}", 2),
             testing::contains("\"answers\" is empty"));
  CHECK_THAT(error("{\"prompt\":\"p\",\"answers\":[\"a\",3]}", 2),
             testing::contains("must be a list of texts, holds number"));
  CHECK_THAT(error("{\"prompt\":\"p\",\"answers\":\"a\"}", 2),
             testing::contains("must be a list of texts, is string"));
  CHECK_THAT(error("{\"answers\":[\"a\",\"b\"]}", 2), testing::contains("\"prompt\" is missing"));
}

TEST_CASE("Blank lines at the end of a file are no rows", "[data][rows]") {
  const std::string row = "{\"text\": \"a\"}\n";
  for (const char* end : {"", "\n", "\n\n\n", " \t\r\n", "  ", "\r\n \n\t"}) {
    INFO("'" << end << "'");
    const auto file = read_text_rows(file_of(row + row + end));
    CHECK(file.rows.size() == 2);
    CHECK(file.num_lines == 2);
  }
  // Before another row they are bad rows, each with its line.
  const auto error = text_error(row + "\n \n" + row + "\n\n");
  CHECK(error ==
        "F: 2 of 4 rows cannot be used\n  F:2: empty line\n  F:3: empty line\n  repair them");
  CHECK(text_error("\n" + row) ==
        "F: 1 of 2 rows cannot be used\n  F:1: empty line\n  repair them");
  CHECK_THAT(text_error("\n\n"), testing::contains("F: holds no rows"));
  CHECK_THAT(text_error(row + "{\"text\""), testing::contains("torn last line"));
}
