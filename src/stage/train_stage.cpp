// SPDX-License-Identifier: MIT
// A pretraining, sft or preference stage, from rows to a published model.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "data/begin_of_text.hpp"
#include "lldm/data/corpus.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/train/checkpoint.hpp"
#include "lldm/train/trainer.hpp"
#include "stage/benchmark_rows.hpp"
#include "stage/corpus_rows.hpp"
#include "stage/data_source.hpp"
#include "stage/kinds.hpp"
#include "stage/mask_in_data.hpp"
#include "stage/prompt_split.hpp"
#include "stage/reference_scores.hpp"
#include "stage/score_labels.hpp"
#include "stage/score_study.hpp"
#include "stage/seen_prompts.hpp"
#include "stage/sound_model.hpp"
#include "stage/trained_weights.hpp"
#include "stage/training_memory.hpp"
#include "stage/training_reporter.hpp"
#include "train/mismatched.hpp"

namespace lldm {
namespace {

struct Prepared {
  ModelBundle bundle;
  AnyForwardProcess process;
  AnyScoreEstimator estimator;
  AnyObjective objective;
  TrainingSetup setup;
  std::shared_ptr<ReferenceCache> cache;  // of the reference's scores; null without one
  std::vector<SourceRow> sources;         // of the rows trained on; none of a corpus
  Result held_out;                        // what the result says of the validation rows, or null
  LongRowCounts long_rows;
  ObjectiveNeeds needs;  // of the objective, with these rows
};

struct PreparedRows {
  std::vector<SourceRow> sources;
  std::vector<TrainingRow> rows;
  HeldOut held;
  LongRowCounts long_rows = {};
  std::shared_ptr<const RowSource> source = nullptr;  // of a corpus, in the place of `rows`
};

/// Whether a stage reads texts, not prompts and answers.
bool reads_texts(const RunContext& run, const Work& work) {
  return run.schedule.stage_of(work).facts.rows.front().wanted == RowsWanted::texts;
}

/// Whether the stage's rows are those of a corpus and hold several texts each.
bool holds_several_texts(const RunContext& run, const Work& work) {
  const DataRef& data = run.schedule.stage_of(work).facts.rows.front().data;
  return data.is_corpus() && data.options.packing == Packing::isolated;
}

/// The rows of a packed corpus, which stay on disk.
PreparedRows corpus_rows(const RunContext& run, const Work& work, const TrainingStage& stage,
                         const Writing& writing) {
  const StageFacts& facts = run.schedule.stage_of(work).facts;
  // What is trained on is what was packed; about 0.6 s a GiB, as for weights.
  Corpus(facts.rows.front().data.options.corpus).verify();
  CorpusSource opened =
      open_corpus(facts.rows.front().data.options, writing, stage.validation_rows, work.seed);
  PreparedRows all;
  all.source = std::move(opened.training);
  run.logger.info(message(facts.rows.front().data.options.corpus.string(), ": ", all.source->size(),
                          " rows of a packed corpus"));
  all.held.rows = std::move(opened.held_out);
  if (const StageRows* validation = facts.rows_at("validation")) {
    if (validation->data.is_corpus())
      throw ConfigError(
          message("stage \"", stage.name,
                  "\": validation: a corpus beside a corpus is "
                  "not read\n  validation_rows holds rows of it out, or give a file"));
    all.held.rows = read_encoded(run, run.logger, work, *validation, 1, writing).rows;
  }
  return all;
}

/// The rows trained on and those held out, encoded.
PreparedRows read_rows(const RunContext& run, const Work& work, const TrainingStage& stage,
                       const ModelBundle& bundle, std::int64_t group_size) {
  const StageFacts& facts = run.schedule.stage_of(work).facts;
  const bool is_plain_text = reads_texts(run, work);
  const Writing writing{bundle.tokenizer, training_template(run, work, bundle.folder),
                        bundle.model->shape().max_length};
  if (facts.rows.front().data.is_corpus()) return corpus_rows(run, work, stage, writing);
  EncodedRows read = read_encoded(run, run.logger, work, facts.rows.front(), group_size, writing);
  PreparedRows all{std::move(read.sources), std::move(read.rows), {}, read.long_rows};
  const StageRows* validation = facts.rows_at("validation");
  if (!validation) {
    all.held = hold_out_prompts(all.sources, all.rows, stage.validation_rows, work.seed,
                                is_plain_text, stage.name);
    return all;
  }
  EncodedRows held = read_encoded(run, run.logger, work, *validation, group_size, writing);
  all.held.sources = std::move(held.sources);
  all.held.rows = std::move(held.rows);
  all.held.record = {{"from", "validation"}, {"by", is_plain_text ? "text" : "prompt"}};
  describe_held_out(all.held, all.sources, is_plain_text);
  return all;
}

/// Says how the held-out rows stand to those trained on, by this stage and by those before it.
void tell_held_out(const RunContext& run, const Work& work, HeldOut& held, bool is_plain_text,
                   const std::filesystem::path& from) {
  if (held.rows.empty()) return;
  Result& record = held.record;
  std::string earlier;
  std::int64_t seen_earlier = 0;
  if (!from.empty()) {
    std::vector<std::string> texts;
    for (const SourceRow& row : held.sources) texts.push_back(prompt_text(row, is_plain_text));
    record["earlier_stages"] = count_shared(texts, seen_prompts(from, is_plain_text));
    const Result& counts = record["earlier_stages"];
    seen_earlier = counts.at("shared").get<std::int64_t>();
    earlier = message(
        "; stages before it trained on ", counts.at("shared"), " of them",
        counts.at("is_known").get<bool>()
            ? ""
            : ", as far as is known (" + counts.at("unknown").front().get<std::string>() + ")");
  }
  const auto shared = record.at("shared_prompts").get<std::int64_t>();
  const auto rows = record.at("rows").get<std::int64_t>(), asked = record.value("asked_rows", rows);
  const std::string others =
      rows == asked ? "" : message(" (", asked, " were asked for: prompts are held out whole)");
  const std::string text = message("stage ", run.label(work), ": ", rows, " rows", others, " of ",
                                   record.at("prompts"), is_plain_text ? " texts" : " prompts",
                                   " are held out, ", shared, " of which are trained on", earlier);
  if (shared > 0 || seen_earlier > 0 || 2 * rows < asked)
    run.logger.warning(text);
  else
    run.logger.info(text);
}

/// Says how many texts begin in another way than the model was taught.
void tell_begin_of_text(const RunContext& run, const Work& work, const ModelBundle& bundle,
                        const std::vector<TrainingRow>& rows) {
  const BeginOfText begin =
      begin_of_text(*bundle.tokenizer, training_template(run, work, bundle.folder));
  if (begin.id < 0) return;
  BeginOfTextCount count(begin);
  for (const TrainingRow& row : rows)
    for (const Text& text : row.answers)
      count.add(text.prompt.empty() ? text.response : text.prompt);
  if (const std::string problem = count.problem(); !problem.empty())
    run.logger.warning(message("stage ", run.label(work), ": ", problem));
}

ScoreLabels stage_labels(const RunContext& run, const Work& work, const TrainingStage& stage) {
  return {.where = message("stage \"", run.label(work), "\""),
          .policy = denoiser_label(run, work, ""),
          .reference = denoiser_label(run, work, stage.from),
          .score_estimator =
              component_label(run.registry, Role::score_estimator, stage.score_estimator.table),
          .objective = component_label(run.registry, Role::objective, stage.objective.table),
          .row = row_label(run, work, run.rows(work).resolved)};
}

Prepared prepare(const RunContext& run, const Work& work, const TrainingStage& stage) {
  ModelBundle bundle = starting_model(run, work, stage.from);
  const Services services = run.services(work, bundle.tokenizer);
  const auto estimator = run.registry.make<AnyScoreEstimator>(stage.score_estimator, services);
  const auto objective = run.registry.make<AnyObjective>(stage.objective, services);
  TrainingSetup setup;
  setup.draws = services.draws;
  PreparedRows all = read_rows(run, work, stage, bundle, objective.needs().group_size);
  if (!all.source) tell_held_out(run, work, all.held, reads_texts(run, work), bundle.folder);
  setup.source = std::move(all.source);
  tell_begin_of_text(run, work, bundle, all.rows);
  setup.rows = std::move(all.rows);
  setup.validation = std::move(all.held.rows);
  setup.labels = stage_labels(run, work, stage);
  if (const StageRows* rows = run.schedule.stage_of(work).facts.rows_at("validation"))
    setup.validation_row = row_label(run, work, rows->data.resolved);
  const AdapterOptions adapter = settle_weights(run, work, stage, bundle);
  const ObjectiveNeeds needs = needs_of_rows(objective.needs(), setup);
  std::shared_ptr<ReferenceCache> cache;
  if (!stage.reference.cache.empty()) {
    // The policy is the reference as long as nothing was trained: its scores need no second copy.
    // Before the adapter: the cache is named by the weights, which are then all parameters.
    cache = open_reference_cache(run, work, stage, bundle);
    setup.stored_reference = [cache](const ScorePlan& plan) { return cache->readouts(plan); };
  }
  if (adapter.type == AdapterType::lora) train_adapter(run, work, adapter, setup, bundle);
  setup.policy = std::make_shared<const AnyDenoiser>(bundle.model);
  if (needs.reference && !cache) {
    const PurposeScope scope(MemoryPurpose::weights);
    setup.reference = std::make_shared<const AnyDenoiser>(bundle.model->frozen_copy());
  }
  setup.optimizer = stage.optimizer;
  setup.rhythm = {stage.logging_steps, stage.eval_steps, stage.save_steps, stage.save_total_limit};
  setup.engine = {.max_tokens_per_forward = stage.max_tokens_per_forward,
                  .num_tokens = bundle.tokenizer->vocabulary_size()};
  setup.shared_draws = stage.shared_draws;
  setup.draws_epochs = stage.draws_epochs;
  setup.random_length_share = stage.random_length_share;
  setup.device = run.device;
  return {bundle,
          make_process(run, services, stage.forward_process),
          estimator,
          objective,
          std::move(setup),
          cache,
          std::move(all.sources),
          std::move(all.held.record),
          std::move(all.long_rows),
          needs};
}

using StageTrainer = Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;

/// Everything a stage will ask its reference: by row and epoch, then by repetition of the study.
AskedPlans asked_plans(const StageTrainer& trainer, const Prepared& prepared,
                       const std::vector<TrainingRow>& study_rows) {
  const auto uses = std::make_shared<const std::vector<RowUse>>(trainer.row_uses());
  const std::size_t repeats = study_rows.empty() ? 0 : static_cast<std::size_t>(kStudyRepeats);
  return {uses->size() + repeats, [uses, &trainer, &prepared, &study_rows](std::size_t group) {
            const TrainingSetup& setup = prepared.setup;
            std::vector<AskedPlan> asked;
            if (group < uses->size()) {
              const RowUse& use = (*uses)[group];
              const auto& rows = use.purpose == Purpose::noise ? setup.rows : setup.validation;
              for (ScorePlan& plan : trainer.reference_plans(use))
                asked.push_back({std::move(plan), use.epoch, rows[use.row].id, asked.size()});
            } else {
              const auto repeat = static_cast<int>(group - uses->size());
              for (ScorePlan& plan :
                   study_plans(prepared.process, prepared.estimator, setup, study_rows, repeat))
                asked.push_back({std::move(plan), static_cast<std::uint64_t>(repeat) + 1,
                                 study_rows[asked.size() / 2].id, asked.size() % 2});
            }
            return asked;
          }};
}

/// Says what is wrong with the order of rows on which a baseline depends.
void tell_mismatched(const RunContext& run, const Work& work, const Prepared& prepared) {
  if (!prepared.needs.mismatched) return;
  const OptimizerOptions& optimizer = prepared.setup.optimizer;
  const std::int64_t rows_per_step = optimizer.batch_size * optimizer.gradient_accumulation_steps;
  const std::string problem = mismatched_problem(
      prepared.setup.rows, RowOrder(prepared.setup.draws, prepared.setup.num_rows(), rows_per_step),
      rows_per_step);
  if (!problem.empty()) run.logger.warning(message("stage ", run.label(work), ": ", problem));
}

/// Texts that the policy scored in training: every row of every step, and mismatched ones.  0 where
/// nobody counts them: rows of a corpus that hold several each.
std::int64_t trained_texts(const StageTrainer& trainer, const TrainingSetup& setup,
                           const ObjectiveNeeds& needs, bool is_packed) {
  if (is_packed) return 0;
  const OptimizerOptions& optimizer = setup.optimizer;
  const std::int64_t limit = optimizer.row_limit(setup.num_rows());
  std::int64_t rows =
      trainer.total_steps() * optimizer.batch_size * optimizer.gradient_accumulation_steps;
  if (limit >= 0) rows = std::min(rows, limit);
  return rows * (needs.group_size + (needs.mismatched ? 1 : 0));
}

/// Forward passes as they were run, over the whole stage.
void add_passes(Result& result, const TrainingReporter& reporter, std::int64_t texts) {
  const auto asked = reporter.passes().at("forward_passes");
  if (texts > 0 && asked % texts == 0)
    result["forward_passes_per_text"] = asked / texts;
  else if (texts > 0)
    result["forward_passes_per_text"] = static_cast<double>(asked) / static_cast<double>(texts);
  for (const auto& [name, count] : reporter.passes()) result[name] = count;
}

/// A [template] of the file is a new one to learn, which nobody should do unawares.
void warn_of_new_template(const RunContext& run, const Work& work,
                          const std::filesystem::path& folder, bool has_reference) {
  if (folder.empty()) return;
  try {
    static_cast<void>(template_of(run, work, folder));
  } catch (const ConfigError&) {
    run.logger.warning(
        message("stage ", run.label(work), ": [template] is not the one that ", folder.string(),
                " was trained with: the model learns the new one",
                has_reference ? ", and its frozen reference is scored under it" : ""));
  }
}

}  // namespace

Result TrainingKind::run(const Options& stage, const RunContext& run, const Work& work) {
  const MemoryManager::Watch watch(run.memory);
  Prepared prepared = prepare(run, work, stage);
  prepared.bundle.noise = trained_noise(stage.forward_process.type(), prepared.process);
  const ObjectiveNeeds& needs = prepared.needs;
  warn_of_new_template(run, work, prepared.bundle.folder, needs.reference);
  tell_mismatched(run, work, prepared);
  const TrainingMemory memory =
      plan_training_memory(run, work, stage, prepared.bundle, prepared.estimator, prepared.process,
                           needs, prepared.setup);
  prepared.setup.path = memory.path;
  const std::int64_t num_rows = prepared.setup.num_rows();
  run.logger.info(message("stage ", run.label(work), ": ", num_rows,
                          needs.group_size == 2 ? " pairs" : " rows", ", ",
                          prepared.setup.optimizer.total_steps(num_rows), " steps, ",
                          prepared.bundle.model->shape().parameters, " parameters, gradient path ",
                          to_string(memory.path)));
  std::vector<TrainingRow> study_rows;  // pairs whose scores are studied
  if (needs.group_size > 1) study_rows = prepared.setup.validation;
  const TrainingRow first =
      prepared.setup.source ? prepared.setup.source->row(0).front() : prepared.setup.rows.front();
  const std::int64_t scored = first.answers.front().num_scored();
  StageTrainer trainer(prepared.process, prepared.estimator, prepared.objective, prepared.setup);
  std::optional<FilledPlans> filled;
  if (prepared.cache)  // before a checkpoint takes the place of the weights of `from`
    filled = fill_reference_cache(run, work, prepared.setup,
                                  asked_plans(trainer, prepared, study_rows), *prepared.cache);
  TrainingReporter reporter(run, work, prepared.bundle);
  const TrainingProgress begin = reporter.resume(trainer.optimizer(), trainer.total_steps());
  reporter.start(begin.step, trainer.total_steps());
  trainer.run(reporter, begin);
  reporter.finish();
  require_sound_model(stage.name, trainer.total_steps(), prepared.process, prepared.estimator,
                      prepared.setup);
  if (!prepared.setup.source)  // whose texts nobody has: what was trained on is then unknown
    save_prompts(work.folder, prepared.sources, reads_texts(run, work), prepared.bundle.folder);
  publish_model(work.folder / "model", prepared.bundle,
                training_template(run, work, prepared.bundle.folder));
  Result result = reporter.result();
  result["rows"] = num_rows;
  if (prepared.long_rows.is_any())
    result["long_rows"] = {{"rows", prepared.long_rows.rows},
                           {"cut", prepared.long_rows.cut},
                           {"dropped", prepared.long_rows.dropped}};
  result["steps"] = trainer.total_steps();
  add_passes(result, reporter,
             trained_texts(trainer, prepared.setup, needs, holds_several_texts(run, work)));
  if (!prepared.held_out.is_null()) result["held_out"] = prepared.held_out;
  if (stage.allow_benchmarks.value_or(false))
    result["benchmark_rows"] =
        benchmark_rows(run.schedule.stage_of(work).facts.rows.front(), prepared.sources);
  result["score_target"] = prepared.estimator.target(scored, prepared.process).name;
  result["gradient_path"] = to_string(memory.path);
  if (filled)
    result["reference_scores"] = {{"plans", filled->asked},
                                  {"computed", filled->computed},
                                  {"evaluated_passes", filled->evaluated_passes},
                                  {"seconds", filled->seconds}};
  result["predicted_peak_bytes"] = memory.predicted_bytes;
  result["peak_bytes"] =
      watch.peak_bytes(run.device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu);
  run.logger.info(message("stage ", run.label(work), ": peak memory ",
                          bytes_text(result["peak_bytes"].get<std::uint64_t>()), ", predicted ",
                          bytes_text(static_cast<std::uint64_t>(memory.predicted_bytes))));
  for (std::size_t p = 1; p < kMemoryPurposeNames.size(); ++p)
    result["peak_bytes_by_purpose"][std::string(kMemoryPurposeNames[p])] =
        watch.peak_bytes(run.device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu,
                         static_cast<MemoryPurpose>(p));
  if (!study_rows.empty())
    result["score_study"] =
        study_scores(prepared.process, prepared.estimator, prepared.setup, study_rows);
  return result;
}

}  // namespace lldm
