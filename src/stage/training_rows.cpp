// SPDX-License-Identifier: MIT
#include "stage/training_rows.hpp"

#include "data/begin_of_text.hpp"
#include "lldm/data/corpus.hpp"
#include "lldm/errors.hpp"
#include "stage/corpus_rows.hpp"
#include "stage/seen_prompts.hpp"

namespace lldm {

bool reads_texts(const RunContext& run, const Work& work) {
  return run.schedule.stage_of(work).facts.rows.front().wanted == RowsWanted::texts;
}

bool holds_several_texts(const RunContext& run, const Work& work) {
  const DataRef& data = run.schedule.stage_of(work).facts.rows.front().data;
  return data.is_corpus() && data.options.packing == Packing::isolated;
}

namespace {

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

}  // namespace

PreparedRows read_file_rows(const PlannedRun& run, Logger& logger, const Work& work,
                            std::int64_t validation_rows, const Writing& writing,
                            std::int64_t group_size) {
  const StageFacts& facts = run.schedule.stage_of(work).facts;
  const StageRows &trained = facts.rows.front(), *validation = facts.rows_at("validation");
  const bool is_plain_text = trained.wanted == RowsWanted::texts;
  EncodedRows read = read_encoded(run, logger, work, trained, group_size, writing);
  PreparedRows all{std::move(read.sources), std::move(read.rows), {}, read.long_rows};
  if (!validation) {
    all.held = hold_out_prompts(all.sources, all.rows, validation_rows, work.seed, is_plain_text,
                                work.stage);
    return all;
  }
  EncodedRows held = read_encoded(run, logger, work, *validation, group_size, writing);
  all.held.sources = std::move(held.sources);
  all.held.rows = std::move(held.rows);
  all.held.record = {{"from", "validation"}, {"by", is_plain_text ? "text" : "prompt"}};
  describe_held_out(all.held, all.sources, is_plain_text);
  return all;
}

PreparedRows read_rows(const RunContext& run, const Work& work, const TrainingStage& stage,
                       const ModelBundle& bundle, std::int64_t group_size) {
  const StageFacts& facts = run.schedule.stage_of(work).facts;
  const Writing writing{bundle.tokenizer, training_template(run, work, bundle.folder),
                        bundle.model->shape().max_length};
  if (facts.rows.front().data.is_corpus()) return corpus_rows(run, work, stage, writing);
  return read_file_rows(run, run.logger, work, stage.validation_rows, writing, group_size);
}

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

}  // namespace lldm
