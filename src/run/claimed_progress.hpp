// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/stage/run_options.hpp"
#include "run/work_claim.hpp"

namespace lldm {

/// Passes progress on, and says it in the claim at most twice a second.
class ClaimedProgress final : public RunObserver {
 public:
  ClaimedProgress(RunObserver& inner, const WorkClaim& claim, std::string label)
      : inner_(inner), claim_(claim) {
    state_.label = std::move(label);
  }
  void begin(std::string_view label, std::string_view unit, std::int64_t done,
             std::int64_t total) override {
    inner_.begin(label, unit, done, total);
    state_.unit = std::string(unit);
    state_.done = done;
    state_.total = total;
    state_.metrics.clear();
    claim_.say(state_);
  }
  void progress(std::int64_t done,
                const std::vector<std::pair<std::string, double>>& metrics) override {
    inner_.progress(done, metrics);
    state_.done = done;
    if (!metrics.empty()) state_.metrics = metrics;
    const auto now = std::chrono::steady_clock::now();
    if (std::chrono::duration<double>(now - said_).count() < 0.5) return;
    said_ = now;
    claim_.say(state_);
  }
  void end() override { inner_.end(); }
  bool should_stop() override { return inner_.should_stop(); }

 private:
  RunObserver& inner_;
  const WorkClaim& claim_;
  ClaimState state_;
  std::chrono::steady_clock::time_point said_;
};

}  // namespace lldm
