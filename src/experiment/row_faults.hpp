// SPDX-License-Identifier: MIT
// Faults of many rows, told at once.
#pragma once

#include <cstddef>
#include <string>

namespace lldm {

/// A list of faults: the first ten are shown, all are counted.
class RowFaults {
 public:
  /// `why` may have lines of its own: they are kept where it is the only fault.
  void add(const std::string& place, const std::string& why);
  [[nodiscard]] std::size_t count() const { return count_; }
  /// "\n  PLACE: WHY" for each that is shown, then how many more there are.
  [[nodiscard]] std::string list() const;

 private:
  std::size_t count_ = 0;
  std::string first_, shown_;
};

}  // namespace lldm
