// SPDX-License-Identifier: MIT
#include "experiment/size_checks.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "experiment/key_readings.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/model.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"
#include "lldm/storage/files.hpp"
#include "memory/machine_memory.hpp"
#include "model/adapter_targets.hpp"
#include "model/model_size.hpp"
#include "model/planned_model.hpp"

namespace lldm {
namespace {

using config::Member;
using config::Position;
using config::Value;

/// What one machine has at most today: a plan for another machine than this one is legal.
constexpr std::int64_t kLargestMachine = std::int64_t{4} << 40;

class SizeCheck {
 public:
  SizeCheck(const Experiment& experiment, const Value& root, const Registry& registry,
            SizeLimit limit, config::Diagnostics& diagnostics)
      : experiment_(experiment), root_(root), registry_(registry), diagnostics_(diagnostics) {
    const ExperimentOptions& file = experiment.options;
    is_here_ = limit == SizeLimit::this_machine && file.device == "cpu";
    available_ =
        is_here_ ? machine_memory_bytes()
                 : std::max({kLargestMachine, machine_memory_bytes(), file.memory.budget.bytes});
  }

  void run() {
    threads();
    const std::optional<ModelShape> own = model();
    targets();
    for (std::size_t s = 0; s < experiment_.stages.size(); ++s) stage(s, own);
  }

 private:
  [[nodiscard]] Position place(const Value* table, std::string_view key,
                               const Position& otherwise) const {
    const Member* member = table ? table->find(key) : nullptr;
    return member ? member->position : otherwise;
  }
  [[nodiscard]] const Value* table_of(std::string_view key) const {
    const Member* member = root_.find(key);
    return member ? &member->value : nullptr;
  }

  void threads() {
    const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
    const std::int64_t most = std::max<std::int64_t>(256, 4 * cores);
    const std::int64_t wanted = experiment_.options.threads;
    if (wanted > most)
      diagnostics_.error(place(&root_, "threads", {}),
                         message("the file: threads = ", wanted, ", this machine has ", cores),
                         message("legal here: 0 to ", most));
  }

  /// The shape of stages without a folder of their own, where it is known.
  std::optional<ModelShape> model() {
    const ModelOptions& options = experiment_.options.model;
    if (!options.path.empty()) return folder(options.path.string(), place(&root_, "model", {}));
    return checked("[model]", place(&root_, "model", {}), [&] {
      std::string note;
      return planned_shape(options, "", note);
    });
  }

  /// Of an adapter of weights that the file itself makes; those of folders are told with them.
  void targets() {
    const ModelOptions& options = experiment_.options.model;
    if (options.adapter.targets.empty() || !options.path.empty() ||
        std::ranges::none_of(experiment_.stages,
                             [](const Stage& one) { return one.facts.trains_new_model(); }))
      return;
    const Value* model = table_of("model");
    const Member* adapter = model ? model->find("adapter") : nullptr;
    try {
      std::string note;
      static_cast<void>(
          adapted_matrices(planned_config(options, "", note), lora_options(options.adapter)));
    } catch (const ConfigError& error) {
      const std::string text = error.what();
      const auto end = text.find("\n  ");
      diagnostics_.error(place(adapter ? &adapter->value : nullptr, "targets",
                               place(model, "adapter", place(&root_, "model", {}))),
                         "[model] " + text.substr(0, end),
                         end == std::string::npos ? "" : text.substr(end + 3));
    }
  }

  std::optional<ModelShape> folder(const std::string& path, const Position& position) {
    std::error_code ignored;
    const auto file = std::filesystem::path(path) / "config.json";
    if (!std::filesystem::exists(file, ignored)) return std::nullopt;  // told elsewhere
    return checked(file.string(), position,
                   [&] { return load_model_shape(path, length_limit(experiment_)); });
  }

