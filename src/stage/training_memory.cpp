// SPDX-License-Identifier: MIT
#include "stage/training_memory.hpp"

#include <algorithm>
#include <optional>

#include "config/choice_name.hpp"
#include "experiment/budget_range.hpp"
#include "experiment/settled_steps.hpp"
#include "experiment/work_identity.hpp"
#include "lldm/distributed/process_group.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/storage/files.hpp"
#include "model/block_parts.hpp"
#include "model/device_products.hpp"
#include "stage/budget_share.hpp"
#include "stage/choose_step.hpp"
#include "stage/host_memory.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

template <class E>
E value_of(const char* key, const nlohmann::ordered_json& json) {
  const auto name = json.at(key).get<std::string>();
  std::string known;
  for (const auto& choice : choices(std::type_identity<E>{})) {
    if (choice.name == name) return choice.value;
    known += (known.empty() ? "" : ", ") + std::string(choice.name);
  }
  throw JsonValueError(message(key, " is \"", name, "\": must be one of ", known));
}

/// What an earlier process of the same work settled.
struct Recalled {
  Recomputation recomputation = Recomputation::automatic;
  std::optional<BudgetRange> budgets = {};
};

/// Puts it into what is `asked`, but for a recomputation that the file names, which changes no bit;
/// nothing where there was none.
std::optional<Recalled> recall(const std::filesystem::path& file, StepAsked& asked) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  Recalled recalled;
  const auto read = [&] {
    const auto json = parse_json(read_file(file), file.string());
    asked.path = value_of<GradientPath>("gradient_path", json);
    recalled.recomputation = value_of<Recomputation>("recomputation", json);
    asked.max_tokens_per_forward = json_integer(json.at("max_tokens_per_forward"));
    asked.pairwise_copies = json_integer(json.at("pairwise_copies"));
    asked.head_rows = json.contains("head_rows") ? json_integer(json.at("head_rows")) : 0;
    constexpr std::int64_t kMostTokens = 1 << 26, kMostCopies = 1 << 20;  // as of `settled`
    const std::int64_t tokens = asked.max_tokens_per_forward, copies = asked.pairwise_copies;
    if (tokens < 1 || tokens > kMostTokens || copies < 1 || copies > kMostCopies)
      throw JsonValueError(message("max_tokens_per_forward and pairwise_copies must be in [1, ",
                                   kMostTokens, "] and [1, ", kMostCopies, "], got ", tokens,
                                   " and ", copies));
    if (asked.head_rows < 0 || asked.head_rows > kMostTokens)
      throw JsonValueError(
          message("head_rows must be in [0, ", kMostTokens, "], got ", asked.head_rows));
    if (json.contains("same_budgets")) recalled.budgets = budget_range_of(json.at("same_budgets"));
  };
  try {
    with_json_errors(file.string(), read);
  } catch (const DataError& error) {
    throw DataError(message(error.what(),
                            "\n  how the stage's steps are done stands there: without the file it "
                            "is chosen anew"));
  }
  if (asked.recomputation == Recomputation::automatic) asked.recomputation = recalled.recomputation;
  return recalled;
}

void keep(const std::filesystem::path& file, const ChosenStep& chosen,
          const std::optional<BudgetRange>& budgets) {
  const StepSettings& settings = chosen.plan.settings;
  nlohmann::ordered_json json = {{"gradient_path", to_string(settings.path)},
                                 {"recomputation", config::choice_name(chosen.recomputation)},
                                 {"max_tokens_per_forward", settings.max_tokens_per_forward},
                                 {"pairwise_copies", settings.pairwise_copies},
                                 {"head_rows", settings.head_rows},
                                 {"predicted_peak_bytes", chosen.plan.memory.peak_bytes()}};
  if (budgets) json["same_budgets"] = to_json(*budgets);
  write_file_atomically(file, json.dump(2) + "\n");
}

/// Whether work was begun with another [memory] budget, and is found by what its steps are alone.
bool is_of_other_budget(const std::filesystem::path& folder, ByteSize budget) {
  const std::filesystem::path file = folder / kWorkName;
  if (!std::filesystem::exists(file)) return false;
  const auto record = nlohmann::ordered_json::parse(read_file(file), nullptr, false);
  if (!record.is_object() || !record.contains("settings") || !record.at("settings").is_object())
    return false;
  const std::string own = budget.bytes > 0 ? std::to_string(budget.bytes) : "";
  return record.at("settings").value(kBudgetSetting, std::string()) != own;
}

