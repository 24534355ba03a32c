// SPDX-License-Identifier: MIT
// What a run would do, from sizes alone.
#include <algorithm>
#include <sstream>

#include "lldm/errors.hpp"
#include "lldm/experiment/run.hpp"
#include "lldm/experiment/table.hpp"
#include "lldm/memory/planner.hpp"
#include "lldm/model/model_folder.hpp"
#include "model/head.hpp"

namespace lldm {

std::vector<std::string> not_runnable_yet(const LoadedExperiment& loaded) {
  std::vector<std::string> lines;
  for (const Experiment& experiment : loaded.experiments)
    for (const std::string& line : experiment.options.model.not_runnable_yet())
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  return lines;
}

namespace {

/// Ids of a model whose tokenizer is not made yet (words): enough for the tasks that ship.
constexpr std::int64_t kAssumedVocabulary = 128;

/// The shape of the model a stage trains: its folder's where it is here, else the keys of [model].
LladaConfig planned_shape(const ModelOptions& model, std::string& note) {
  if (!model.path.empty() && std::filesystem::exists(model.path / "config.json"))
    return load_llada_config(model.path);
  ModelOptions shape = model;
  shape.dtype = ModelDtype::float32;
  if (!model.path.empty()) {
    note = message("  ", model.path.string(), " is not here: planned with LLaDA-8B's shape\n");
    shape.width = 4096;
    shape.layers = shape.heads = 32;
    shape.mlp_width = 12288;
    return llada_config(shape, {.vocabulary_size = 126464});
  }
  return llada_config(shape, {.vocabulary_size = kAssumedVocabulary});
}

/// The planner's table for a stage, from the file alone: every forward as full as it may be.
std::string memory_text(const ExperimentOptions& options, const TrainingStage& stage) {
  std::string note;
  const LladaConfig config = planned_shape(options.model, note);
  const bool is_lora = options.model.adapter.type == AdapterType::lora;
  PlanInputs in;
  in.parameters = config.num_parameters();
  // A low-rank update of the seven matrices of every block: rank * (inputs + outputs) each.
  in.trainable_parameters =
      is_lora ? config.n_layers * options.model.adapter.rank *
                    (8 * config.d_model + 3 * (config.d_model + config.mlp_hidden_size))
              : in.parameters;
  in.width = config.d_model;
  in.layers = config.n_layers;
  in.heads = config.n_heads;
  in.mlp_width = config.mlp_hidden_size;
  in.vocabulary = config.embedding_size;
  in.weight_bytes = in.compute_bytes = options.model.dtype == ModelDtype::bfloat16  ? 2
                                       : options.model.dtype == ModelDtype::float64 ? 8
                                                                                    : 4;
  // With an adapter the reference is the same weights with the adapter switched off.
  in.reference_parameters = stage.kind == StageKind::preference && !is_lora ? in.parameters : 0;
  in.tokens_per_forward = stage.max_tokens_per_forward;
  in.longest_sequence = std::min(stage.max_tokens_per_forward, config.max_sequence_length);
  in.queried_rows = in.tokens_per_forward;
  in.logits_chunk_rows = std::max<std::int64_t>(1, kHeadChunkBytes / (4 * config.embedding_size));
  in.activations = options.model.recomputation ? ActivationModel::checkpointed()
                                               : ActivationModel::with_flash_attention();
  in.side_buffers = stage.gradient_path == GradientPath::pairwise ? 1 : 0;
  in.budget = options.memory.budget;
  return message("\nmemory of stage ", stage.name, ", if every forward holds ",
                 stage.max_tokens_per_forward, " tokens (max_tokens_per_forward)\n", note,
                 plan_memory(in).text());
}

}  // namespace

std::string describe_plan(const LoadedExperiment& loaded, const Registry&,
                          const std::filesystem::path& out) {
  const RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, out);
  Table table;
  table.columns = {{"work", Align::left},
                   {"kind", Align::left},
                   {"seed"},
                   {"steps"},
                   {"batch"},
                   {"estimator", Align::left},
                   {"cells"}};
  for (const Work& work : schedule.work) {
    const Stage& stage = schedule.stage_of(work);
    std::string steps = "-", batch = "-", estimator = "-";
    if (const auto* training = std::get_if<TrainingStage>(&stage.options)) {
      std::ostringstream text;
      if (training->optimizer.steps > 0)
        text << training->optimizer.steps;
      else
        text << training->optimizer.epochs << " epochs";
      steps = text.str();
      batch = std::to_string(training->optimizer.batch_size * training->optimizer.accumulation);
      estimator = std::string(training->score_estimator.type());
    }
    table.rows.push_back({work.folder.lexically_relative(out).generic_string(),
                          std::string(to_string(stage.kind)), std::to_string(work.seed), steps,
                          batch, estimator, std::to_string(work.cells.size())});
  }
  std::ostringstream text;
  text << loaded.experiments.front().options.name << ": " << schedule.work.size()
       << " pieces of work in " << out.string() << "\n"
       << text_table(table, 120);
  for (const Stage& stage : loaded.experiments.front().stages)
    if (const auto* training = std::get_if<TrainingStage>(&stage.options))
      text << memory_text(loaded.experiments.front().options, *training);
  for (const std::string& line : not_runnable_yet(loaded)) text << line << "\n";
  return text.str();
}

}  // namespace lldm
