// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lldm {

/// The last parts of a path, as many as tell it from the others: "beta" of "tuned.objective.beta".
std::string short_axis(const std::string& path, const std::vector<std::string>& others);

/// Names of what the axes of a grid vary, as short as they can be and still differ.
///
/// A component is its type, as a name too where others of the axis are tables; where an axis lists
/// a type twice, the keys that tell those apart follow: "monte_carlo_elbo draws=8".  Anything else
/// is "key=value".
class AxisLabels {
 public:
  /// From the rows and the work of a report.json.
  explicit AxisLabels(const nlohmann::ordered_json& report);

  /// ", full_trajectory, beta=0.1" for two axes; "" for none.
  [[nodiscard]] std::string of(const nlohmann::ordered_json& axes) const;

 private:
  [[nodiscard]] std::string of(const std::string& path, const nlohmann::ordered_json& value) const;

  std::map<std::string, std::vector<nlohmann::ordered_json>> values_;  // distinct, by axis
  std::vector<std::string> paths_;
};

}  // namespace lldm
