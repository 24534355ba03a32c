// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace lldm {

/// Sequences given to models, counted one by one as they were run: a last batch that is not full
/// counts what it holds.
struct PassCounts {
  std::int64_t nominal = 0;    // copies that the estimator's options ask of the policy
  std::int64_t evaluated = 0;  // of these the policy saw; copies without queries are not evaluated
  /// Given to the policy besides: the second pass of `replay`, the steps of a path that the model
  /// walks itself.
  std::int64_t extra = 0;
  std::int64_t reference = 0;  // seen by the reference model; none where a store answers for it

  PassCounts& operator+=(const PassCounts& other) {
    nominal += other.nominal;
    evaluated += other.evaluated;
    extra += other.extra;
    reference += other.reference;
    return *this;
  }
  bool operator==(const PassCounts&) const = default;
};

}  // namespace lldm