/// What a step may hold of the file's budget, where that is not all of it: a line, or nothing.
std::string share_text(std::int64_t budget, const TrainingPlan& plan) {
  if (budget == 0 || (plan.sharers == 1 && plan.context == 0)) return "";
  return message("  of the budget of ", bytes_text(budget),
                 plan.sharers > 1 ? message(", which ", plan.sharers, " processes divide") : "",
                 plan.context > 0
                     ? message(", less ", bytes_text(plan.context), " of driver and libraries")
                     : "",
                 "\n");
}

}  // namespace

void forget_same_budgets(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / kStepPlanName;
  if (!std::filesystem::exists(file)) return;
  with_json_errors(file.string(), [&] {
    auto json = parse_json(read_file(file), file.string());
    if (json.erase("same_budgets") > 0) write_file_atomically(file, json.dump(2) + "\n");
  });
}

bool trains_fresh_weights(const Experiment& experiment) {
  return std::ranges::any_of(experiment.stages, [&](const Stage& stage) {
    const auto* training = stage.as<TrainingStage>();
    return training && starts_fresh(*training, experiment.options.model);
  });
}

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

StepAsked asked_step(const TrainingStage& stage, const ExperimentOptions& options) {
  StepAsked asked{stage.gradient_path, stage.max_tokens_per_forward, options.model.recomputation};
  if (!stage.settled) return asked;
  if (asked.path == GradientPath::automatic) asked.path = stage.settled->gradient_path;
  if (asked.max_tokens_per_forward == 0)
    asked.max_tokens_per_forward = stage.settled->max_tokens_per_forward;
  if (asked.recomputation == Recomputation::automatic)
    asked.recomputation = stage.settled->recomputation;
  asked.pairwise_copies = stage.settled->pairwise_copies;
  asked.head_rows = stage.settled->head_rows;
  return asked;
}

Advised TrainingPlan::advised(const TrainingStage& stage) const {
  return {stage,      asked, profile,       combination, takes_codes,
          settled_by, anew,  is_other_anew, is_begun};
}

std::string TrainingPlan::advice(const TrainingStage& stage, std::int64_t refused) const {
  const MemoryPlan& memory = chosen.plan.memory;
  const std::string ways =
      advice_text(model, sizes, needs, chosen, advised(stage), memory.budget_bytes);
  // What was planned holds (tests/end_to_end/planned_memory); what was refused all the same holds
  // more than planned, as far as a plan may be off (docs/planning.md).
  constexpr std::int64_t kOff = 20, kLeastOff = std::int64_t{64} << 10;
  const std::int64_t own =
      memory.peak_bytes() +
      (refused > 0 ? std::max(memory.peak_bytes() / kOff, kLeastOff) : std::int64_t{0});
  std::int64_t all = std::max(sharers * (own + context), refused + refused / kOff);
  if (begun_with) {  // another budget than these makes other work
    const std::int64_t divided = profile.kind == "cpu" ? sharers : 1;
    all = std::max(all, begun_with->from * divided);
    if (!begun_with->holds({all / divided})) return ways;
  }
  return message(ways, ways.empty() ? "" : "\n", "  or a [memory] budget of ",
                 bytes_text_above(all),
                 sharers > 1 ? message(", which ", sharers, " processes of a machine divide") : "");
}

