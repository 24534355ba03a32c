// SPDX-License-Identifier: MIT
// Which keys of a file reach a stage, and what is said of the others.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lldm/config/diagnostics.hpp"
#include "lldm/experiment/experiment.hpp"
#include "lldm/experiment/grid.hpp"

namespace lldm {

/// The places of all keys in the tables that stages were bound with, over all cells.  A key keeps
/// its place while tables are laid on one another, so that a key of the file whose place is here
/// was read, and one whose place is not was overridden everywhere.
class KeyReadings {
 public:
  /// Every key of a stage's table as it was bound; `shared` are the default tables it took.
  void add(const config::Value& table, const std::set<std::string>& shared);
  [[nodiscard]] bool has(const config::Member& member) const;
  [[nodiscard]] bool is_used(const std::string& shared) const { return shared_.contains(shared); }

 private:
  std::set<config::Position> places_;
  std::set<std::string> shared_;
};

/// Whether a place is on the command line: what stands there is expected to have an effect.
bool is_override(const config::Position& position);

/// Tells the keys of default tables that every stage overrides: an error where they come from
/// --set, a warning where they stand in the file.
void tell_overridden(const std::vector<Cell>& cells, const std::vector<std::string>& tables,
                     const KeyReadings& readings, config::Diagnostics& diagnostics);

/// Checks a default table by itself, so that what every stage overrides is legal too: names of
/// keys, types, ranges, the component's own conditions.  Keys that are missing are the stages'.
void check_default_table(const std::string& key, const config::Value& table,
                         const Registry& registry, config::Diagnostics& diagnostics);

/// Errors for keys of [model] and [tokenizer] that nobody reads since the stages start from model
/// folders.
void check_model_tables(const Experiment& experiment, const config::Value& root,
                        config::Diagnostics& diagnostics);

/// Whether anything of the experiment reads [tokenizer], or a key of [model]: one that is not read
/// is an error in a file, so the resolved form leaves it out.
bool reads_tokenizer(const Experiment& experiment);
bool reads_model_key(const Experiment& experiment, const std::string& key);

/// Whether a training stage makes a new model (from is empty, and [model] names no folder).
bool makes_model(const Experiment& experiment);

/// The most tokens that [model] max_length leaves to a folder's model; 0: as many as it takes.  In
/// a file that makes a model the key is that model's size, and says nothing of folders.
std::int64_t length_limit(const Experiment& experiment);

}  // namespace lldm
