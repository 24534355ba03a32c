// SPDX-License-Identifier: MIT
// Schedules that a file sets and that no estimator behind them reads.
#include <algorithm>

#include "experiment/quiet_services.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/config/value.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

using config::Member;
using config::Value;

/// The `schedule` key that a table with a forward process gives, if it gives one.
const Member* schedule_of(const Value& table) {
  const Member* process = table.find("forward_process");
  return process && process->value.is_table() ? process->value.find("schedule") : nullptr;
}

struct Reading {
  const Registry& registry;
  const Services& services;
  bool is_shared_read = false;  // somebody reads the file's own [forward_process]
  std::vector<std::string> lines = {};

  void report(const Member& key, const std::string& who) {
    const std::string line =
        message(key.position.text(), ": schedule has no influence on ", who,
                "\n  with these options the estimator draws counts or shares, not times");
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }

  void add(const Stage& stage, const Value& table) {
    if (!stage.facts.scoring || stage.facts.scoring->estimators.empty()) return;
    const auto& estimators = stage.facts.scoring->estimators;
    const bool is_read = std::any_of(estimators.begin(), estimators.end(), [&](const auto& ref) {
      return registry.make<AnyScoreEstimator>(ref, services).reads_schedule();
    });
    const Member* own = schedule_of(table);
    if (own && !is_read)
      report(*own, message("stage \"", stage.name, "\" (", estimators.front().type(), ")"));
    if (!own && is_read) is_shared_read = true;
  }
};

}  // namespace

std::vector<std::string> unread_schedules(const LoadedExperiment& loaded,
                                          const Registry& registry) {
  MemoryManager memory;
  const Services services = quiet_services(registry, memory, Draws(0, "unread_schedules"));
  Reading reading{registry, services};
  for (std::size_t c = 0; c < loaded.cells.size(); ++c) {
    const Member* tables = loaded.cells[c].root.find("stage");
    const std::vector<Stage>& stages = loaded.experiments[c].stages;
    for (std::size_t s = 0; tables && s < stages.size(); ++s)
      reading.add(stages[s], tables->value.as_array()[s]);
  }
  const Member* shared = schedule_of(loaded.document.root);
  if (shared && !reading.is_shared_read) reading.report(*shared, "any stage");
  return std::move(reading.lines);
}

}  // namespace lldm
