// SPDX-License-Identifier: MIT
#include "experiment/row_faults.hpp"

#include "lldm/errors.hpp"

namespace lldm {
namespace {
constexpr std::size_t kMostListed = 10;
}

void RowFaults::add(const std::string& place, const std::string& why) {
  if (++count_ == 1) first_ = message("\n  ", place, ": ", why);
  if (count_ <= kMostListed) shown_ += message("\n  ", place, ": ", why.substr(0, why.find('\n')));
}

std::string RowFaults::list() const {
  if (count_ == 1) return first_;
  return count_ <= kMostListed ? shown_
                               : shown_ + message("\n  and ", count_ - kMostListed, " more");
}

}  // namespace lldm
