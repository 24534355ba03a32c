// SPDX-License-Identifier: MIT
// What a stage gave up for memory, and which soft budgets it passed.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "lldm/memory/manager.hpp"
#include "lldm/stage/run_context.hpp"

namespace lldm {

/// Counted from its construction on.
class MemoryGiven {
 public:
  MemoryGiven(const MemoryManager& memory, std::string_view device);

  /// True at the first time of `what`: then it is said.
  bool add(std::string_view what, std::int64_t bytes);
  /// memory/reclaimed_WHAT and memory/passed_PURPOSE: how often, of those that were.
  void add_metrics(std::map<std::string, double>& metrics) const;
  /// memory_reclaimed and budgets_passed, where there is something.
  void add_result(Result& result) const;

 private:
  struct Given {
    std::int64_t times = 0, bytes = 0;
  };
  [[nodiscard]] std::map<std::string, std::int64_t> passed() const;

  const MemoryManager& memory_;
  MemoryDevice device_;
  std::array<std::int64_t, kMemoryPurposes> before_{};
  std::map<std::string, Given> given_;
};

/// Says that scoring does not fit and goes on in smaller passes: EngineOptions::on_smaller_passes.
std::function<void(std::int64_t tokens)> told_of_smaller_passes(const RunContext& run,
                                                                const Work& work);

}  // namespace lldm
