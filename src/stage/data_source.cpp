// SPDX-License-Identifier: MIT
#include "stage/data_source.hpp"

#include <algorithm>
#include <set>

#include "data/bad_rows.hpp"
#include "experiment/row_faults.hpp"
#include "experiment/work_seal.hpp"
#include "lldm/config/document.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "stage/ranked_rows.hpp"
#include "storage/input_file.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

using nlohmann::json;

SourceRow row_of(std::uint64_t id, const Example& example) {
  return {.id = id,
          .prompt = example.prompt,
          .messages = {},
          .answers = {example.answer},
          .place = example.place};
}

std::vector<SourceRow> from_task(const Services& services, const DataRef& data) {
  const auto task = services.registry.make<AnyTask>(data.task, services);
  std::vector<SourceRow> rows;
  for (const Example& example : task.examples())
    rows.push_back(row_of(static_cast<std::uint64_t>(rows.size()), example));
  return rows;
}

/// The rows of a file as `convert` gives their prompt and answers, each with its place.
template <class Row, class Convert>
std::vector<SourceRow> told(Logger& logger, const RowFile<Row>& file, const Convert& convert,
                            const std::string& note = "") {
  logger.info(file.summary() + note);
  std::vector<SourceRow> rows;
  for (const Row& row : file.rows) {
    SourceRow source = convert(row);
    source.id = row.id;
    source.place = data::place_of(file, row.id);
    rows.push_back(std::move(source));
  }
  return rows;
}

SourceRow of_messages(const std::vector<Message>& prompt, std::vector<std::string> answers) {
  return {.prompt = {}, .messages = prompt, .answers = std::move(answers)};
}

/// One answer of every pair of a file.
std::vector<SourceRow> from_pairs(Logger& logger, const DataOptions& data,
                                  const RowReaderOptions& options) {
  const bool is_chosen = data.take == Take::chosen;
  return told(
      logger, read_preference_rows(data.file.string(), options),
      [&](const PreferenceRow& row) {
        return of_messages(row.prompt, {is_chosen ? row.chosen : row.rejected});
      },
      message("; the ", is_chosen ? "chosen" : "rejected", " answer of each is read (take)"));
}

/// The forms in which a file may hold rows of so many answers.
std::vector<RowForm> forms_of(std::int64_t group_size) {
  if (group_size == 1) return {RowForm::text, RowForm::prompt_response, RowForm::conversation};
  return {RowForm::preference, RowForm::ranked, RowForm::unpaired};
}

std::vector<SourceRow> from_file(Logger& logger, const DataRef& bound, std::int64_t group_size) {
  const DataOptions& data = bound.options;
  if (const std::string problem = file_take_problem(bound, group_size); !problem.empty())
    throw ConfigError(message(data.file.string(), ": ", problem));
  const RowReaderOptions options = reader_options(data);
  const std::string path = data.file.string();
  if (data.take == Take::chosen || data.take == Take::rejected)
    return from_pairs(logger, data, options);
  const RowForm form = detect_row_form(path, forms_of(group_size), options);
  if (form == RowForm::unpaired)
    return told(logger, read_unpaired_rows(path, options), [](const UnpairedRow& row) {
      SourceRow source = of_messages(row.prompt, {row.completion});
      source.wanted = row.label;
      return source;
    });
  if (group_size != 1 && (group_size != 2 || form == RowForm::ranked))
    return told(logger, read_ranked_rows(path, group_size, options),
                [](const RankedRow& row) { return of_messages(row.prompt, row.answers); });
  if (group_size == 2)
    return told(logger, read_preference_rows(path, options), [](const PreferenceRow& row) {
      return of_messages(row.prompt, {row.chosen, row.rejected});
    });
  if (form == RowForm::text)
    return told(logger, read_text_rows(path, options),
                [](const TextRow& row) { return of_messages({}, {row.text}); });
  return told(logger, read_prompt_rows(path, options),
              [](const PromptRow& row) { return of_messages(row.prompt, {row.response}); });
}

/// The sampler's steps of a row's answers, where the stage recorded them.
std::vector<SourceRow::Path> recorded_paths(const json& row, Take take) {
  std::vector<std::string> keys = {"chosen_path"};
  if (take == Take::samples) keys = {"response_path"};
  if (take == Take::rejected) keys = {"rejected_path"};
  if (take == Take::pairs) keys.emplace_back("rejected_path");
  std::vector<SourceRow::Path> paths;
  for (const std::string& key : keys) {
    const auto path = row.find(key);
    if (path == row.end()) return {};
    SourceRow::Path recorded;
    for (const json& token : path->at("tokens")) recorded.tokens.push_back(json_integer(token));
    for (const json& step : path->at("steps")) recorded.steps.push_back(json_integer(step));
    paths.push_back(std::move(recorded));
  }
  return paths;
}

