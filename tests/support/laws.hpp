// SPDX-License-Identifier: MIT
// The laws of the library as checks of a test.
#pragma once

#include <string>
#include <vector>

#include "lldm/laws/law.hpp"
#include "support/catch.hpp"

namespace lldm::testing {

/// Every law that concerns the component holds; how many that were.
inline int check_laws(const std::string& component, const std::vector<laws::Law>& list) {
  int held = 0;
  for (const laws::Law& law : list) {
    const laws::LawResult result = laws::check_law(law);
    INFO(laws::line_of(component, result));
    CHECK(result.finding.outcome != laws::Outcome::fails);
    held += result.finding.outcome == laws::Outcome::holds ? 1 : 0;
  }
  return held;
}

/// The names of the laws that a component breaks.
inline std::vector<std::string> broken_laws(const std::vector<laws::Law>& list) {
  std::vector<std::string> broken;
  for (const laws::Law& law : list)
    if (laws::check_law(law).finding.outcome == laws::Outcome::fails) broken.push_back(law.name);
  return broken;
}

}  // namespace lldm::testing
