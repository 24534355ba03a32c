// SPDX-License-Identifier: MIT
// What can be known to fail before anything is trained: check_fit of run.hpp.

#include <algorithm>
#include <array>

#include "experiment/input_checks.hpp"
#include "experiment/size_checks.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/stage_fit.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/services.hpp"
#include "run/row_form.hpp"
#include "run/sampler_canvas.hpp"
#include "run/scoring_fit.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Member;
using config::Position;

/// Canvases that leave no room for a prompt, for each of the models that they are used with.
void check_canvases(const Stage& stage, const StageFit& fit) {
  if (!stage.facts.sampled.empty())
    fit.tries("sampler", [&] {
      if (const auto canvas = sampler_canvas(stage.resolved, fit.services))
        for (const std::string& model : stage.facts.sampled)
          fit.check_canvas("sampler", *canvas, model);
    });
  if (!stage.facts.scoring) return;
  std::vector<std::string> models = stage.facts.models;
  if (models.empty()) models.push_back(stage.facts.from);
  for (const std::string& model : models)
    fit.check_canvas("response_length", stage.facts.scoring->response_length, model);
}

/// Stages that are named for what they do not make.
void check_products(const Stage& stage, const StageFit& fit) {
  const StageFacts& facts = stage.facts;
  fit.require_model("from", facts.from);
  for (const std::string& model : facts.models) fit.require_model("models", model);
  for (const std::string& model : facts.sampled)
    if (model != facts.from && std::ranges::find(facts.models, model) == facts.models.end())
      fit.require_model("from", model);
  for (const StageRows& rows : facts.rows) fit.check_rows(rows);
}

void check_device(const LoadedExperiment& loaded, Diagnostics& diagnostics) {
  static const std::array<std::string, 4> devices = {"cpu", "cuda", "cuda:0", "auto"};
  const std::string& device = loaded.experiments.front().options.device;
  if (device_kind(device) == "cuda" || device == "cpu" || device == "auto") return;
  const Member* member = loaded.document.root.find("device");
  diagnostics.error(member ? member->position : Position(),
                    message("the file: no device is named \"", device, "\""),
                    config::did_you_mean(device, devices, "devices"));
}

}  // namespace

std::vector<std::string> check_fit(const LoadedExperiment& loaded, const Registry& registry) {
  Diagnostics diagnostics;
  const Services services{registry, Draws(0, "preflight")};
  check_device(loaded, diagnostics);
  ScoringFit scoring;
  RowCounts counts(registry, services);
  for (std::size_t c = 0; c < loaded.cells.size(); ++c) {
    const Member* tables = loaded.cells[c].root.find("stage");
    const Experiment& experiment = loaded.experiments[c];
    check_sizes(experiment, loaded.cells[c].root, registry, SizeLimit::any_machine, diagnostics);
    scoring.begin_cell();
    for (std::size_t s = 0; s < experiment.stages.size(); ++s) {
      const Stage& stage = experiment.stages[s];
      StageFit fit(experiment, stage, tables ? &tables->value.as_array()[s] : nullptr, registry,
                   services, diagnostics);
      check_products(stage, fit);
      check_canvases(stage, fit);
      scoring.check(fit);
      stage.kind.check(stage.options.get(), fit);
      // Rows that cannot be read at all are told as such, where files are looked at.
      if (const std::string problem = counts.problem(experiment, stage.facts);
          !problem.empty() && row_form_problem(stage, stage.facts.rows.front()).empty())
        fit.error(problem.starts_with("epochs") ? "optimizer" : "validation_rows", problem);
    }
  }
  diagnostics.throw_if_any();
  return scoring.notes(loaded.document.root);
}

}  // namespace lldm
