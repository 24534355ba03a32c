// SPDX-License-Identifier: MIT
#include "text/strict_json.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;

TEST_CASE("Strict JSON names file, path and what is wrong", "[data][strict_json]") {
  const std::string file = "f.json";
  const auto json =
      parse_strict_json(R"({"a": {"b": [1, "x", true, null, -1, 18446744073709551615]}})", file);
  const JsonView root(json, file);
  const JsonView list = root.at("a").at("b");
  CHECK(list.at(0).integer(0, 1) == 1);
  CHECK(list.at(1).text() == "x");
  CHECK(list.at(2).boolean());
  CHECK(list.at(3).is_null());
  CHECK_FALSE(root.find("c"));
  CHECK_THROWS_WITH(list.at(0).text(), "f.json: a.b[0]: must be a string, is number");
  CHECK_THROWS_WITH(list.at(1).integer(0, 9),
                    "f.json: a.b[1]: must be an integer from 0 to 9, is \"x\"");
  CHECK_THROWS_WITH(list.at(4).integer(0, 9),
                    "f.json: a.b[4]: must be an integer from 0 to 9, is -1");
  CHECK_THROWS_WITH(list.at(5).integer(0, 9),
                    "f.json: a.b[5]: must be an integer from 0 to 9, is 18446744073709551615");
  CHECK_THROWS_WITH(root.at("c"), "f.json: top level: the key \"c\" is missing or null");
  CHECK_THROWS_WITH(root.at("a").only_keys({"c", "d"}),
                    "f.json: a: has the key \"b\", which lldm does not implement\n  keys: c, d");
  CHECK_THROWS_WITH(list.only_keys({}), "f.json: a.b: must be an object, is array");
}

TEST_CASE("Strict JSON limits size and depth", "[data][strict_json]") {
  CHECK_NOTHROW(parse_strict_json("[[[]]]", "f", {.max_bytes = 6, .max_depth = 3}));
  CHECK_THROWS_WITH(parse_strict_json("[[[]]]", "f", {.max_bytes = 5, .max_depth = 3}),
                    "f: the file is larger than 5 bytes");
  CHECK_THROWS_AS(parse_strict_json("[[[]]]", "f", {.max_bytes = 6, .max_depth = 2}), DataError);
  CHECK_NOTHROW(parse_strict_json(R"([{"a": 1}, {"a": {"a": 2}}])", "f"));
  CHECK_THROWS_WITH(parse_strict_json(R"({"a": {"b": 1, "c": {}, "b": 2}})", "f"),
                    "f: a.b: the key appears twice");
}

TEST_CASE("Whole files are read within their limit", "[data][strict_json]") {
  const testing::TemporaryFolder folder;
  write_text_file(folder / "x", "12345");
  CHECK(read_text_file(folder / "x", 5) == "12345");
  CHECK_THROWS_AS(read_text_file(folder / "x", 4), DataError);
  CHECK_THROWS_AS(read_text_file(folder / "y"), DataError);
  CHECK_THROWS_AS(write_text_file(folder / "no/such", "x"), DataError);
}
