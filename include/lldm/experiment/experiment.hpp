// SPDX-License-Identifier: MIT
// An experiment file, bound: stages with their options, before any model work.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lldm/config/diagnostics.hpp"
#include "lldm/config/value.hpp"
#include "lldm/data/template.hpp"
#include "lldm/experiment/stage.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/tokenizer/load.hpp"

namespace lldm {

class KeyReadings;
class Registry;

/// The table [memory.budgets].
struct PurposeBudgets {
  ByteSize weights = {};
  ByteSize adapter = {};
  ByteSize gradients = {};
  ByteSize optimizer = {};
  ByteSize activations = {};
  ByteSize logits = {};
  ByteSize staging = {};
  ByteSize workspace = {};
  static constexpr auto describe() {
    using P = PurposeBudgets;
    return std::tuple{
        field("weights", &P::weights, "Of models, the reference's too; 0: none."),
        field("adapter", &P::adapter, "Of low-rank updates; 0: none."),
        field("gradients", &P::gradients, "Of gradients and pair buffers; 0: none."),
        field("optimizer", &P::optimizer, "Of the optimizer's states; 0: none."),
        field("activations", &P::activations, "Of what passes through the blocks; 0: none."),
        field("logits", &P::logits, "Of the head; 0: none."),
        field("staging", &P::staging, "Of copies to files and devices; 0: none."),
        field("workspace", &P::workspace, "Of everything that passes; 0: none.")};
  }
};

/// By the purposes that the manager knows.
[[nodiscard]] std::vector<std::pair<MemoryPurpose, ByteSize>> budgets_of(
    const PurposeBudgets& budgets);

/// The table [memory].
struct MemoryOptions {
  ByteSize budget = {};
  WeightReading weights = WeightReading::read;
  FrozenWeights frozen_weights = FrozenWeights::resident;
  std::int64_t streamed_blocks = kStreamedBlocks;
  std::string profile = {};
  PurposeBudgets budgets = {};
  void check(config::OptionsCheck& check) const;
  static constexpr auto describe() {
    return std::tuple{
        field("budget", &MemoryOptions::budget,
              "Most memory a run may hold, written with its unit (\"2 GiB\"); 0: no limit."),
        field("weights", &MemoryOptions::weights,
              "How weights come from their files: read (pread, into memory of their own), or "
              "mapped (no copy of a tensor beside the model's; a file that another program cuts "
              "meanwhile kills the run). Numbers and hashes of work are the same."),
        field("profile", &MemoryOptions::profile,
              "Device profile that plans go by: a name of those that come with lldm (cpu, rtx4080, "
              "h100, h200), or a file that lldm env --profile wrote; empty: cpu, or h100 on CUDA."),
        field(
            "frozen_weights", &MemoryOptions::frozen_weights,
            "Where blocks' matrices lie that are not trained (an adapter's base, the reference, a "
            "model that scores or samples): resident (on the device) or streamed (in locked "
            "memory of the host; a few blocks pass through the device, on the CPU as copies). "
            "Numbers and hashes of work are the same."),
        field("streamed_blocks", &MemoryOptions::streamed_blocks,
              "Of streamed weights, the blocks that the device holds at once.")
            .at_least(2),
        field(
            "budgets", &MemoryOptions::budgets,
            "Soft budgets by purpose: passing one ends nothing, but what can be given up is given "
            "up (docs/planning.md), and it is counted.")};
  }
};

/// What has to happen before a file can run, so that its missing files are no mistake.
enum class Requirement : std::uint8_t {
  download,      // files of somebody else's: data sets, a published model
  earlier_step,  // files that another command makes first
};
constexpr auto choices(std::type_identity<Requirement>) {
  return std::array{Choice<Requirement>{"download", Requirement::download},
                    Choice<Requirement>{"earlier_step", Requirement::earlier_step}};
}

/// What happens where a checkpoint cannot be written.
enum class OnSaveError : std::uint8_t {
  fail,      // the run ends
  carry_on,  // it is said and counted, and training goes on
};
constexpr auto choices(std::type_identity<OnSaveError>) {
  return std::array{Choice<OnSaveError>{"fail", OnSaveError::fail},
                    Choice<OnSaveError>{"continue", OnSaveError::carry_on}};
}

/// The keys of the file itself.
struct ExperimentOptions {
  std::string name;
  std::string description;
  std::optional<Requirement> needs = {};
  std::optional<std::string> note = {};
  std::int64_t seed = 42;
  std::string device = "cpu";
  std::int64_t threads = 0;
  std::vector<std::filesystem::path> plugins;
  ModelOptions model = {};
  TokenizerOptions tokenizer = {};
  TemplateOptions prompt_template = {};
  MemoryOptions memory = {};
  double max_hours = 0.0;
  OnSaveError on_save_error = OnSaveError::fail;
  config::Value forward_process = {};
  config::Value score_estimator = {};
  config::Value objective = {};
  config::Value optimizer = {};
  config::Value sampler = {};
  config::Value task = {};
  config::Value stage = {};
  config::Value grid = {};

