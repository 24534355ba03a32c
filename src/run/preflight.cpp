// SPDX-License-Identifier: MIT
// What can be known to fail before anything is trained: check_fit of run.hpp.

#include <algorithm>
#include <array>

#include "experiment/input_checks.hpp"
#include "experiment/quiet_services.hpp"
#include "experiment/size_checks.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/stage_fit.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/services.hpp"
#include "run/process_fit.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Member;
using config::Position;

/// The canvas of the stage's sampler, for each of the models that it samples from.
void check_sampler(const Stage& stage, const StageFit& fit) {
  const Member* sampler = stage.resolved.find("sampler");
  const Member* length = sampler ? sampler->value.find("response_length") : nullptr;
  if (!length) return;
  for (const std::string& model : stage.facts.sampled)
    fit.check_canvas("sampler", length->value, model);
}

void check_stage_fit(const LoadedExperiment& loaded, const Registry& registry,
                     Diagnostics& diagnostics) {
  MemoryManager memory;
  const Services services = quiet_services(registry, memory, Draws(0, "preflight"));
  static const std::array<std::string, 3> devices = {"cpu", "cuda", "auto"};
  const ExperimentOptions& file = loaded.experiments.front().options;
  if (std::find(devices.begin(), devices.end(), file.device) == devices.end()) {
    const Member* member = loaded.document.root.find("device");
    diagnostics.error(member ? member->position : Position(),
                      message("the file: no device is named \"", file.device, "\""),
                      config::did_you_mean(file.device, devices, "devices"));
  }
  RowCounts counts(registry, services);
  for (std::size_t c = 0; c < loaded.cells.size(); ++c) {
    const Member* tables = loaded.cells[c].root.find("stage");
    const Experiment& experiment = loaded.experiments[c];
    check_sizes(experiment, loaded.cells[c].root, registry, SizeLimit::any_machine, diagnostics);
    check_process_fit(experiment, tables ? &tables->value : nullptr, registry, diagnostics);
    for (std::size_t s = 0; s < experiment.stages.size(); ++s) {
      const Stage& stage = experiment.stages[s];
      StageFit fit(experiment, stage, tables ? &tables->value.as_array()[s] : nullptr, registry,
                   services, diagnostics);
      check_sampler(stage, fit);
      stage.kind.check(stage.options.get(), fit);
      if (const std::string problem = counts.problem(stage.facts); !problem.empty())
        fit.error(problem.starts_with("epochs") ? "optimizer" : "validation_rows", problem);
    }
  }
}

}  // namespace

void check_fit(const LoadedExperiment& loaded, const Registry& registry) {
  Diagnostics diagnostics;
  check_stage_fit(loaded, registry, diagnostics);
  diagnostics.throw_if_any();
}

}  // namespace lldm
