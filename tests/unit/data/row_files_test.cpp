// SPDX-License-Identifier: MIT
// How files of rows may be written: JSON arrays, gzip, other column names, other projects' forms.
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lldm/data/row_format.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

const testing::TemporaryFolder& folder() {
  static const testing::TemporaryFolder folder;
  return folder;
}

std::filesystem::path file_of(const std::string& text) {
  const auto path = folder().path() / "rows.json";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

/// `members` gzip members, one behind the other, as `cat a.gz b.gz` makes them.
std::filesystem::path packed(const std::string& text, int members = 1) {
  const auto path = folder().path() / "rows.jsonl.gz";
  std::filesystem::remove(path);
  const std::size_t size = text.size() / static_cast<std::size_t>(members);
  for (int m = 0; m < members; ++m) {
    const std::size_t begin = static_cast<std::size_t>(m) * size;
    const std::string part = text.substr(begin, m + 1 < members ? size : std::string::npos);
    gzFile file = gzopen(path.c_str(), "ab");
    gzwrite(file, part.data(), static_cast<unsigned>(part.size()));
    gzclose(file);
  }
  return path;
}

}  // namespace

TEST_CASE("A JSON array is read as its elements, each with the line on which it begins",
          "[data][rows]") {
  const auto file = read_text_rows(file_of(
      " [\n  {\"text\": \"a, [b]\"},\n  {\n    \"text\": \"c \\\"]\\\" d\"\n  }, {\"text\": "
      "\"e\"}\n]\n"));
  REQUIRE(file.rows.size() == 3);
  CHECK(file.rows[0].text == "a, [b]");
  CHECK(file.rows[1].text == "c \"]\" d");
  CHECK(file.rows[2].id == 3);
  CHECK(file.line_of(1) == 2);
  CHECK(file.line_of(2) == 3);
  CHECK(file.line_of(3) == 5);
  CHECK_THAT(file.summary(), contains("3 rows of form text (a JSON array)"));
}

TEST_CASE("What is wrong inside an array's element is told by its own line and byte",
          "[data][rows]") {
  const auto bad =
      read_text_rows(file_of("[{\"text\": \"a\"},\n {\n  \"text\": nope\n }]"), {.collects = true})
          .skipped;
  REQUIRE(bad.size() == 1);
  CHECK(bad[0].line == 3);
  CHECK(bad[0].column == 12);
  CHECK(bad[0].offset == 30);
  CHECK_THAT(bad[0].reason, contains("not JSON"));
}

