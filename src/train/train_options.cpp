// SPDX-License-Identifier: MIT
#include "lldm/train/train_options.hpp"

#include <cmath>

#include "lldm/errors.hpp"

namespace lldm {

std::int64_t OptimizerOptions::row_limit(std::int64_t rows) const {
  return steps > 0 ? -1 : std::llround(epochs * static_cast<double>(rows));
}

std::int64_t OptimizerOptions::total_steps(std::int64_t rows) const {
  if ((steps > 0) == (epochs > 0))
    throw ConfigError(message("[optimizer] give either steps or epochs, got steps = ", steps,
                              " and epochs = ", epochs));
  if (steps > 0) return steps;
  const std::int64_t per_step = batch_size * accumulation;
  return (row_limit(rows) + per_step - 1) / per_step;
}

}  // namespace lldm