bool passes(const json& sample, const DataOptions& data) {
  if (data.correct && !sample.at("correct").get<bool>()) return false;
  for (const auto& [name, most] : data.at_most) {
    const auto& metrics = sample.at("metrics");
    if (!metrics.contains(name))
      throw ConfigError(message("data: the task has no metric \"", name, "\" (`at_most`)"));
    if (metrics.at(name).get<double>() > most) return false;
  }
  return true;
}

/// A row of samples.jsonl or pairs.jsonl.
SourceRow stage_row(const json& row, std::uint64_t id, Take take) {
  const auto text = [&](const char* key) { return row.at(key).get<std::string>(); };
  SourceRow source{.id = id, .prompt = text("prompt"), .messages = {}, .answers = {}};
  if (take == Take::samples)
    source.answers = {text("response")};
  else if (take == Take::chosen || take == Take::rejected)
    source.answers = {text(take == Take::chosen ? "chosen" : "rejected")};
  else
    source.answers = {text("chosen"), text("rejected")};
  source.paths = recorded_paths(row, take);
  return source;
}

std::vector<SourceRow> from_stage(const PlannedRun& run, Logger& logger, const Work& work,
                                  const DataOptions& data, std::int64_t group_size) {
  const auto folder = run.folder_of(work, data.stage);
  if (const std::string problem = take_problem(data.take, group_size); !problem.empty())
    throw ConfigError(message("stage \"", work.stage, "\": ", problem));
  if (data.take == Take::ranked)
    return rank_samples(folder / "samples.jsonl", data.stage, group_size, logger);
  const auto path = folder / (data.take == Take::samples ? "samples.jsonl" : "pairs.jsonl");
  if (!std::filesystem::exists(path))
    throw DataError(
        message(path.string(), ": cannot be read: has stage \"", data.stage, "\" run?"));
  std::vector<SourceRow> rows;
  each_sealed_row(path, [&](const json& row, std::uint64_t number) {
    if (data.take == Take::samples && !passes(row, data)) return;
    rows.push_back(stage_row(row, number - 1, data.take));
    rows.back().place = message(path.string(), ":", number);
  });
  if (rows.empty())
    throw DataError(message(path.string(), ": no row is left to train on\n  stage \"", data.stage,
                            "\" made none that pass the filter"));
  return rows;
}

}  // namespace

RowReaderOptions reader_options(const DataOptions& data) {
  return {.on_bad_row = data.on_bad_row,
          .offers_skip = true,
          .columns = data.columns,
          .form = data.format};
}

std::vector<SourceRow> read_source(const PlannedRun& run, Logger& logger, const Work& work,
                                   const DataRef& data, std::int64_t group_size) {
  return read_source(run.services(work, nullptr), logger, work.stage, data, group_size,
                     [&](const DataOptions& earlier) {
                       return from_stage(run, logger, work, earlier, group_size);
                     });
}

std::vector<SourceRow> read_source(const Services& services, Logger& logger,
                                   const std::string& stage, const DataRef& data,
                                   std::int64_t group_size, const StageReader& of_stage) {
  std::vector<SourceRow> rows;
  if (data.is_generated())
    rows = from_task(services, data);
  else if (!data.options.stage.empty())
    rows = of_stage(data.options);
  else
    rows = from_file(logger, data, group_size);
  const auto limit = static_cast<std::size_t>(data.options.limit);
  if (limit > 0 && rows.size() > limit) {
    logger.info(
        message("stage \"", stage, "\": the first ", limit, " of ", rows.size(), " rows (limit)"));
    rows.resize(limit);
  }
  return rows;
}

namespace {

/// How a file is read for its words: the objective is not at hand.
std::int64_t answers_of_file(const StageRows& rows) {
  if (rows.wanted == RowsWanted::texts || rows.wanted == RowsWanted::answers) return 1;
  if (rows.wanted == RowsWanted::pairs) return 2;
  const RowForm form = detect_row_form(rows.data.options.file.string(), forms_of(2),
                                       reader_options(rows.data.options));
  return form == RowForm::ranked ? 0 : 2;
}

}  // namespace

