// SPDX-License-Identifier: MIT
#include "run/check_tasks.hpp"

#include <set>
#include <type_traits>

#include "experiment/bound_data.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

/// Calls `make` with what the registry makes a stage's task of, if it has one.
template <class Make>
void with_task(const Stage& stage, const Registry& registry, const Make& make) {
  std::visit(
      [&](const auto& options) {
        using T = std::decay_t<decltype(options)>;
        if constexpr (std::is_same_v<T, TrainingStage>) {
          if (!options.data.find("generate")) return;
          config::Diagnostics reported;  // at load
          const BoundData data = bind_data(options.data, registry, reported, stage.name);
          if (!reported.has_errors()) make(data.task, config::to_toml(options.data));
        } else if constexpr (!std::is_same_v<T, StudyStage>) {
          if (!options.task.type().empty()) make(options.task, config::to_toml(options.task.table));
        }
      },
      stage.options);
}

}  // namespace

void check_tasks(const RunSchedule& schedule, const std::vector<bool>& needed,
                 const Registry& registry) {
  MemoryManager memory;
  std::set<std::string> known;
  std::string problems;
  for (std::size_t w = 0; w < schedule.work.size(); ++w) {
    const Work& work = schedule.work[w];
    if (!needed[w] || is_done(work)) continue;
    const Services services{.registry = registry,
                            .memory = memory,
                            .logger = null_logger(),
                            .draws = Draws(static_cast<std::uint64_t>(work.seed), work.stage),
                            .tokenizer = nullptr};
    with_task(schedule.stage_of(work), registry, [&](const auto& task, const std::string& table) {
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
