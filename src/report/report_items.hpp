// SPDX-License-Identifier: MIT
// What an evaluate stage held of every item, and what two of them differ by.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lldm/eval/statistics.hpp"
#include "report/row.hpp"
#include "report/spread.hpp"

namespace lldm {

/// Rows that are compared: each with the one it is held against, a seed after the other.
using RowPairs = std::vector<std::pair<const ReportRow*, const ReportRow*>>;

/// What the items say of a change.
struct ItemChange {
  std::optional<Interval> interval;  // 95 % paired bootstrap
  std::optional<PairedTest> test;
  std::string why;  // why there is no interval
};

/// Reads items.jsonl of rows once each.
class ReportItems {
 public:
  /// One value an item, by what tells the item from others: its id and what was asked.
  using Values = std::map<std::string, double>;

  /// `metric` of every item: accuracy, a metric of the task, preference_accuracy(_per_token; ties
  /// one half).  Null, and `why`, if the row holds no items, they cannot be read or lack it.
  const Values* of(const ReportRow& row, const std::string& metric, std::string& why);

  /// The mean difference (first minus second) over the items that both rows of every pair have: a
  /// paired bootstrap interval and an exact test.  Of several pairs (seeds) that asked the same
  /// items an item counts by its mean over them; of seeds that asked other items each is resampled
  /// by itself.  The interval is for these seeds and new items.
  ItemChange change(const RowPairs& pairs, const std::string& metric);

 private:
  struct File {
    std::map<std::string, Values> values;  // by metric
    std::string problem;                   // why it cannot be used
  };
  const File& file_of(const std::string& path);

  std::map<std::string, File> files_;
  std::map<std::string, ItemChange> known_;
};

}  // namespace lldm