  static constexpr auto describe() {
    using E = ExperimentOptions;
    return std::tuple{
        field("name", &E::name, "Name of the experiment.").required(),
        field("description", &E::description, "One line for the report."),
        field("requires", &E::needs,
              "Why files of this experiment may be missing: download (they are fetched first), or "
              "earlier_step (another command makes them first).  `validate` and `plan` then note "
              "what is missing; a run still needs it."),
        field("note", &E::note,
              "What `requires` means here: the repository and the command that fetch or make the "
              "files.  Shown beside every missing file."),
        field("seed", &E::seed, "Seed of every draw of the run.").at_least(0),
        field("device", &E::device, "cpu, cuda, or auto (a GPU where there is one)."),
        field("threads", &E::threads,
              "CPU threads; 0: as many as the machine has, and one for each worker of a grid.  The "
              "bits of a run depend on it.  More than 256 are refused where the machine has less "
              "than a quarter of them.")
            .range(0, 4096),
        field("plugins", &E::plugins,
              "Plugins to load: paths relative to this file, or names of shipped ones."),
        field("model", &E::model, "The denoiser of stages without `from`."),
        field("tokenizer", &E::tokenizer, "Text to tokens."),
        field("template", &E::prompt_template, "How prompts and answers are written."),
        field("memory", &E::memory, "The memory budget."),
        field(
            "max_hours", &E::max_hours,
            "Hours after which a run saves and exits with 75, as after SIGTERM; 0: no limit.  The "
            "same command goes on, for as long again.")
            .at_least(0.0)
            .unit("hours"),
        field(
            "on_save_error", &E::on_save_error,
            "What a checkpoint that cannot be written (a full disk) does: fail, or continue: said, "
            "counted in result.json as save_errors, and trained on."),
        field("forward_process", &E::forward_process, "Default of every stage that noises text."),
        field("score_estimator", &E::score_estimator,
              "Default of preference stages and of evaluate stages with pairs."),
        field("objective", &E::objective, "Default of preference stages."),
        field("optimizer", &E::optimizer, "Default of every training stage."),
        field("sampler", &E::sampler, "Default of every stage that generates."),
        field("task", &E::task, "Default of synthesize, evaluate and sample stages."),
        field("stage", &E::stage, "The stages, in order: [[stage]] tables.").required(),
        field("grid", &E::grid, "Axes, tied axes, exclusions and seeds: one run per combination.")};
  }
};
static_assert(OptionsStruct<ExperimentOptions>);

struct KnownRows;  // stage/known_rows.hpp

/// A bound experiment: one cell of a grid, or the whole file without one.
struct Experiment {
  ExperimentOptions options;
  std::vector<Stage> stages;
  /// Names of components that plugins brought, and the plugins' files.
  std::map<std::string, std::filesystem::path> plugin_files = {};
  /// Stages that make a model with a vocabulary of the data's words -> what it follows from.
  std::map<std::string, std::string> words = {};
  /// Stages whose rows were looked at; for plans.
  std::map<std::string, std::shared_ptr<const KnownRows>> known_rows = {};
  /// Processes that divide [memory] budget: of what one of them gets a way to do the steps follows.
  std::int64_t budget_sharers = 1;
  /// Whether plans list every choice with its seconds; else they tell what the file says alone.
  bool lists_choices = false;
  [[nodiscard]] const Stage* find(std::string_view name) const;
};

/// Binds a resolved document (one cell): every key read, every component's options checked, every
/// reference between stages resolved.  All errors go to `diagnostics`.
/// `readings`, where given, learns which keys of the file reached a stage.
Experiment bind_experiment(const config::Value& root, const Registry& registry,
                           config::Diagnostics& diagnostics, KeyReadings* readings = nullptr);

/// The file as it is run, defaults filled in: loading it gives the same experiment.
config::Value resolved_document(const Experiment& experiment, const config::Value& root);

/// The tables at the top of a file that stages take as defaults.
std::vector<std::string> default_tables();

/// Keys that may stand at the top of a file.
std::vector<std::string> experiment_keys();

}  // namespace lldm