std::string rows_problem(const StageRows& rows) {
  try {
    static_cast<void>(from_file(null_logger(), rows.data, answers_of_file(rows)));
  } catch (const DataError& error) {
    return error.what();
  } catch (const ConfigError&) {  // told where keys are looked at
  }
  return "";
}

namespace {

/// What a stage takes words from.
std::string source_of_words(const Stage& stage) {
  std::string text;
  for (const char* key : {"data", "validation", "task", "pairs", "prompts"})
    if (const config::Member* member = stage.resolved.find(key))
      text += std::string(key) + "=" + config::to_toml(member->value) + "\n";
  return text;
}

/// The stages of the work's own cell, then those of other cells that read other words: cells share
/// a model's pretraining, so its words are those of all of them.
std::vector<const Stage*> stages_with_words(const RunSchedule& schedule, const Work& work) {
  std::vector<const Stage*> stages;
  std::set<std::string> seen;
  const auto add = [&](const Experiment& experiment, bool is_own) {
    for (const Stage& stage : experiment.stages)
      if (seen.insert(source_of_words(stage)).second || is_own) stages.push_back(&stage);
  };
  add(schedule.experiments[work.experiment], true);
  for (const Experiment& experiment : schedule.experiments) add(experiment, false);
  return stages;
}

/// Words are made of texts, which a corpus keeps only as ids.
void refuse_corpus_alone(const std::vector<const Stage*>& stages,
                         const std::vector<std::string>& texts) {
  if (!texts.empty()) return;
  for (const Stage* stage : stages)
    for (const StageRows& rows : stage->facts.rows)
      if (rows.data.is_corpus())
        throw ConfigError(message(
            "tokenizer.type = \"words\" makes its vocabulary of the texts of the stages, and stage "
            "\"",
            stage->name, "\" reads the corpus ", rows.data.options.corpus.string(),
            ", which holds tokens of its own tokenizer\n  give the tokenizer that it was packed "
            "with (\"tokenizer\" in its corpus.json) as [tokenizer], or the texts as data.file"));
}

}  // namespace

std::vector<std::string> vocabulary_of(const PlannedRun& run, const Work& work) {
  return vocabulary_of(
      run.schedule, work, run.services(work, nullptr),
      [&](const DataOptions& data) { return from_stage(run, null_logger(), work, data, 1); });
}

std::vector<std::string> vocabulary_of(const RunSchedule& schedule, const Work& work,
                                       const Services& services, const StageReader& of_stage) {
  std::vector<std::string> texts;
  const auto add = [&](const AnyTask& task) {
    for (std::string& text : task.vocabulary_texts()) texts.push_back(std::move(text));
  };
  const std::vector<const Stage*> stages = stages_with_words(schedule, work);
  // Every task of the file: a later stage may use words that this stage's rows lack.
  for (const Stage* stage : stages) {
    for (const StageRows& rows : stage->facts.rows)
      if (rows.data.is_generated()) add(services.registry.make<AnyTask>(rows.data.task, services));
    for (const StageItems& items : stage->facts.items) {
      const auto task = services.registry.make<AnyTask>(items.task, services);
      const std::size_t before = texts.size();
      add(task);
      if (texts.size() > before) continue;
      for (Example& example : task.examples()) {
        texts.push_back(std::move(example.prompt));
        texts.push_back(std::move(example.answer));
      }
    }
  }
  const auto read = [&](const DataRef& data, std::int64_t group_size) {
    return read_source(services, null_logger(), work.stage, data, group_size, of_stage);
  };
  const auto add_rows = [&](const std::vector<SourceRow>& rows) {
    for (const SourceRow& row : rows) {
      texts.push_back(row.prompt);
      for (const Message& turn : row.messages) texts.push_back(turn.content);
      for (const std::string& answer : row.answers) texts.push_back(answer);
    }
  };
  // And every file of the file.
  for (const Stage* stage : stages) {
    for (const StageRows& rows : stage->facts.rows)
      if (!rows.data.options.file.empty()) add_rows(read(rows.data, answers_of_file(rows)));
    for (const std::string& prompt : stage->facts.prompts) texts.push_back(prompt);
  }
  const StageFacts& own = schedule.stage_of(work).facts;
  if (own.training && own.rows.front().data.options.file.empty() &&
      !own.rows.front().data.is_corpus())
    add_rows(read(own.rows.front().data, 1));
  refuse_corpus_alone(stages, texts);
  return texts;
}

}  // namespace lldm
