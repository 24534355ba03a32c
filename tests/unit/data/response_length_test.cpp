// SPDX-License-Identifier: MIT
#include "lldm/data/response_length.hpp"

#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct Options {
  ResponseLength response_length = {};
  static constexpr auto describe() {
    return std::tuple{field("response_length", &Options::response_length, "The canvas.")};
  }
};

/// The length that a table gives.
ResponseLength read(const std::string& toml, config::Diagnostics& diagnostics) {
  return config::read_options<Options>(tree(toml), diagnostics, "stage \"s\"").response_length;
}
ResponseLength read(const std::string& toml) {
  config::Diagnostics diagnostics;
  const ResponseLength length = read(toml, diagnostics);
  CHECK(error_text(diagnostics).empty());
  return length;
}

}  // namespace

TEST_CASE("ResponseLength: a number of tokens, or each answer's own", "[data][response_length]") {
  CHECK(read("").has_value() == false);
  CHECK(read("response_length = \"own\"").has_value() == false);
  CHECK(read("response_length = 7").value() == 7);
  CHECK(config::to_toml(*read("").write()) == "\"own\"");
  CHECK(config::to_toml(*read("response_length = 7").write()) == "7");
  CHECK(config::fields<Options>().front().type == "integer or \"own\"");
}

TEST_CASE("ResponseLength: what is neither is refused with what was seen",
          "[data][response_length]") {
  for (const auto& [given, seen] : {std::pair{"0", "the integer 0"},
                                    {"-3", "the integer -3"},
                                    {"2.5", "the number 2.5"},
                                    {"\"Own\"", "the string \"Own\""},
                                    {"true", "the boolean true"},
                                    {"[1]", "an array of 1"}}) {
    config::Diagnostics diagnostics;
    read(std::string("response_length = ") + given, diagnostics);
    CHECK(error_text(diagnostics) ==
          std::string("a.toml:1:19: stage \"s\": \"response_length\" is ") + seen +
              "\n  legal: \"own\", or a number of tokens from 1; default: \"own\"");
  }
}