  /// The shape that `make` gives, if it can be made and held.
  std::optional<ModelShape> checked(const std::string& where, const Position& position,
                                    const std::function<ModelShape()>& make) {
    try {
      const ModelShape shape = make();
      const std::string problem = model_size_problem(shape, held_bytes(shape), available_);
      if (problem.empty()) return shape;
      report(problem, where, position);
    } catch (const ConfigError& error) {
      diagnostics_.error(position, error.what(), "");
    } catch (const DataError& error) {
      diagnostics_.error(position, error.what(), "");
    }
    return std::nullopt;
  }

  void report(const std::string& problem, const std::string& where, const Position& position) {
    const auto end = problem.find("\n  ");
    diagnostics_.error(position,
                       message(where,
                               is_here_ ? ": this machine does not hold the model: "
                                        : ": no machine holds this model: ",
                               problem.substr(0, end)),
                       problem.substr(end + 3));
  }

  /// Of the weights, as the file stores them, and the rotary tables.
  [[nodiscard]] double held_bytes(const ModelShape& shape) const {
    const Precision precision = precision_of(experiment_.options.model);
    return weight_bytes(shape, precision) +
           static_cast<double>(shape.table_values) *
               static_cast<double>(c10::elementSize(precision.rows()));
  }

  /// Weights, gradients and two moments of a stage that is trained here; an adapter's are not worth
  /// counting.
  void training(const Stage& stage, const ModelShape& shape) {
    constexpr double kCopies = 4;
    if (!is_here_ || experiment_.options.model.adapter.type != AdapterType::none) return;
    const std::string problem = model_size_problem(shape, kCopies * held_bytes(shape), available_);
    if (!problem.empty())
      report("with gradients and optimizer " + problem, message("stage \"", stage.name, "\""),
             stage.position);
  }

  void stage(std::size_t index, const std::optional<ModelShape>& own) {
    const Stage& stage = experiment_.stages[index];
    const Value* stages = table_of("stage");
    const bool is_known = stages && stages->is_array() && index < stages->as_array().size();
    const Value* table = is_known ? &stages->as_array()[index] : nullptr;
    std::optional<ModelShape> shape = own;
    for (const std::string& input : stage.facts.all_inputs())
      if (input.find('/') != std::string::npos)
        shape = folder(input, place(table, "from", stage.position));
    if (!stage.facts.training || !stage.facts.scoring || !shape) return;
    training(stage, *shape);
    plans(stage, *shape, place(table, "score_estimator", stage.position));
  }

  /// The noised copies of one step, which are made before it is computed.
  void plans(const Stage& stage, const ModelShape& shape, const Position& position) {
    const OptimizerOptions& optimizer = stage.facts.training->optimizer;
    const StageScoring& scoring = *stage.facts.scoring;
    const Services services{registry_, Draws(0, "sizes")};
    const std::int64_t longest = std::min(scoring.response_length.value_or(1), shape.max_length);
    double copies = 1;
    try {
      for (const auto& estimator : scoring.estimators)
        copies = static_cast<double>(
            registry_.make<AnyScoreEstimator>(estimator, services).nominal_copies(longest));
    } catch (const ConfigError&) {  // told elsewhere
      return;
    }
    const double texts = static_cast<double>(optimizer.batch_size) *
                         static_cast<double>(optimizer.gradient_accumulation_steps) * copies;
    const double needed = texts * static_cast<double>(longest) * sizeof(std::int64_t);
    if (needed <= static_cast<double>(available_)) return;
    diagnostics_.error(
        position,
        message("stage \"", stage.name, "\": the noised copies of one step need ",
                size_text(needed), ", there are ", size_text(static_cast<double>(available_))),
        message(optimizer.batch_size, " rows x ", optimizer.gradient_accumulation_steps, " x ",
                copies, " copies of ", longest, " tokens"));
  }

  const Experiment& experiment_;
  const Value& root_;
  const Registry& registry_;
  config::Diagnostics& diagnostics_;
  bool is_here_ = false;
  std::int64_t available_ = 0;
};

}  // namespace

void check_sizes(const Experiment& experiment, const Value& root, const Registry& registry,
                 SizeLimit limit, config::Diagnostics& diagnostics) {
  SizeCheck(experiment, root, registry, limit, diagnostics).run();
}

}  // namespace lldm
