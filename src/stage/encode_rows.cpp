// SPDX-License-Identifier: MIT
// Rows as token ids on their canvas: the second half of data_source.hpp.
#include <algorithm>

#include "data/prompt_border.hpp"
#include "experiment/row_faults.hpp"
#include "lldm/errors.hpp"
#include "stage/benchmark_rows.hpp"
#include "stage/data_source.hpp"
#include "stage/long_rows.hpp"
#include "stage/mask_in_data.hpp"

namespace lldm {

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

/// DataError with every row that holds what the tokenizer does not know.
void throw_if_unknown(const RowFaults& unknown, std::size_t rows) {
  if (unknown.count() > 0)
    throw DataError(
        message(unknown.count(), " of ", rows, " rows cannot be encoded", unknown.list()));
}

/// Texts may differ and their tokens not: such a pair says nothing.
void refuse_equal_answers(const std::vector<SourceRow>& rows, const std::vector<EncodedRow>& all) {
  constexpr int kMostListed = 20;
  int bad = 0;
  std::string list;
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t a = 0; a + 1 < all[r].size(); ++a)
      if (all[r][a].response == all[r][a + 1].response && bad++ < kMostListed)
        list += message("\n  ", rows[r].name(), ": answers ", a, " and ", a + 1);
  if (bad > kMostListed) list += message("\n  and ", bad - kMostListed, " more");
  if (bad > 0)
    throw DataError(message(bad, " answer(s) are the same tokens as the one before", list,
                            "\n  remove these rows, or use a tokenizer that tells them apart"));
}

constexpr std::int64_t kMostBorders = 10000;  // answers whose border is looked at

EncodedRow encode_answers(const SourceRow& row, const Tokenizer& tokenizer,
                          const TemplateOptions& prompt_template, const CanvasRule& rule,
                          BorderCount* borders) {
  EncodedRow encoded;
  const auto messages = row.messages.empty() ? user_prompt(row.prompt) : row.messages;
  for (const std::string& answer : row.answers) {
    const Rendered rendered = render(prompt_template, messages, answer);
    encoded.push_back(encode(rendered, row.id, tokenizer));
    encoded.back().place = row.name();
    const bool is_counted = borders && borders->looked_at < kMostBorders;
    if (rule.boundary != PromptBoundary::prefix && !is_counted) continue;
    const bool spans = spans_border(rendered, encoded.back().prompt, tokenizer);
    if (is_counted) borders->add(spans, row.name());
    if (spans && rule.boundary == PromptBoundary::prefix)
      throw DataError(
          "a token spans the border of prompt and answer: together they begin with other tokens "
          "than the prompt's (prompt_boundary = \"prefix\")");
  }
  return encoded;
}

EncodedRow encode_text(const SourceRow& row, const Tokenizer& tokenizer) {
  Encoded text{.row = row.id, .prompt = {}, .response = tokenizer.encode(row.answers.front())};
  if (text.response.empty()) throw DataError("the text has no token");
  return {std::move(text)};
}

/// Every row as tokens, before its canvas.
std::vector<EncodedRow> encode_all(const std::vector<SourceRow>& rows, const Tokenizer& tokenizer,
                                   const TemplateOptions& prompt_template, const CanvasRule& rule,
                                   BorderCount* borders = nullptr) {
  std::vector<EncodedRow> all;
  RowFaults unknown;
  for (const SourceRow& row : rows) try {
      all.push_back(rule.is_plain_text
                        ? encode_text(row, tokenizer)
                        : encode_answers(row, tokenizer, prompt_template, rule, borders));
    } catch (const DataError& error) {
      unknown.add(row.name(), error.what());
    }
  throw_if_unknown(unknown, rows.size());
  if (!rule.is_plain_text) refuse_equal_answers(rows, all);
  return all;
}

std::vector<TrainingRow> on_canvas(const std::vector<SourceRow>& rows,
                                   const std::vector<EncodedRow>& encoded,
                                   const Tokenizer& tokenizer, const CanvasRule& rule) {
  std::vector<Encoded> all;
  std::vector<std::size_t> own;  // length before the canvas
  for (const EncodedRow& row : encoded)
    for (const Encoded& answer : row) {
      own.push_back(answer.response.size());
      all.push_back(answer);
    }
  if (!rule.is_plain_text) fit_to_canvas(all, rule.length, tokenizer);
  std::vector<TrainingRow> result;
  result.reserve(rows.size());
  std::size_t at = 0;
  for (const SourceRow& row : rows) {
    result.push_back({.id = row.id, .answers = {}, .wanted = row.wanted});
    for (std::size_t answer = 0; answer < row.answers.size(); ++answer, ++at) {
      Text text{.prompt = std::move(all[at].prompt), .response = std::move(all[at].response)};
      // exclude: the first end-of-text is scored, what lies behind it is visible context.
      if (rule.padding == ScorePadding::exclude && !rule.is_plain_text)
        text.scored = static_cast<std::int64_t>(own[at]) + 1;
      // hide: what nothing attends to, and nothing scores, is not there.
      if (rule.padding == ScorePadding::hide && !rule.is_plain_text)
        text.response.resize(own[at] + 1);
      if (!row.paths.empty())
        text.reveal_step = steps_on_canvas(row.paths[answer], text.response, own[at]);
      result.back().answers.push_back(std::move(text));
    }
  }
  return result;
}

}  // namespace

