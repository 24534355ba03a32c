// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "lldm/stage/run_options.hpp"

namespace lldm {

/// Passes everything on; those below it add a reason to stop.
class PassingObserver : public RunObserver {
 public:
  explicit PassingObserver(RunObserver& inner) : inner_(inner) {}

  void begin(std::string_view label, std::string_view unit, std::int64_t done,
             std::int64_t total) override {
    inner_.begin(label, unit, done, total);
  }
  void progress(std::int64_t done,
                const std::vector<std::pair<std::string, double>>& metrics) override {
    inner_.progress(done, metrics);
  }
  void end() override { inner_.end(); }
  bool should_stop() override { return inner_.should_stop(); }

 private:
  RunObserver& inner_;
};

}  // namespace lldm
