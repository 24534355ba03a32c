// SPDX-License-Identifier: MIT
// How a run is asked for and watched: what every stage is given beside its own settings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lldm {

/// Who watches a run: progress, and whether it should stop.  All calls come from the running
/// thread.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  /// A piece of work begins; `total` 0: not known.
  virtual void begin(std::string_view /*label*/, std::string_view /*unit*/, std::int64_t /*done*/,
                     std::int64_t /*total*/) {}
  virtual void progress(std::int64_t /*done*/,
                        const std::vector<std::pair<std::string, double>>& /*metrics*/) {}
  virtual void end() {}
  virtual bool should_stop() { return false; }
};

struct RunOptions {
  std::filesystem::path out;
  std::string stage = "all";        // a stage's name: that stage and what it needs
  std::filesystem::path resume;     // a checkpoint folder to go on from, instead of the newest one
  bool is_fresh = false;            // remove what an earlier run of this file left in `out`
  bool retries_failed = true;       // a grid's work that is recorded as failed is tried again
  RunObserver* observer = nullptr;  // never null inside a run
};

}  // namespace lldm
