// SPDX-License-Identifier: MIT
#include "stage/data_source.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include "lldm/config/diagnostics.hpp"
#include "lldm/config/document.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "stage/ranked_rows.hpp"

namespace lldm {
namespace {

using nlohmann::json;

SourceRow row_of(std::uint64_t id, const Example& example) {
  return {.id = id, .prompt = example.prompt, .messages = {}, .answers = {example.answer}};
}

std::vector<SourceRow> from_task(const RunContext& run, const Work& work, const BoundData& data) {
  const Services services = run.services(work, nullptr);
  const auto task = run.registry.make<AnyTask>(data.task, services);
  std::vector<SourceRow> rows;
  for (const Example& example : task.examples())
    rows.push_back(row_of(static_cast<std::uint64_t>(rows.size()), example));
  return rows;
}

std::vector<SourceRow> from_file(const RunContext& run, const DataOptions& data,
                                 std::int64_t group_size) {
  RowReaderOptions options;
  options.on_bad_row = data.on_bad_row;
  std::vector<SourceRow> rows;
  const RowForm form = detect_row_form(data.file.string());
  if (group_size != 1 && (group_size != 2 || form == RowForm::ranked)) {
    const auto file = read_ranked_rows(data.file.string(), group_size, options);
    run.logger.info(file.summary());
    for (const RankedRow& row : file.rows) rows.push_back({row.id, {}, row.prompt, row.answers});
    return rows;
  }
  if (group_size == 2) {
    const auto file = read_preference_rows(data.file.string(), options);
    run.logger.info(file.summary());
    for (const PreferenceRow& row : file.rows)
      rows.push_back({row.id, {}, row.prompt, {row.chosen, row.rejected}});
    return rows;
  }
  if (form == RowForm::text) {
    const auto file = read_text_rows(data.file.string(), options);
    run.logger.info(file.summary());
    for (const TextRow& row : file.rows) rows.push_back({row.id, {}, {}, {row.text}});
    return rows;
  }
  const auto file = read_prompt_rows(data.file.string(), options);
  run.logger.info(file.summary());
  for (const PromptRow& row : file.rows) rows.push_back({row.id, {}, row.prompt, {row.response}});
  return rows;
}

/// The sampler's steps of a row's answers, where the stage recorded them.
std::vector<SourceRow::Path> recorded_paths(const json& row, Take take) {
  std::vector<std::string> keys = {"chosen_path"};
  if (take == Take::samples) keys = {"response_path"};
  if (take == Take::pairs) keys.emplace_back("rejected_path");
  std::vector<SourceRow::Path> paths;
  for (const std::string& key : keys) {
    const auto path = row.find(key);
    if (path == row.end()) return {};
    paths.push_back({path->at("tokens").get<std::vector<std::int64_t>>(),
                     path->at("steps").get<std::vector<std::int64_t>>()});
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

std::vector<SourceRow> from_stage(const RunContext& run, const Work& work, const DataOptions& data,
                                  std::int64_t group_size) {
  const auto folder = run.folder_of(work, data.stage);
  if (const std::string problem = take_problem(data.take, group_size); !problem.empty())
    throw ConfigError(message("stage \"", work.stage, "\": ", problem));
  if (data.take == Take::ranked)
    return rank_samples(folder / "samples.jsonl", data.stage, group_size, run.logger);
  const auto path = folder / (data.take == Take::samples ? "samples.jsonl" : "pairs.jsonl");
  std::ifstream in(path);
  if (!in)
    throw DataError(
        message(path.string(), ": cannot be read: has stage \"", data.stage, "\" run?"));
  std::vector<SourceRow> rows;
  std::uint64_t id = 0;
  for (std::string line; std::getline(in, line); ++id) {
    const json row = json::parse(line);
    if (data.take == Take::samples && !passes(row, data)) continue;
    SourceRow source{
        .id = id, .prompt = row.at("prompt").get<std::string>(), .messages = {}, .answers = {}};
    if (data.take == Take::samples)
      source.answers = {row.at("response").get<std::string>()};
    else if (data.take == Take::chosen)
      source.answers = {row.at("chosen").get<std::string>()};
    else
      source.answers = {row.at("chosen").get<std::string>(), row.at("rejected").get<std::string>()};
    source.paths = recorded_paths(row, data.take);
    rows.push_back(std::move(source));
  }
  if (rows.empty())
    throw DataError(message(path.string(), ": no row is left to train on\n  stage \"", data.stage,
                            "\" made none that pass the filter"));
  return rows;
}

}  // namespace

std::vector<SourceRow> read_source(const RunContext& run, const Work& work, const BoundData& data,
                                   std::int64_t group_size) {
  std::vector<SourceRow> rows;
  if (data.task)
    rows = from_task(run, work, data);
  else if (!data.options.stage.empty())
    rows = from_stage(run, work, data.options, group_size);
  else
    rows = from_file(run, data.options, group_size);
  const auto limit = static_cast<std::size_t>(data.options.limit);
  if (limit > 0 && rows.size() > limit) {
    run.logger.info(message("stage \"", work.stage, "\": the first ", limit, " of ", rows.size(),
                            " rows (limit)"));
    rows.resize(limit);
  }
  return rows;
}

namespace {

/// How a file is read for its words: the objective is not at hand.
std::int64_t answers_of_file(const StageRows& rows) {
  if (rows.wanted == RowsWanted::texts || rows.wanted == RowsWanted::answers) return 1;
  if (rows.wanted == RowsWanted::pairs) return 2;
  return detect_row_form(rows.data.options.file.string()) == RowForm::ranked ? 0 : 2;
}

/// What a stage takes words from.
std::string source_of_words(const Stage& stage) {
  std::string text;
  for (const char* key : {"data", "task", "pairs", "prompts"})
    if (const config::Member* member = stage.resolved.find(key))
      text += std::string(key) + "=" + config::to_toml(member->value) + "\n";
  return text;
}

/// The stages of the work's own cell, then those of other cells that read other words: cells share
/// a model's pretraining, so its words are those of all of them.
std::vector<const Stage*> stages_with_words(const RunContext& run, const Work& work) {
  std::vector<const Stage*> stages;
  std::set<std::string> seen;
  const auto add = [&](const Experiment& experiment, bool is_own) {
    for (const Stage& stage : experiment.stages)
      if (seen.insert(source_of_words(stage)).second || is_own) stages.push_back(&stage);
  };
  add(run.experiment(work), true);
  for (const Experiment& experiment : run.schedule.experiments) add(experiment, false);
  return stages;
}

}  // namespace

std::vector<std::string> vocabulary_of(const RunContext& run, const Work& work) {
  std::vector<std::string> texts;
  const Services services = run.services(work, nullptr);
  const auto add = [&](const AnyTask& task) {
    for (std::string& text : task.vocabulary_texts()) texts.push_back(std::move(text));
  };
  const std::vector<const Stage*> stages = stages_with_words(run, work);
  // Every task of the file: a later stage may use words that this stage's rows lack.
  for (const Stage* stage : stages) {
    if (stage->facts.rows && stage->facts.rows->data.task)
      add(run.registry.make<AnyTask>(stage->facts.rows->data.task, services));
    for (const auto& task : stage->facts.tasks) add(run.registry.make<AnyTask>(task, services));
  }
  const auto add_rows = [&](const std::vector<SourceRow>& rows) {
    for (const SourceRow& row : rows) {
      texts.push_back(row.prompt);
      for (const Message& turn : row.messages) texts.push_back(turn.content);
      for (const std::string& answer : row.answers) texts.push_back(answer);
    }
  };
  // And every file of the file.
  for (const Stage* stage : stages) {
    if (stage->facts.rows && !stage->facts.rows->data.options.file.empty())
      add_rows(
          read_source(run, work, stage->facts.rows->data, answers_of_file(*stage->facts.rows)));
    for (const std::string& prompt : stage->facts.prompts) texts.push_back(prompt);
  }
  const StageFacts& own = run.schedule.stage_of(work).facts;
  if (own.training && own.rows && own.rows->data.options.file.empty())
    add_rows(read_source(run, work, own.rows->data, 1));
  return texts;
}

CanvasRule canvas_rule(const config::Value& response_length, ScorePadding padding) {
  CanvasRule rule{.length = std::nullopt, .padding = padding, .is_plain_text = false};
  if (response_length.is_integer()) rule.length = response_length.as_integer();
  return rule;
}

namespace {

/// The recorded steps of a canvas: those of the sampler's canvas, and one step more for end-of-text
/// padding behind it.  Empty if the sampler's text, encoded again, is another row of tokens.
std::vector<std::int64_t> steps_on_canvas(const SourceRow::Path& path,
                                          const std::vector<std::int64_t>& response,
                                          std::size_t unpadded) {
  const std::size_t common = std::min(response.size(), path.tokens.size());
  if (unpadded > path.tokens.size() ||
      !std::equal(response.begin(), response.begin() + static_cast<std::ptrdiff_t>(common),
                  path.tokens.begin()))
    return {};
  std::vector<std::int64_t> steps(path.steps.begin(),
                                  path.steps.begin() + static_cast<std::ptrdiff_t>(common));
  const std::int64_t last = *std::max_element(path.steps.begin(), path.steps.end());
  steps.resize(response.size(), last + 1);
  return steps;
}

/// Texts may differ and their tokens not: such a pair says nothing.
void refuse_equal_answers(const std::vector<SourceRow>& rows, const std::vector<Encoded>& all) {
  constexpr int kMostListed = 20;
  int bad = 0;
  std::string list;
  std::size_t at = 0;
  for (const SourceRow& row : rows) {
    const std::size_t count = row.answers.size();
    for (std::size_t a = 0; a + 1 < count; ++a)
      if (all[at + a].response == all[at + a + 1].response && bad++ < kMostListed)
        list += message("\n  row ", row.id, ": answers ", a, " and ", a + 1);
    at += count;
  }
  if (bad > kMostListed) list += message("\n  and ", bad - kMostListed, " more");
  if (bad > 0)
    throw DataError(message(bad, " answer(s) are the same tokens as the one before", list,
                            "\n  remove these rows, or use a tokenizer that tells them apart"));
}

std::vector<TrainingRow> encode_plain(const std::vector<SourceRow>& rows,
                                      const Tokenizer& tokenizer) {
  std::vector<TrainingRow> result;
  for (const SourceRow& row : rows) {
    Text text;
    text.response = tokenizer.encode(row.answers.front());
    if (text.response.empty()) throw DataError(message("row ", row.id, ": the text has no token"));
    result.push_back({row.id, {std::move(text)}});
  }
  return result;
}

}  // namespace

std::vector<TrainingRow> encode_rows(const std::vector<SourceRow>& rows, const Tokenizer& tokenizer,
                                     const TemplateOptions& prompt_template,
                                     const CanvasRule& rule) {
  if (rule.is_plain_text) return encode_plain(rows, tokenizer);
  std::vector<Encoded> all;
  std::vector<std::int64_t> own;  // length before the canvas
  for (const SourceRow& row : rows)
    for (const std::string& answer : row.answers) {
      const auto messages = row.messages.empty() ? user_prompt(row.prompt) : row.messages;
      all.push_back(encode(render(prompt_template, messages, answer), row.id, tokenizer));
      own.push_back(static_cast<std::int64_t>(all.back().response.size()));
    }
  refuse_equal_answers(rows, all);
  fit_to_canvas(all, rule.length, tokenizer);
  std::vector<TrainingRow> result;
  result.reserve(rows.size());
  std::size_t at = 0;
  for (const SourceRow& row : rows) {
    result.push_back({.id = row.id, .answers = {}});
    for (std::size_t answer = 0; answer < row.answers.size(); ++answer, ++at) {
      Text text{.prompt = std::move(all[at].prompt), .response = std::move(all[at].response)};
      // exclude: the first end-of-text is scored, what lies behind it is visible context.
      if (rule.padding == ScorePadding::exclude) text.scored = own[at] + 1;
      if (!row.paths.empty())
        text.reveal_step =
            steps_on_canvas(row.paths[answer], text.response, static_cast<std::size_t>(own[at]));
      result.back().answers.push_back(std::move(text));
    }
  }
  return result;
}

void check_lengths(const std::vector<TrainingRow>& rows, std::int64_t max_length,
                   const std::string& stage) {
  constexpr int kMostListed = 10;
  int bad = 0;
  std::string list;
  for (const TrainingRow& row : rows)
    for (const Text& text : row.answers) {
      if (text.length() <= max_length) continue;
      if (bad++ < kMostListed)
        list += message("\n  row ", row.id, ": ", text.length(), " tokens (prompt ",
                        text.prompt.size(), ", answer ", text.response.size(), ")");
    }
  if (bad > kMostListed) list += message("\n  and ", bad - kMostListed, " more");
  if (bad > 0)
    throw DataError(message("stage \"", stage, "\": ", bad, " text(s) are longer than the model's ",
                            max_length, " tokens", list,
                            "\n  shorten them, or train a model with a larger [model] max_length"));
}

}  // namespace lldm
