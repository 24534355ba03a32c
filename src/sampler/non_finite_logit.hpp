// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "lldm/errors.hpp"

namespace lldm {

/// The model gave a logit that is not a number, or +inf, for a prompt.
class NonFiniteLogit : public Error {
 public:
  explicit NonFiniteLogit(std::uint64_t row)
      : Error("sampler: the model returned a logit that is not a number"), row_(row) {}

  /// SampleRequest::row of the prompt.
  [[nodiscard]] std::uint64_t row() const { return row_; }

 private:
  std::uint64_t row_;
};

}  // namespace lldm
