// SPDX-License-Identifier: MIT
#include "lldm/sampler/remasking/random.hpp"

namespace lldm {

std::vector<double> RandomOrder::confidence(std::span<const Candidate> candidates,
                                            Stream& draws) const {
  std::vector<double> out(candidates.size());
  for (double& value : out) value = draws.uniform();
  return out;
}

}  // namespace lldm
