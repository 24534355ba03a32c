// SPDX-License-Identifier: MIT
#include "run/deadline.hpp"

#include "lldm/errors.hpp"

namespace lldm {

DeadlineObserver::DeadlineObserver(RunObserver& inner, double hours, Logger& logger)
    : PassingObserver(inner), logger_(logger), hours_(hours) {}

bool DeadlineObserver::should_stop() {
  if (PassingObserver::should_stop()) return true;
  if (hours_ <= 0) return false;
  const std::chrono::duration<double> run = std::chrono::steady_clock::now() - begin_;
  if (run.count() < 3600 * hours_) return false;
  if (!is_said_) logger_.info(message("max_hours = ", hours_, " are over: saving and stopping"));
  return is_said_ = true;
}

}  // namespace lldm
