// SPDX-License-Identifier: MIT
#include "lldm/data/text.hpp"

#include <string>

#include "support/catch.hpp"

using lldm::ContentHash;
using lldm::trim_white_space;

TEST_CASE("trim_white_space removes what Python's strip removes", "[data][text]") {
  CHECK(trim_white_space(" \t\r\n\v\f a b \x1C\x1D\x1E\x1F") == "a b");
  for (const std::string space :
       {"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x8A", "\xE2\x80\xA8",
        "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"})
    CHECK(trim_white_space(space + "x" + space + space) == "x");
  CHECK(trim_white_space(" \xE3\x80\x80 ").empty());
}

TEST_CASE("trim_white_space keeps zero-width characters and broken bytes", "[data][text]") {
  for (const std::string kept : {"\xE2\x80\x8B", "\xEF\xBB\xBF", "\xE1\xA0\x8E", "\x80", "\xA0"})
    CHECK(trim_white_space(kept + "x" + kept) == kept + "x" + kept);
}

TEST_CASE("ContentHash depends on where parts begin", "[data][text]") {
  CHECK(ContentHash().add("ab").add("c").value() != ContentHash().add("a").add("bc").value());
  CHECK(ContentHash().add("").value() != ContentHash().value());
  CHECK(ContentHash().add("ab").value() == ContentHash().add("ab").value());
}
