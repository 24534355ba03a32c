// SPDX-License-Identifier: MIT
// The file's max_hours: a stop like one that a user asks for.
#pragma once

#include <chrono>

#include "lldm/run/run.hpp"
#include "run/passing_observer.hpp"

namespace lldm {

/// Passes everything on, and asks to stop, and says so, when the hours are over.
class DeadlineObserver final : public PassingObserver {
 public:
  /// `hours` from now; 0: never.
  DeadlineObserver(RunObserver& inner, double hours, Logger& logger);

  bool should_stop() override;

 private:
  Logger& logger_;
  double hours_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  bool is_said_ = false;
};

}  // namespace lldm
