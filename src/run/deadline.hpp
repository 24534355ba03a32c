// SPDX-License-Identifier: MIT
// The file's max_hours: a stop like one that a user asks for.
#pragma once

#include <chrono>

#include "lldm/run/run.hpp"

namespace lldm {

/// Passes everything on, and asks to stop, and says so, when the hours are over.
class DeadlineObserver final : public RunObserver {
 public:
  /// `hours` from now; 0: never.
  DeadlineObserver(RunObserver& inner, double hours, Logger& logger);

  void begin(std::string_view label, std::string_view unit, std::int64_t done,
             std::int64_t total) override {
    inner_.begin(label, unit, done, total);
  }
  void progress(std::int64_t done,
                const std::vector<std::pair<std::string, double>>& metrics) override {
    inner_.progress(done, metrics);
  }
  void end() override { inner_.end(); }
  bool should_stop() override;

 private:
  RunObserver& inner_;
  Logger& logger_;
  double hours_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  bool is_said_ = false;
};

}  // namespace lldm
