// SPDX-License-Identifier: MIT
// The reader that the tests of plots trust.
#include "support/xml_check.hpp"

#include <stdexcept>

#include "support/catch.hpp"

using namespace lldm::testing;

TEST_CASE("The XML reader of these tests refuses what is not well-formed",
          "[experiment][svg_plot]") {
  for (const char* bad : {"", "<a>", "<a></b>", "<a b=c/>", "<a b=\"1\" b=\"2\"/>", "<a>&x;</a>",
                          "<a/><b/>", "<a b=\"<\"/>", "x", "<a>\x01</a>"})
    CHECK_THROWS_AS(XmlReader(bad).read(), std::runtime_error);
}