TrainingPlan plan_training(const RunContext& run, const Work& work, const TrainingStage& stage,
                           const PreparedTraining& prepared) {
  const ExperimentOptions& options = run.experiment(work).options;
  const Model& net = *prepared.bundle.model;
  const std::string device = device_kind(run.device);
  TrainingPlan plan;
  plan.needs = prepared.needs;
  if (net.device().is_cuda()) {  // what a plan counts is decided before it, not by the first pass
    static_cast<void>(block_parts(net.device(), /*has_patterns=*/false));
    static_cast<void>(has_device_products(net.device(), net.precision().compute));
  }
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
  if (run.options.group) set_exchange(plan.model, prepared.setup.reduction);
  plan.sizes =
      sizes_of_rows({prepared.estimator, prepared.process, prepared.needs, stage.optimizer},
                    prepared.setup, sharing_of(prepared.objective, prepared.needs, prepared.setup));
  plan.sharers = budget_sharers(run.options.group.get(), device);
  plan.context = device == "cpu" ? 0 : profile_of(options, device).memory.context.bytes;
  const std::filesystem::path file = work.folder / kStepPlanName;
  const StepAsked open = asked_step(stage, options);
  StepAsked asked = open;
  const std::optional<Recalled> recalled = recall(file, asked);
  std::optional<BudgetRange> budgets = recalled ? recalled->budgets : std::nullopt;
  // Work that was begun before it was a choice.
  if (recalled && asked.head_rows == 0) asked.head_rows = usual_head_rows(plan.model);
  plan.asked = asked;
  plan.anew = recalled ? open
                       : StepAsked{stage.gradient_path, stage.max_tokens_per_forward,
                                   options.model.recomputation};
  plan.is_begun = recalled.has_value();
  if (recalled) plan.begun_with = recalled->budgets;
  plan.is_other_anew = recalled && goes_by_budget(run.schedule.stage_of(work), options) &&
                       is_of_other_budget(work.folder, options.memory.budget);
  if (recalled)
    plan.settled_by = file.string();
  else if (stage.settled)
    plan.settled_by = "table `settled` in the stage";
  const Combination combination = plan.combination = prepared.estimator.target(1).combination;
  plan.takes_codes = !trains_fresh_weights(run.experiment(work));
  DeviceProfile profile = profile_of(options, device);
  if (const std::int64_t there = device_bytes(device); there > 0)
    profile.memory.total.bytes = std::min(profile.memory.total.bytes, there);
  // Without a budget they share the card.  On a CPU nothing is divided then: the same steps for
  // any number of processes, which `ordered` promises.
  if (device != "cpu") profile.memory.total.bytes /= plan.sharers;
  plan.profile = profile;
  const ByteSize budget = profile.usable({options.memory.budget.bytes / plan.sharers});
  const auto choose = [&] {
    return choose_step(plan.model, plan.sizes, plan.needs, combination, asked, profile, budget);
  };
  plan.chosen = choose();
  // It changes no bit, so a budget by which the work was found again may ask for another one.
  if (recalled && !plan.chosen.plan.memory.fits() &&
      options.model.recomputation == Recomputation::automatic && !stage.settled) {
    asked.recomputation = Recomputation::automatic;
    plan.chosen = choose();
  }
  plan.model.pass.recomputation = plan.chosen.recomputation;
  if (!plan.chosen.plan.memory.fits())
    plan.chosen.plan.memory.require_fit(
        share_text(options.memory.budget.bytes, plan) + plan.advice(stage) +
        (plan.is_other_anew
             ? message("\n  the way to do the steps was settled when the stage began with another "
                       "budget, in ",
                       file.string(), ": chosen by this one it is other work, of another --out")
         : recalled ? message("\n  the way to do the steps was settled when the stage began, in ",
                              file.string(), ": without that file it is chosen anew")
         : stage.settled
             ? "\n  the way to do the steps is the table `settled` of the stage: without "
               "it it is chosen anew"
             : ""));
  HostLimits limits = host_limits();
  if (run.options.group) limits.processes = run.options.group->local_size();
  // A larger budget makes no machine larger.
  require_host_memory(
      host_needs(plan.model, plan.chosen.plan), limits,
      advice_text(plan.model, plan.sizes, plan.needs, plan.chosen, plan.advised(stage), 0));
  const bool is_first = !run.options.group || run.options.group->is_first();
  const bool is_open = goes_by_budget(run.schedule.stage_of(work), options);
  // Chosen anew behind a checkpoint, its steps are those of no one budget.
  const bool has_steps = std::filesystem::exists(work.folder / "checkpoints");
  if (!recalled && is_first && is_open && !stage.settled && !has_steps)
    budgets = in_budgets_of_files(same_budgets(plan.model, plan.sizes, plan.needs, combination,
                                               open, profile, budget, plan.chosen),
                                  profile, plan.sharers);
  if (is_first && (!recalled || recalled->recomputation != plan.chosen.recomputation))
    keep(file, plan.chosen, budgets);
  return plan;
}

void obey(const ChosenStep& chosen, PreparedTraining& prepared) {
  const StepSettings& settings = chosen.plan.settings;
  prepared.setup.path = settings.path;
  prepared.setup.head_rows = settings.head_rows;
  prepared.setup.engine.max_tokens_per_forward = settings.max_tokens_per_forward;
  prepared.setup.engine.pairwise_copies = settings.pairwise_copies;
  prepared.setup.engine.scored_tokens = chosen.plan.scored_tokens;
  const Model& model = *prepared.bundle.model;
  prepared.setup.engine.scoring_factor =
      scoring_factor(model.shape().layers, model.device().is_cpu());
  prepared.bundle.model->set_recomputation(chosen.recomputation);
}

}  // namespace lldm
