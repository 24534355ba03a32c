// SPDX-License-Identifier: MIT
#include "lldm/run/inspect.hpp"

#include <unistd.h>

#include <optional>

#include "lldm/concepts/any_objective.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/model.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/tokenizer/load.hpp"
#include "stage/data_source.hpp"
#include "stage/describe_rows.hpp"

namespace lldm {
namespace {

/// What a stage's texts are written with.
struct Writing {
  std::shared_ptr<const Tokenizer> tokenizer;
  TemplateOptions prompt_template;
  std::int64_t max_length = 0;
};

/// How a stage's rows lie on the canvas.
struct Canvas {
  CanvasRule rule = {};
  std::int64_t group_size = 1;
};

const StageFacts& facts_of(const RunContext& run, const Work& work) {
  return run.schedule.stage_of(work).facts;
}

Canvas canvas_of(const RunContext& run, const Work& work) {
  const StageFacts& facts = facts_of(run, work);
  Canvas canvas{.group_size = 2};
  if (facts.scoring) canvas.rule = {facts.scoring->response_length, facts.scoring->score_padding};
  canvas.rule.is_plain_text = facts.rows.front().wanted == RowsWanted::texts;
  if (facts.training)
    canvas.group_size =
        run.registry.make<AnyObjective>(facts.training->objective, run.services(work, {}))
            .needs()
            .group_size;
  return canvas;
}

/// The stage or folder that a work's model comes from; "" for a fresh one.
std::string start_of(const RunContext& run, const Work& work) {
  if (!work.model.empty()) return work.model;
  return facts_of(run, work).from;
}

Writing fresh(const RunContext& run, const Work& work) {
  const ExperimentOptions& options = run.experiment(work).options;
  const bool needs_words = options.tokenizer.type == TokenizerType::words;
  return {make_tokenizer(options.tokenizer,
                         needs_words ? vocabulary_of(run, work) : std::vector<std::string>()),
          options.prompt_template, options.model.max_length};
}

/// Of the model that the work starts from; where that stage has not run, what it will be.
Writing writing_of(const RunContext& run, const Work& work, bool is_training) {
  const std::string from = start_of(run, work);
  const std::filesystem::path folder =
      from.empty() ? run.experiment(work).options.model.path : model_folder_of(run, work, from);
  if (!folder.empty() && std::filesystem::exists(folder / "config.json"))
    return {load_tokenizer(folder),
            is_training ? training_template(run, work, folder) : template_of(run, work, folder),
            load_model_shape(folder).max_length};
  if (const auto made = work.inputs.find(from); made != work.inputs.end()) {
    Writing writing = writing_of(run, run.schedule.work[made->second], true);
    if (is_training && run.schedule.cells[work.cells.front()].root.find("template"))
      writing.prompt_template = run.experiment(work).options.prompt_template;
    return writing;
  }
  if (folder.empty()) return fresh(run, work);
  throw DataError(message("no model folder ", folder.string()));
}

/// Whether the rows are those of a stage that has not made them yet.
bool is_to_come(const RunContext& run, const Work& work, const DataRef& data) {
  const std::string& name = data.options.stage;
  if (name.empty()) return false;
  const auto folder = run.folder_of(work, name);
  return !std::filesystem::exists(folder / "pairs.jsonl") &&
         !std::filesystem::exists(folder / "samples.jsonl");
}

InspectedStage inspect_work(const RunContext& run, const Work& work,
                            const InspectRequest& request) {
  InspectedStage shown{.stage = work.stage};
  try {
    const Canvas canvas = canvas_of(run, work);
    const DataRef& rows = run.rows(work);
    const bool is_training = facts_of(run, work).training.has_value();
    if (is_to_come(run, work, rows)) {
      shown.is_missing = true;
      shown.error = message("the rows of stage \"", rows.options.stage,
                            "\" are not there yet: run it first (lldm run ... --stage ",
                            rows.options.stage, " --out ", request.out.string(), ")");
      return shown;
    }
    Writing writing = writing_of(run, work, is_training);
    if (!request.tokenizer.empty()) {
      writing.tokenizer = load_tokenizer(request.tokenizer);
      writing.prompt_template = saved_template(request.tokenizer).value_or(writing.prompt_template);
    }
    const std::vector<SourceRow> sources = read_source(run, work, rows, canvas.group_size);
    const std::vector<TrainingRow> encoded =
        encode_rows(sources, *writing.tokenizer, writing.prompt_template, canvas.rule);
    shown.text = describe_training_rows({.sources = sources,
                                         .rows = encoded,
                                         .tokenizer = *writing.tokenizer,
                                         .num_rows = request.num_rows,
                                         .num_tokens = request.num_tokens,
                                         .max_length = writing.max_length});
  } catch (const DataError& error) {
    shown.error = error.what();
  }
  return shown;
}

/// A file for a log that nobody reads.
class ScratchFile {
 public:
  ScratchFile()
      : path_(std::filesystem::temp_directory_path() / message("lldm-inspect-", ::getpid())) {}
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

std::vector<InspectedStage> inspect_experiment(const LoadedExperiment& loaded,
                                               const Registry& registry, MemoryManager& memory,
                                               const InspectRequest& request) {
  const RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, request.out);
  const ScratchFile scratch;
  MetricsWriter metrics(scratch.path());
  RunObserver observer;
  RunOptions options;
  options.out = request.out;
  options.observer = &observer;
  const RunContext run{schedule, registry, memory, null_logger(), options, metrics, "cpu"};
  std::vector<InspectedStage> stages;
  std::vector<std::string> names;
  for (const Work& work : schedule.work) {
    if (work.cells.front() != 0 || (!names.empty() && names.back() == work.stage)) continue;
    names.push_back(work.stage);  // of several measured models the first
    if ((request.stage == "all" || request.stage == work.stage) &&
        !facts_of(run, work).rows.empty())
      stages.push_back(inspect_work(run, work, request));
  }
  if (request.stage != "all" && stages.empty()) {
    const Stage* stage = loaded.experiments.front().find(request.stage);
    throw ConfigError(stage ? message("--stage: stage \"", request.stage, "\" reads no rows")
                            : message("--stage: no stage is named \"", request.stage, "\"\n  ",
                                      config::did_you_mean(request.stage, names, "stages")));
  }
  return stages;
}

}  // namespace lldm
