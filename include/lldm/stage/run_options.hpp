// SPDX-License-Identifier: MIT
// How a run is asked for and watched: what every stage is given beside its own settings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lldm {

class ProcessGroup;

/// What a run finds when it opens its folder.
struct ReusedWork {
  std::size_t reused = 0;      // finished work that the file asks for
  std::size_t from_store = 0;  // of it: taken from the store just now
  std::size_t to_do = 0;
  std::size_t others = 0;  // work of cells or stages that the file no longer has: it stays
};

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
  /// The folder is taken: what was found finished there (or in the store), and what is left.
  virtual void opened(const ReusedWork& /*work*/) {}
};

struct RunOptions {
  std::filesystem::path out = {};
  std::string stage = "all";          // a stage's name: that stage and what it needs
  std::filesystem::path resume = {};  // go on from this checkpoint folder, not the newest one
  bool strict_resume = false;         // a damaged or missing newest checkpoint is an error
  bool is_fresh = false;              // remove what an earlier run of this file left in `out`
  std::filesystem::path store = {};   // finished work is taken from here and kept here; "": none
  /// A stage that starts from an earlier one's model starts from one drawn afresh, of the shape
  /// that [model] says: what a step costs does not depend on the numbers in it.
  bool draws_inputs = false;
  bool retries_failed = true;       // a grid's work that is recorded as failed is tried again
  RunObserver* observer = nullptr;  // never null inside a run
  /// The processes that do the run together; null: this one alone.  All are given the same file and
  /// options; rank 0 alone writes.
  std::shared_ptr<ProcessGroup> group = nullptr;
};

}  // namespace lldm
