// SPDX-License-Identifier: MIT
#include "lldm/run/inspect.hpp"

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/tokenizer/load.hpp"
#include "lldm/track/logger.hpp"
#include "run/writing.hpp"
#include "stage/corpus_rows.hpp"
#include "stage/data_source.hpp"
#include "stage/describe_rows.hpp"

namespace lldm {
namespace {

/// Whether the rows are those of a stage that has not made them yet.
bool is_to_come(const PlannedRun& run, const Work& work, const DataRef& data) {
  const std::string& name = data.options.stage;
  if (name.empty()) return false;
  const auto folder = run.folder_of(work, name);
  return !std::filesystem::exists(folder / "pairs.jsonl") &&
         !std::filesystem::exists(folder / "samples.jsonl");
}

/// The first rows of a packed corpus, as they follow one another on disk.
std::string corpus_text(const DataOptions& data, const Writing& writing, const Work& work,
                        const InspectRequest& request) {
  constexpr std::int64_t kMostRows = 1000;
  const CorpusSource corpus = open_corpus(data, writing, 0, work.seed);
  std::vector<SourceRow> sources;
  std::vector<TrainingRow> rows;
  const std::int64_t shown = std::min(corpus.training->size(), kMostRows);
  for (std::int64_t i = 0; i < shown; ++i)
    for (TrainingRow& text : corpus.training->row(i)) {
      sources.push_back({.id = text.id, .prompt = {}, .messages = {}, .answers = {""}});
      if (data.packing == Packing::isolated)
        sources.back().place = message("row ", i + 1, ", text ", text.id + 1);
      rows.push_back(std::move(text));
    }
  const bool is_isolated = data.packing == Packing::isolated;
  return message(data.corpus.string(), ": the first ", shown, " of ", corpus.training->size(),
                 " rows", is_isolated ? message(", ", rows.size(), " texts") : "", "\n",
                 describe_training_rows({.sources = sources,
                                         .rows = rows,
                                         .tokenizer = *writing.tokenizer,
                                         .num_rows = request.num_rows,
                                         .num_tokens = request.num_tokens,
                                         .max_length = writing.max_length}));
}

InspectedStage inspect_work(const PlannedRun& run, Writings& writings, const Work& work,
                            const InspectRequest& request) {
  InspectedStage shown{.stage = work.stage};
  try {
    const StageFacts& facts = run.schedule.stage_of(work).facts;
    const DataRef& rows = run.rows(work);
    if (is_to_come(run, work, rows)) {
      shown.is_missing = true;
      shown.error = message("the rows of stage \"", rows.options.stage,
                            "\" are not there yet: run it first (lldm run ... --stage ",
                            rows.options.stage, " --out ", request.out.string(), ")");
      return shown;
    }
    Writing writing = writings.of(work);
    if (!request.tokenizer.empty()) {
      writing.tokenizer = load_tokenizer(request.tokenizer);
      writing.prompt_template = saved_template(request.tokenizer).value_or(writing.prompt_template);
    }
    if (rows.is_corpus()) {
      shown.text = corpus_text(rows.options, writing, work, request);
      return shown;
    }
    const std::int64_t answers = group_size_of(run, work);
    EncodedRows read;
    if (facts.scoring && facts.scoring->long_rows != LongRows::error) {
      read = read_encoded(run, null_logger(), work, facts.rows.front(), answers, writing);
      if (read.long_rows.is_any()) shown.text = "long_rows: " + read.long_rows.text() + "\n";
    } else {  // what is too long is counted, not refused
      read.sources = read_source(run, null_logger(), work, rows, answers);
      read.rows = encode_rows(read.sources, *writing.tokenizer, writing.prompt_template,
                              canvas_rule(facts, facts.rows.front().wanted));
    }
    shown.text += describe_training_rows({.sources = read.sources,
                                          .rows = read.rows,
                                          .tokenizer = *writing.tokenizer,
                                          .num_rows = request.num_rows,
                                          .num_tokens = request.num_tokens,
                                          .max_length = writing.max_length});
    if (const auto& training = facts.training; training && training->validation_rows > 0)
      shown.text +=
          message("  validation_rows = ", training->validation_rows,
                  ": so many of these rows at most are held out, whole prompts by the seed; "
                  "held_out in the stage's result.json names them\n");
  } catch (const DataError& error) {
    shown.error = error.what();
  }
  return shown;
}

}  // namespace

std::vector<InspectedStage> inspect_experiment(const LoadedExperiment& file,
                                               const Registry& registry,
                                               const InspectRequest& request) {
  const LoadedExperiment loaded = with_threads_of(file, request.out, null_logger());
  const RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, request.out);
  const PlannedRun run{schedule, registry};
  Writings writings(run);
  std::vector<InspectedStage> stages;
  std::vector<std::string> names;
  for (const Work& work : schedule.work) {
    if (work.cells.front() != 0 || (!names.empty() && names.back() == work.stage)) continue;
    names.push_back(work.stage);  // of several measured models the first
    if ((request.stage == "all" || request.stage == work.stage) &&
        !schedule.stage_of(work).facts.rows.empty())
      stages.push_back(inspect_work(run, writings, work, request));
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
