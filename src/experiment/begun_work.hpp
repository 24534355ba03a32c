// SPDX-License-Identifier: MIT
// Work of a run folder that was begun with another memory budget, another recomputation or, where
// it takes none, another adapter, and is the same work all the same.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "experiment/budget_range.hpp"
#include "experiment/folder_index.hpp"
#include "experiment/work_identity.hpp"

namespace lldm {

/// What a work's hash is made of, seed and inputs (name -> hash) included.
std::string identity_text(const WorkSettings& settings, std::int64_t seed,
                          const std::map<std::string, std::string>& inputs);

/// How far begun work may differ.
struct BegunWorkWanted {
  std::optional<ByteSize> budget = {};   // where the work goes by it: what a process has of it
  bool takes_adapter = true;             // so that another adapter makes other work
  bool compares_recomputations = false;  // on an axis: each is a run of its own
};

/// Where a file leaves the way of the steps open, the budget is part of a work's hash: which way it
/// leads to is known only when the rows are there.  From then on step_plan.json says for which
/// budgets the way is the same but for what changes no bit (recomputation), and by these the work
/// is found again.  So is work that was begun with another recomputation: what was settled holds;
/// and work that takes no adapter, of folders whose hashes held the file's all the same.
class BegunWork {
 public:
  explicit BegunWork(const FolderIndex& index) : index_(index) {}

  /// The hash under which this work lies in the folder; nothing if it was not begun there, or with
  /// a budget that leads to another way.
  [[nodiscard]] std::optional<std::string> hash_of(const WorkSettings& settings, std::int64_t seed,
                                                   const std::map<std::string, std::string>& inputs,
                                                   const BegunWorkWanted& wanted);

 private:
  struct Begun {
    std::string hash;
    WorkSettings settings;
    std::int64_t seed = 0;
    std::map<std::string, std::string> inputs;
    std::optional<BudgetRange> budgets;  // that lead to the same way
    bool is_done = false;
  };
  void read();
  void sort_by_identity();
  [[nodiscard]] std::string identity_of(const WorkSettings& settings, std::int64_t seed,
                                        std::map<std::string, std::string> inputs) const;
  [[nodiscard]] bool is_same(const Begun& begun, const WorkSettings& settings,
                             const BegunWorkWanted& wanted) const;

  const FolderIndex& index_;
  bool is_read_ = false, is_sorted_ = false;
  std::vector<Begun> begun_;                                     // finished ones first
  std::map<std::string, std::vector<std::size_t>> by_identity_;  // by what makes numbers
  std::map<std::string, std::string> stands_for_;  // of copies of one work: hash -> the first one's
};

}  // namespace lldm
