// SPDX-License-Identifier: MIT
// Every kind of bad row, one by one: its file, line, byte and reason.
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "lldm/data/rows.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

enum class Kind { text, conversation, preference, unpaired };

struct Case {
  const char* what;
  Kind kind;
  std::string row;  // between two good rows
  std::uint64_t column;
  const char* reason;
};

const std::string kUser = R"({"role":"user","content":"u"})";
const std::string kAnswer = R"({"role":"assistant","content":"a"})";

const char* good(Kind kind) {
  switch (kind) {
    case Kind::text:
      return R"({"text":"good"})";
    case Kind::conversation:
      return R"({"messages":[{"role":"user","content":"p"},{"role":"assistant","content":"r"}]})";
    case Kind::preference:
      return R"({"prompt":"p","chosen":"c","rejected":"r"})";
    case Kind::unpaired:
      return R"({"prompt":"p","completion":"c","label":true})";
  }
  return "";
}

std::vector<Case> cases() {
  using namespace std::string_literals;
  const auto talk = [](const std::string& turns) { return R"({"messages":[)" + turns + "]}"; };
  return {
      {"no JSON", Kind::text, "text", 2, "not JSON"},
      {"two values on a line", Kind::text, R"({"text":"a"} {"text":"b"})", 14, ""},
      {"invalid UTF-8", Kind::text, "{\"text\":\"\xC3\x28\"}", 10, "invalid UTF-8"},
      {"a NUL byte", Kind::text, "{\"text\":\"a\0\"}"s, 11, "NUL byte"},
      {"an escaped NUL", Kind::text, R"({"text":"a\u0000"})", 0, "holds a NUL character"},
      {"a byte-order mark", Kind::text, "\xEF\xBB\xBF{\"text\":\"a\"}", 1,
       "starts with a byte order mark"},
      {"a key twice", Kind::text, R"({"text":"a","text":"b"})", 18, "key \"text\" twice"},
      {"a lone surrogate", Kind::text, R"({"text":"\ud800"})", 16, ""},
      {"nesting", Kind::text,
       "{\"text\":\"a\",\"x\":" + std::string(70, '[') + std::string(70, ']') + "}", 80,
       "nested deeper than 64 levels"},
      {"a blank line", Kind::text, "  ", 0, "empty line"},
      {"an array", Kind::text, "[1]", 0, "a row must be a JSON object, is array"},
      {"a missing key", Kind::text, R"({"txt":"a"})", 0,
       "\"text\" is missing; the row has \"txt\"; did you mean \"text\" by \"txt\"?"},
      {"a wrong type", Kind::text, R"({"text":["a"]})", 0, "\"text\" must be a string, is array"},
      {"an empty text", Kind::text, R"({"text":"\u2003\n"})", 0, "\"text\" is empty"},
      {"an overlong line", Kind::text, R"({"text":")" + std::string(3000, 'x') + "\"}", 0,
       "the line has 3011 bytes, the limit is 1000"},
      {"tools", Kind::conversation,
       R"({"tools":[{"name":"f"}],)" + talk(kUser + "," + kAnswer).substr(1), 0,
       "has \"tools\"; tools are not supported"},
      {"a call of a tool", Kind::conversation,
       talk(kUser + R"(,{"role":"assistant","content":"","tool_calls":[{"id":"1"}]})"), 0,
       "has \"tool_calls\"; tools are not supported"},
      {"a tool's turn", Kind::conversation,
       talk(kUser + R"(,{"role":"tool","content":"3"},)" + kAnswer), 0,
       "has the role \"tool\"; tools are not supported"},
      {"ShareGPT's call", Kind::conversation,
       R"({"conversations":[{"from":"human","value":"u"},{"from":"function_call","value":"f"}]})",
       0, "has the role \"function_call\"; tools are not supported"},
      {"an unknown role", Kind::conversation, talk(kUser + R"(,{"role":"narrator","content":"a"})"),
       0, "has the role \"narrator\", which no template here writes"},
      {"no role", Kind::conversation, talk(R"({"content":"a"})"), 0,
       "must have either \"role\" or \"from\""},
      {"no answer", Kind::conversation, talk(kUser), 0, "must end with an assistant message"},
      {"an answer alone", Kind::conversation, talk(kAnswer), 0, "has no message before the answer"},
      {"an empty answer", Kind::conversation,
       talk(kUser + R"(,{"role":"assistant","content":" "})"), 0,
       "the answer, the last message of \"messages\", is empty"},
      {"two systems", Kind::conversation,
       R"({"system":"s",)" +
           talk(R"({"role":"system","content":"t"},)" + kUser + "," + kAnswer).substr(1),
       0, "has \"system\", and a message of \"messages\" is one too"},
      {"an empty chosen", Kind::preference, R"({"prompt":"p","chosen":"","rejected":"r"})", 0,
       "\"chosen\" is empty"},
      {"an empty rejected", Kind::preference, R"({"prompt":"p","chosen":"c","rejected":"\n"})", 0,
       "\"rejected\" is empty"},
      {"chosen equal to rejected", Kind::preference,
       R"({"prompt":"p","chosen":"c","rejected":"c "})", 0,
       "\"chosen\" and \"rejected\" are the same text"},
      {"texts without a prompt", Kind::preference, R"({"chosen":"Blue","rejected":"Black"})", 0,
       "\"prompt\" is missing"},
      {"two prompts", Kind::preference,
       R"({"chosen":[{"role":"user","content":"x"},)" + kAnswer + R"(],"rejected":[)" + kUser +
           R"(,{"role":"assistant","content":"b"}]})",
       0, "the messages before the answers of \"chosen\" and \"rejected\" must be the same"},
      {"no label", Kind::unpaired, R"({"prompt":"p","completion":"c"})", 0, "\"label\" is missing"},
      {"a label that is a number", Kind::unpaired, R"({"prompt":"p","completion":"c","label":1})",
       0, "\"label\" must be true or false, is number"},
      {"an empty completion", Kind::unpaired, R"({"prompt":"p","completion":" ","label":true})", 0,
       "\"completion\" is empty"},
  };
}

