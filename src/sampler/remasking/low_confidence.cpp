// SPDX-License-Identifier: MIT
#include "lldm/sampler/remasking/low_confidence.hpp"

#include <algorithm>

namespace lldm {

std::vector<double> LowConfidence::confidence(std::span<const Candidate> candidates,
                                              Stream& /*draws*/) const {
  std::vector<double> out(candidates.size());
  std::ranges::transform(candidates, out.begin(), &Candidate::probability);
  return out;
}

}  // namespace lldm