TEST_CASE("gzip is unpacked while it is read, member by member", "[data][rows]") {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "{\"text\": \"row number " + std::to_string(i) + "\"}\n";
  for (const int members : {1, 3}) {
    const auto file = read_text_rows(packed(text, members));
    REQUIRE(file.rows.size() == 20000);
    CHECK(file.rows[12345].text == "row number 12345");
    CHECK_THAT(file.summary(), contains("20000 rows of form text (gzip)"));
  }
  const auto path = packed(text);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  CHECK_THROWS_WITH(read_text_rows(path), contains("the gzip data ends too early"));
  const auto whole = packed(text);
  {
    std::fstream file(whole, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file.write("\xFF\xFF\xFF\xFF\xFF\xFF", 6);
  }
  CHECK_THROWS_WITH(read_text_rows(whole), contains("the gzip data is damaged at byte"));
}

TEST_CASE("columns say under which keys the rows keep what is read", "[data][rows]") {
  const RowReaderOptions options{.columns = {{"prompt", "question"}, {"response", "answer"}}};
  const auto file = read_prompt_rows(
      file_of("{\"question\": \"q\", \"answer\": \"a\", \"prompt\": \"unused\"}\n"), options);
  CHECK(file.rows.at(0).prompt == user_prompt("q"));
  CHECK(file.rows.at(0).response == "a");
  CHECK(file.unused_keys == std::vector<std::string>{"prompt"});
  // Names may be swapped.
  const auto swapped = read_preference_rows(
      file_of("{\"prompt\": \"p\", \"chosen\": \"bad\", \"rejected\": \"good\"}\n"),
      {.columns = {{"chosen", "rejected"}, {"rejected", "chosen"}}});
  CHECK(swapped.rows.at(0).chosen == "good");
  CHECK_THROWS_WITH(
      read_prompt_rows(file_of("{\"questions\": \"q\", \"answer\": \"a\"}\n"), options),
      contains(":1: has no column \"question\" (columns.prompt); did you mean \"questions\"?"));
}

TEST_CASE("Columns::parse names the nearest key", "[data][rows]") {
  CHECK(Columns::parse("prompt=q,response=a") == Columns{{"prompt", "q"}, {"response", "a"}});
  CHECK_THROWS_WITH(Columns::parse("promt=q"), contains("did you mean \"prompt\""));
  CHECK_THROWS_WITH(Columns::parse("prompt=q,response=q"), contains("two keys are read from"));
  CHECK_THROWS_WITH(Columns::parse("prompt"), contains("write OURS=THEIRS"));
}

TEST_CASE("format asks for a form: rows of two forms are then read as it", "[data][rows]") {
  const auto both = file_of(R"({"text":"t","prompt":"p","response":"r"})");
  CHECK_THROWS_WITH(detect_row_form(both), contains("of two forms"));
  CHECK(detect_row_form(both, {}, {.form = RowForm::text}) == RowForm::text);
  CHECK(read_text_rows(both, {.form = RowForm::text}).rows.at(0).text == "t");
  CHECK_THROWS_WITH(read_text_rows(both, {.form = RowForm::ranked}),
                    contains("format = \"ranked\" is not read here\n  legal: auto, text"));
}

TEST_CASE("auto says as whom the rows are written", "[data][rows]") {
  const auto said = [](const std::string& row) {
    const auto path = file_of(row + "\n");
    const RowForm form = detect_row_form(path);
    return form == RowForm::preference ? read_preference_rows(path).published
                                       : read_prompt_rows(path).published;
  };
  CHECK(said(R"({"instruction":"i","input":"","output":"o"})") == "alpaca");
  CHECK(said(R"({"prompt":"p","completion":"c"})") == "TRL");
  CHECK(said(R"({"conversations":[{"from":"human","value":"u"},{"from":"gpt","value":"a"}]})") ==
        "ShareGPT");
  CHECK(
      said(R"({"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}]})") ==
      "messages");
  CHECK(
      said(
          R"({"chosen":"\n\nHuman: h\n\nAssistant: a","rejected":"\n\nHuman: h\n\nAssistant: b"})") ==
      "HH-RLHF");
  const std::string user = R"({"role":"user","content":"u"})";
  const std::string pair = R"("chosen":[)" + user +
                           R"(,{"role":"assistant","content":"a"}],"rejected":[)" + user +
                           R"(,{"role":"assistant","content":"b"}])";
  CHECK(said("{" + pair + "}") == "implicit prompt");
  CHECK(said("{\"prompt\":\"u\",\"score_chosen\":8,\"score_rejected\":6," + pair + "}") ==
        "UltraFeedback");
  CHECK(said(R"({"prompt":"p","chosen":"c","rejected":"r"})").empty());
}

TEST_CASE("UltraFeedback as it was annotated: the best answer above the worst", "[data][rows]") {
  const auto row = [](const char* scores) {
    std::string text = R"({"source":"x","instruction":"i","completions":[)";
    for (const char* s = scores; *s; ++s)
      text += std::string(s == scores ? "" : ",") + R"({"model":"m","response":"r)" + *s +
              R"(","overall_score":)" + *s + "}";
    return text + "]}\n";
  };
  const auto file = read_preference_rows(file_of(row("4729") + row("12")));
  CHECK(file.rows.at(0).prompt == user_prompt("i"));
  CHECK(file.rows.at(0).chosen == "r9");
  CHECK(file.rows.at(0).rejected == "r2");
  CHECK(file.rows.at(1).chosen == "r2");
  CHECK(file.published == "UltraFeedback, best above worst");
  CHECK_THROWS_WITH(read_preference_rows(file_of(row("12") + row("33"))),
                    contains(":2: all \"completions\" have the overall score 3"));
}

TEST_CASE("A row's system and history are messages before the instruction", "[data][rows]") {
  const auto file = read_prompt_rows(file_of(
      R"({"instruction":"i","input":"x","output":"o","system":"s","history":[["q","a"]]})"));
  CHECK(file.rows.at(0).prompt ==
        std::vector<Message>{{"system", "s"}, {"user", "q"}, {"assistant", "a"}, {"user", "i\nx"}});
  CHECK(file.rows.at(0).response == "o");
  const auto talk = read_prompt_rows(file_of(
      R"({"system":"s","conversations":[{"from":"human","value":"u"},{"from":"gpt","value":"a"}]})"));
  CHECK(talk.rows.at(0).prompt == std::vector<Message>{{"system", "s"}, {"user", "u"}});
  CHECK(talk.unused_keys.empty());
}

TEST_CASE("A Parquet file names the tool that converts it", "[data][rows]") {
  CHECK_THROWS_WITH(read_text_rows(file_of("PAR1\x15\x04")),
                    contains("is Parquet\n  write it as JSON Lines: tools/parquet_to_jsonl"));
}