std::vector<BadRow> bad_rows(const std::filesystem::path& path, Kind kind) {
  const RowReaderOptions options{.collects = true, .max_line_bytes = 1000};
  switch (kind) {
    case Kind::text:
      return read_text_rows(path, options).skipped;
    case Kind::conversation:
      return read_prompt_rows(path, options).skipped;
    case Kind::preference:
      return read_preference_rows(path, options).skipped;
    case Kind::unpaired:
      return read_unpaired_rows(path, options).skipped;
  }
  return {};
}

}  // namespace

// promise 15
TEST_CASE("Every kind of bad row has its line, byte and reason", "[data][rows]") {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "rows.jsonl";
  for (const Case& one : cases()) {
    INFO(one.what);
    const std::string first = std::string(good(one.kind)) + "\n";
    std::ofstream(path, std::ios::binary) << first << one.row << "\n" << first;
    const std::vector<BadRow> bad = bad_rows(path, one.kind);
    REQUIRE(bad.size() == 1);
    CHECK(bad.front().line == 2);
    CHECK(bad.front().column == one.column);
    CHECK(bad.front().offset == first.size() + (one.column > 0 ? one.column - 1 : 0));
    CHECK_THAT(bad.front().reason, contains(one.reason));
  }
}

// promise 15
TEST_CASE("Every bad row of an array on one line has its element and byte", "[data][rows]") {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "rows.json";
  for (const Case& one : cases()) {
    if (one.row.find_first_not_of(' ') == std::string::npos) continue;  // no element
    if (std::string(one.what) == "no JSON" || std::string(one.what) == "two values on a line")
      continue;  // other faults in an array
    INFO(one.what);
    const std::string first = "[" + std::string(good(one.kind)) + ", ";
    std::ofstream(path, std::ios::binary) << first << one.row << ", " << good(one.kind) << "]\n";
    const std::vector<BadRow> bad = bad_rows(path, one.kind);
    REQUIRE(bad.size() == 1);
    const std::uint64_t in_row = one.column > 0 ? one.column - 1 : 0;
    CHECK(bad.front().line == 1);
    CHECK(bad.front().offset == first.size() + in_row);
    CHECK(bad.front().column == first.size() + in_row + 1);
    CHECK(bad.front().reason.starts_with("element 2: "));
  }
  std::ofstream(path) << R"([{"text":"a"},{"text":" "}])";
  CHECK_THROWS_WITH(read_text_rows(path), contains("rows.json:1:15: element 2: \"text\" is empty"));
}

// promise 15
TEST_CASE("A torn file is told, in lines and in an array", "[data][rows]") {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "rows.json";
  const auto told = [&](const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    return bad_rows(path, Kind::text);
  };
  const std::vector<BadRow> lines = told("{\"text\":\"a\"}\n{\"text\":\"b");
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0].reason, contains("torn last line, the file ends inside a row"));
  CHECK(lines[0].offset == 13 + lines[0].column - 1);
  const std::vector<BadRow> element = told("[{\"text\":\"a\"},\n {\"text\":\"b");
  REQUIRE(element.size() == 2);
  CHECK(element[0].line == 2);
  CHECK(element[0].offset == 15 + element[0].column - 1);  // of the second line
  CHECK_THAT(element[0].reason, contains("torn last row, the file ends inside it"));
  for (const auto& [text, reason] : std::vector<std::pair<std::string, const char*>>{
           {"[{\"text\":\"a\"}", "torn file: it ends inside its array"},
           {"[{\"text\":\"a\"},]", "a comma before the array's closing bracket"},
           {"[{\"text\":\"a\"} {\"text\":\"b\"}]",
            "a comma or the array's closing bracket is missing"},
           {"[{\"text\":\"a\"}]\n{\"text\":\"b\"}", "text behind the array's closing bracket"}}) {
    INFO(text);
    const std::vector<BadRow> bad = told(text);
    REQUIRE(bad.size() == 1);
    CHECK(bad[0].reason == reason);
  }
}
