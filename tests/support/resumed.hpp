// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cstddef>
#include <vector>

#include "lldm/train/optimizer.hpp"

namespace lldm::testing {

/// Gives `to` the states of `from`, as a checkpoint would.
inline void resume(Optimizer& to, const Optimizer& from) {
  const c10::NoGradGuard no_grad;
  const std::vector<NamedParameter> theirs = from.state(), mine = to.state();
  for (std::size_t i = 0; i < mine.size(); ++i) at::Tensor(mine[i].value).copy_(theirs.at(i).value);
  to.resume_at(from.steps_done());
}

}  // namespace lldm::testing