std::string SourceRow::name() const { return place.empty() ? message("row ", id + 1) : place; }

std::vector<TrainingRow> encode_rows(const std::vector<SourceRow>& rows, const Tokenizer& tokenizer,
                                     const TemplateOptions& prompt_template,
                                     const CanvasRule& rule) {
  return on_canvas(rows, encode_all(rows, tokenizer, prompt_template, rule), tokenizer, rule);
}

CanvasRule canvas_rule(const StageFacts& stage, RowsWanted wanted) {
  CanvasRule rule{.is_plain_text = wanted == RowsWanted::texts};
  if (stage.scoring)
    rule.length = stage.scoring->response_length, rule.padding = stage.scoring->score_padding,
    rule.long_rows = stage.scoring->long_rows, rule.boundary = stage.scoring->boundary;
  return rule;
}

namespace {

void refuse_labels(const std::vector<SourceRow>& rows, const std::string& stage) {
  for (const SourceRow& row : rows)
    if (row.wanted)
      throw DataError(
          message(row.name(), ": holds one labelled answer, stage \"", stage, "\" compares two"));
}

}  // namespace

EncodedRows read_encoded(const PlannedRun& run, Logger& logger, const Work& work,
                         const StageRows& rows, std::int64_t group_size, const Writing& writing) {
  const Stage& stage = run.schedule.stage_of(work);
  EncodedRows read{read_source(run, logger, work, rows.data, group_size), {}};
  if (rows.wanted == RowsWanted::pairs) refuse_labels(read.sources, stage.name);
  refuse_mask_text(read.sources, *writing.tokenizer);
  refuse_benchmarks(stage, rows, read.sources);
  if (rows.limit > 0 && static_cast<std::size_t>(rows.limit) < read.sources.size())
    read.sources.resize(static_cast<std::size_t>(rows.limit));
  CanvasRule rule = canvas_rule(stage.facts, rows.wanted);
  rule.max_length = writing.max_length;
  const bool is_file = !rows.data.options.file.empty();
  if (!is_file) rule.boundary = PromptBoundary::separate;
  BorderCount borders;
  std::vector<EncodedRow> encoded =
      encode_all(read.sources, *writing.tokenizer, writing.prompt_template, rule,
                 is_file && rule.boundary == PromptBoundary::separate ? &borders : nullptr);
  if (const std::string problem = borders.problem(); !problem.empty())
    logger.warning(message("stage ", stage.name, ": ", problem));
  read.long_rows = treat_long_rows(read.sources, encoded, rule);
  if (read.long_rows.is_any())
    logger.warning(message("stage ", stage.name, ": long_rows = \"", to_string(rule.long_rows),
                           "\": ", read.long_rows.text()));
  if (read.sources.empty())
    throw DataError(message("stage \"", stage.name, "\": long_rows = \"", to_string(rule.long_rows),
                            "\" leaves no row: all ", read.long_rows.rows, " are too long"));
  read.rows = on_canvas(read.sources, encoded, *writing.tokenizer, rule);
  check_lengths(read.rows, names_of(read.sources), writing.max_length, stage.name);
  return read;
}

RowNames names_of(const std::vector<SourceRow>& rows) {
  return [&rows](std::size_t row) { return rows.at(row).name(); };
}

void check_lengths(const std::vector<TrainingRow>& rows, const RowNames& names,
                   std::int64_t max_length, const std::string& stage) {
  constexpr int kMostListed = 10;
  int bad = 0;
  std::string list;
  for (std::size_t row = 0; row < rows.size(); ++row)
    for (const Text& text : rows[row].answers) {
      if (text.length() <= max_length) continue;
      if (bad++ < kMostListed)
        list += message("\n  ", names(row), ": ", text.length(), " tokens (prompt ",
                        text.prompt.size(), ", answer ", text.response.size(), ")");
    }
  if (bad > kMostListed) list += message("\n  and ", bad - kMostListed, " more");
  if (bad > 0)
    throw DataError(message(
        "stage \"", stage, "\": ", bad, " text(s) are longer than the model's ", max_length,
        " tokens", list,
        "\n  shorten them, train a model with a larger [model] max_length, or say what becomes of "
        "them: long_rows = \"drop\", \"truncate_prompt_left\" or "
        "\"truncate_response_right\""));
}

}  // namespace lldm
