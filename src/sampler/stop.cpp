// SPDX-License-Identifier: MIT
#include "lldm/sampler/stop.hpp"

#include <algorithm>

namespace lldm {

bool Stop::finish(std::span<std::int64_t> answer, std::int64_t mask) const {
  if (!is_on) return false;
  const auto open_or_end = std::ranges::find_if(
      answer, [&](std::int64_t token) { return token == mask || token == end_of_text; });
  if (open_or_end == answer.end() || *open_or_end == mask) return false;
  std::fill(open_or_end, answer.end(), end_of_text);
  return true;
}

}  // namespace lldm
