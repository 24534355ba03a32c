// SPDX-License-Identifier: MIT
// What an evaluate stage held of every item, and what two of them differ by.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lldm/eval/statistics.hpp"

namespace lldm {

/// Reads items.jsonl of rows (their key `items`, a path) once each.
class ReportItems {
 public:
  /// `metric` of every item by its id: accuracy, a metric of the task, preference_accuracy
  /// (_per_token; ties one half).  Null if the row holds no items or they lack it.
  const std::map<std::string, double>* of(const nlohmann::ordered_json& row,
                                          const std::string& metric);

  /// 95 % paired bootstrap interval of the mean difference (first minus second), over the items
  /// that both rows of every pair have; of several pairs (seeds) an item counts by its mean over
  /// them, so the interval is for these seeds and new items.  Nothing without such items.
  std::optional<Interval> paired_difference(
      const std::vector<std::pair<const nlohmann::ordered_json*, const nlohmann::ordered_json*>>&
          pairs,
      const std::string& metric);

 private:
  using ByMetric = std::map<std::string, std::map<std::string, double>>;
  std::map<std::string, ByMetric> files_;
  std::map<std::string, std::optional<Interval>> known_;
};

}  // namespace lldm
