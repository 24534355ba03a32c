// SPDX-License-Identifier: MIT
#include "stage/training_memory.hpp"

#include "lldm/distributed/process_group.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/storage/files.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

constexpr const char* kStepPlanName = "step_plan.json";

template <class E>
std::string name_of(E value) {
  for (const auto& choice : choices(std::type_identity<E>{}))
    if (choice.value == value) return std::string(choice.name);
  return "?";
}

template <class E>
E value_of(const std::string& name) {
  for (const auto& choice : choices(std::type_identity<E>{}))
    if (choice.name == name) return choice.value;
  throw DataError(message("\"", name, "\" is no choice"));
}

/// What an earlier process of the same work settled, of what the file leaves open.
void recall(const std::filesystem::path& file, StepAsked& asked, std::int64_t& copies) {
  if (!std::filesystem::exists(file)) return;
  with_json_errors(file.string(), [&] {
    const auto json = parse_json(read_file(file), file.string());
    asked.path = value_of<GradientPath>(json.at("gradient_path").get<std::string>());
    asked.recomputation = value_of<Recomputation>(json.at("recomputation").get<std::string>());
    asked.max_tokens_per_forward = json_integer(json.at("max_tokens_per_forward"));
    copies = json_integer(json.at("pairwise_copies"));
  });
}

void keep(const std::filesystem::path& file, const ChosenStep& chosen) {
  const StepSettings& settings = chosen.plan.settings;
  const nlohmann::ordered_json json = {{"gradient_path", to_string(settings.path)},
                                       {"recomputation", name_of(chosen.recomputation)},
                                       {"max_tokens_per_forward", settings.max_tokens_per_forward},
                                       {"pairwise_copies", settings.pairwise_copies},
                                       {"predicted_peak_bytes", chosen.plan.memory.peak_bytes()}};
  write_file_atomically(file, json.dump(2) + "\n");
}

}  // namespace

std::int64_t num_trained(const Model& model) {
  std::int64_t count = 0;
  for (const NamedParameter& parameter : model.parameters())
    if (parameter.value.requires_grad()) count += parameter.value.numel();
  return count;
}

DeviceProfile profile_of(const ExperimentOptions& options, const std::string& device) {
  const std::string& named = options.memory.profile;
  return find_profile(!named.empty() ? named : device == "cuda" ? "h100" : "cpu");
}

std::string TrainingPlan::advice(const TrainingStage& stage) const {
  return advice_text(model, sizes, needs, chosen, stage);
}

TrainingPlan plan_training(const RunContext& run, const Work& work, const TrainingStage& stage,
                           const PreparedTraining& prepared) {
  const ExperimentOptions& options = run.experiment(work).options;
  const Model& net = *prepared.bundle.model;
  const std::string device = device_kind(run.device);
  TrainingPlan plan;
  plan.needs = prepared.needs;
  std::vector<std::vector<std::int64_t>> sizes;
  for (const NamedParameter& parameter : net.parameters())
    if (parameter.value.requires_grad()) sizes.push_back(parameter.value.sizes().vec());
  plan.model = step_model(
      options, stage,
      {.shape = net.shape(),
       .adapter_values = net.has_adapter() ? num_trained(net) : 0,
       .trained_sizes = std::move(sizes),
       .has_reference = prepared.setup.reference != nullptr,
       .publishes_sums = prepared.is_published && net.has_adapter() && !prepared.bundle.base},
      device);
  plan.sizes = sizes_of_rows(
      {prepared.estimator, prepared.process, prepared.needs, stage.optimizer}, prepared.setup);
  const std::filesystem::path file = work.folder / kStepPlanName;
  StepAsked asked{stage.gradient_path, stage.max_tokens_per_forward, options.model.recomputation};
  std::int64_t copies = 0;
  recall(file, asked, copies);
  plan.chosen =
      choose_step(plan.model, plan.sizes, plan.needs, prepared.estimator.target(1).combination,
                  asked, profile_of(options, device), options.memory.budget);
  plan.model.pass.recomputation = plan.chosen.recomputation;
  if (copies > 0 && copies != plan.chosen.plan.settings.pairwise_copies) {
    StepSettings settings = plan.chosen.plan.settings;
    settings.pairwise_copies = copies;
    plan.chosen.plan =
        plan_step(plan.model, plan.sizes, plan.needs, settings, options.memory.budget);
  }
  if (!plan.chosen.plan.memory.fits()) plan.chosen.plan.memory.require_fit(plan.advice(stage));
  if (!run.options.group || run.options.group->is_first()) keep(file, plan.chosen);
  return plan;
}

void obey(const ChosenStep& chosen, PreparedTraining& prepared) {
  const StepSettings& settings = chosen.plan.settings;
  prepared.setup.path = settings.path;
  prepared.setup.engine.max_tokens_per_forward = settings.max_tokens_per_forward;
  prepared.setup.engine.pairwise_copies = settings.pairwise_copies;
  prepared.bundle.model->set_recomputation(chosen.recomputation);
}

}  // namespace lldm
