// SPDX-License-Identifier: MIT
// What a concept promises, as checks that say what they saw: shared by the tests and by
// `lldm plugin check`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lldm::laws {

enum class Outcome : std::uint8_t { holds, fails, unchecked };

/// What the check of a law saw, and where it fails what would be right.
struct Finding {
  Outcome outcome = Outcome::holds;
  std::string seen = {};
  std::string right = {};
};

[[nodiscard]] inline Finding holds(std::string seen) { return {Outcome::holds, std::move(seen)}; }
[[nodiscard]] inline Finding fails(std::string seen, std::string right) {
  return {Outcome::fails, std::move(seen), std::move(right)};
}
/// For a law that does not concern this component, or that cannot be judged from outside.
[[nodiscard]] inline Finding unchecked(std::string why) {
  return {Outcome::unchecked, std::move(why)};
}

/// One law of one component: what it says, and how it is checked.
struct Law {
  std::string name;
  std::function<Finding()> check;
};

struct LawResult {
  std::string law;
  Finding finding;
};

/// Checks a law; whatever the component throws is a failure.
[[nodiscard]] LawResult check_law(const Law& law);

/// One line: `FAIL  objective "x": the slope is that of the loss: ... ; right: ...`.
[[nodiscard]] std::string line_of(const std::string& component, const LawResult& result);

/// The largest of the numbers seen, and where.
class Largest {
 public:
  void see(double value, const std::function<std::string()>& where);
  /// Holds if nothing above `allowed` (and no NaN) was seen.
  [[nodiscard]] Finding at_most(double allowed, const std::string& what,
                                const std::string& right) const;

 private:
  double value_ = 0;
  std::string where_;
};

}  // namespace lldm::laws
