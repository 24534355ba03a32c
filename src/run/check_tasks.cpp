// SPDX-License-Identifier: MIT
#include "run/check_tasks.hpp"

#include <set>

#include "lldm/concepts/any_task.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

/// Calls `make` with what the registry makes each task of a stage of.
template <class Make>
void with_tasks(const Stage& stage, const Make& make) {
  for (const StageRows& rows : stage.facts.rows)
    if (rows.data.is_generated()) make(rows.data.task, config::to_toml(rows.data.resolved));
  for (const StageItems& items : stage.facts.items)
    make(items.task, config::to_toml(items.task.table));
}

}  // namespace

void check_tasks(const RunSchedule& schedule, const std::vector<bool>& needed,
                 const Registry& registry) {
  std::set<std::string> known;
  std::string problems;
  for (std::size_t w = 0; w < schedule.work.size(); ++w) {
    const Work& work = schedule.work[w];
    if (!needed[w] || is_done(work)) continue;
    const Services services{registry, Draws(static_cast<std::uint64_t>(work.seed), work.stage)};
    with_tasks(schedule.stage_of(work), [&](const auto& task, const std::string& table) {
      if (!known.insert(work.stage + table).second) return;
      try {
        static_cast<void>(registry.make<AnyTask>(task, services));
      } catch (const ConfigError& error) {
        problems +=
            message(problems.empty() ? "" : "\n", "stage \"", work.stage, "\": ", error.what());
      } catch (const DataError& error) {
        problems +=
            message(problems.empty() ? "" : "\n", "stage \"", work.stage, "\": ", error.what());
      }
    });
  }
  if (!problems.empty()) throw ConfigError(problems);
}

}  // namespace lldm
