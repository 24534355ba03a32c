// SPDX-License-Identifier: MIT
#include "lldm/experiment/stage.hpp"

#include <nlohmann/json.hpp>

#include "lldm/experiment/stage_plan.hpp"

namespace lldm {

std::vector<std::string> StageFacts::all_inputs() const {
  std::vector<std::string> all = models;
  all.insert(all.end(), inputs.begin(), inputs.end());
  return all;
}

const StageRows* StageFacts::rows_at(std::string_view key) const {
  for (const StageRows& one : rows)
    if (one.key == key) return &one;
  return nullptr;
}

StageFacts AnyStageKind::facts(const void* options) const { return self_->facts(options); }

StagePlan AnyStageKind::plan(const void* options, const Experiment& experiment,
                             const Registry& registry) const {
  return self_->plan(options, experiment, registry);
}

nlohmann::ordered_json AnyStageKind::run(const void* options, const RunContext& context,
                                         const Work& work) const {
  return self_->run(options, context, work);
}

}  // namespace lldm
