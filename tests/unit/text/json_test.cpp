// SPDX-License-Identifier: MIT
#include "text/json.hpp"

#include <sys/stat.h>

#include <chrono>

#include "storage/input_file.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::contains;

namespace {

std::string error_of(const std::string& text, const JsonLimits& limits = {}) {
  try {
    static_cast<void>(parse_json(text, "f", limits));
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("A JSON view names file, path and what is wrong", "[text][json]") {
  const std::string file = "f.json";
  const auto json =
      parse_json(R"({"a": {"b": [1, "x", true, null, -1, 18446744073709551615, 1.5]}})", file);
  const JsonView root(json, file);
  const JsonView list = root.at("a").at("b");
  CHECK(list.at(0).integer(0, 1) == 1);
  CHECK(list.at(1).text() == "x");
  CHECK(list.at(2).boolean());
  CHECK(list.at(3).is_null());
  CHECK(list.at(6).real() == 1.5);
  CHECK_FALSE(root.find("c"));
  CHECK_THROWS_WITH(list.at(0).text(), "f.json: a.b[0]: must be a string, is number");
  CHECK_THROWS_WITH(list.at(1).integer(0, 9),
                    "f.json: a.b[1]: must be an integer from 0 to 9, is \"x\"");
  CHECK_THROWS_WITH(list.at(1).real(), "f.json: a.b[1]: must be a number, is string");
  CHECK_THROWS_WITH(list.at(4).integer(0, 9),
                    "f.json: a.b[4]: must be an integer from 0 to 9, is -1");
  CHECK_THROWS_WITH(list.at(5).integer(0, 9),
                    "f.json: a.b[5]: must be an integer from 0 to 9, is 18446744073709551615");
  CHECK_THROWS_WITH(list.at(6).integer(0, 9),
                    "f.json: a.b[6]: must be an integer from 0 to 9, is 1.5");
  CHECK_THROWS_WITH(root.at("c"), "f.json: top level: the key \"c\" is missing or null");
  CHECK_THROWS_WITH(root.at("a").only_keys({"c", "d"}),
                    "f.json: a: has the key \"b\", which lldm does not implement\n  keys: c, d");
  CHECK_THROWS_WITH(list.only_keys({}), "f.json: a.b: must be an object, is array");
}

TEST_CASE("Every JSON error begins with line and column", "[text][json]") {
  CHECK(error_of("{\"a\": 1,\n \"b\": x}") ==
        "f:2:7: not JSON: invalid literal; last read: '\"b\": x'");
  CHECK(error_of("{\"a\": {\"b\": 1, \"c\": {},\n \"b\": 2}}") ==
        "f:2:4: key \"b\" twice, in \"a\"");
  CHECK(error_of("{\"b\": 1, \"b\": 2}") == "f:1:12: key \"b\" twice");
  CHECK_THAT(error_of("[1, 2"), contains("f:1:5: not JSON: unexpected end of input"));
  CHECK_THAT(error_of(""), contains("f:1:1: not JSON: unexpected end of input"));
  CHECK_THAT(error_of("{} x"), contains("f:1:4: not JSON: invalid literal"));
  CHECK_THAT(error_of("[1e400]"), contains("f:1:6: not JSON: number overflow parsing '1e400'"));
  CHECK_THAT(error_of("[NaN]"), contains("f:1:2: not JSON"));
  CHECK_THAT(error_of("// x\n{}"), contains("f:1:1: not JSON"));
  CHECK_THAT(error_of(R"(["\ud800"])"), contains("not JSON"));
  CHECK(error_of("[\n\"\xFF\"]") == "f:2:2: invalid UTF-8");
  CHECK(error_of("\xEF\xBB\xBF{}") == "f:1:1: starts with a byte order mark; JSON is plain UTF-8");
  CHECK(error_of(std::string("[1]\0", 4)) == "f:1:4: NUL byte");
  CHECK(error_of("[\"" + std::string(100000, 'x') + "\\q\"]").size() < 300);
}

TEST_CASE("JSON is read within its limits", "[text][json]") {
  CHECK(error_of("[[[]]]", {.max_bytes = 6, .max_depth = 3}).empty());
  CHECK(error_of("[[[]]]", {.max_bytes = 5, .max_depth = 3}) ==
        "f: the file is larger than 5 bytes");
  CHECK(error_of("[[[]]]", {.max_bytes = 6, .max_depth = 2}) ==
        "f:1:3: nested deeper than 2 levels");
  CHECK(error_of("[1,2,3]", {.max_values = 3}) ==
        "f:1:7: holds more than 3 values, the limit here");
  CHECK(error_of(R"([{"a": 1}, {"a": {"a": 2}}])").empty());
  CHECK(error_of(std::string(1'000'000, '[')) == "f:1:65: nested deeper than 64 levels");
}

TEST_CASE("Objects keep what they hold, in either order", "[text][json]") {
  const std::string text = R"({"b":[1,{"x":null}],"a":"t","c":{"z":-1,"y":2.5,"x":true}})";
  CHECK(parse_json(text, "f") == nlohmann::json::parse(text));
  CHECK(parse_ordered_json(text, "f").dump() == text);
  CHECK(parse_json("3", "f") == 3);
}

// A tree built with nlohmann's own callback takes quadratic time here: minutes.
TEST_CASE("An object of 200,000 members takes linear time", "[text][json]") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += message(i > 0 ? "," : "", "\"key", i, "\":{\"v\":1}");
  text += "}";
  const auto begin = std::chrono::steady_clock::now();
  CHECK(parse_json(text, "f").size() == 200'000);
  CHECK(parse_ordered_json(text, "f").size() == 200'000);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("Files of other kinds are named for what they are", "[text][json]") {
  CHECK_THAT(error_of("\x1f\x8b\x08"), contains("is compressed with gzip\n  unpack it first"));
  CHECK_THAT(error_of(std::string("\xff\xfe{\0}\0", 6)), contains("is UTF-16\n"));
  CHECK_THAT(error_of(std::string("{\0}\0", 4)), contains("iconv -f UTF-16LE -t UTF-8"));
  CHECK_THAT(error_of(std::string("\0{\0}", 4)), contains("iconv -f UTF-16BE -t UTF-8"));
  CHECK_THAT(error_of("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
             contains("is a Git LFS pointer, not the file itself\n  fetch the file: git lfs pull"));
  CHECK_THAT(error_of("PK\x03\x04zip"), contains("is a zip archive"));
  CHECK_THAT(error_of("\x80\x02}q\x01"), contains("is a Python pickle"));
  CHECK_THAT(error_of("\n<!DOCTYPE html>"), contains("is a web page"));
}

TEST_CASE("A missing key or another type is told with the file", "[text][json]") {
  const auto json = parse_json(R"({"a": "x"})", "f");
  CHECK_THROWS_WITH(with_json_errors("r.json", [&] { return json.at("a").get<int>(); }),
                    contains("r.json: not as lldm writes it: type must be number"));
  CHECK_THROWS_AS(with_json_errors("r.json", [&] { return json.at("b").get<int>(); }), DataError);
  CHECK(with_json_errors("r.json", [&] { return json.at("a").get<std::string>(); }) == "x");
  for (const char* bad : {"1e300", "9223372036854775808", "1.0", "\"1\"", "null", "[]"})
    CHECK_THROWS_WITH(
        with_json_errors("r.json", [&] { return json_integer(parse_json(bad, "f")); }),
        contains("r.json: not as lldm writes it: an integer was expected, not "));
  CHECK(json_integer(parse_json("9223372036854775807", "f")) == INT64_MAX);
  CHECK(json_integer(parse_json("-9223372036854775808", "f")) == INT64_MIN);
}
