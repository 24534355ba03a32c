// SPDX-License-Identifier: MIT
// Rows as token ids on their canvas: the second half of data_source.hpp.
#include <algorithm>

#include "experiment/row_faults.hpp"
#include "lldm/errors.hpp"
#include "stage/benchmark_rows.hpp"
#include "stage/data_source.hpp"
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
void refuse_equal_answers(const std::vector<SourceRow>& rows, const std::vector<Encoded>& all) {
  constexpr int kMostListed = 20;
  int bad = 0;
  std::string list;
  std::size_t at = 0;
  for (const SourceRow& row : rows) {
    const std::size_t count = row.answers.size();
    for (std::size_t a = 0; a + 1 < count; ++a)
      if (all[at + a].response == all[at + a + 1].response && bad++ < kMostListed)
        list += message("\n  ", row.name(), ": answers ", a, " and ", a + 1);
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
  RowFaults unknown;
  for (const SourceRow& row : rows) {
    Text text;
    try {
      text.response = tokenizer.encode(row.answers.front());
      if (text.response.empty()) throw DataError("the text has no token");
    } catch (const DataError& error) {
      unknown.add(row.name(), error.what());
    }
    result.push_back({row.id, {std::move(text)}});
  }
  throw_if_unknown(unknown, rows.size());
  return result;
}

}  // namespace

std::string SourceRow::name() const { return place.empty() ? message("row ", id + 1) : place; }

std::vector<TrainingRow> encode_rows(const std::vector<SourceRow>& rows, const Tokenizer& tokenizer,
                                     const TemplateOptions& prompt_template,
                                     const CanvasRule& rule) {
  if (rule.is_plain_text) return encode_plain(rows, tokenizer);
  std::vector<Encoded> all;
  std::vector<std::int64_t> own;  // length before the canvas
  RowFaults unknown;
  for (const SourceRow& row : rows) try {
      for (const std::string& answer : row.answers) {
        const auto messages = row.messages.empty() ? user_prompt(row.prompt) : row.messages;
        all.push_back(encode(render(prompt_template, messages, answer), row.id, tokenizer));
        all.back().place = row.name();
        own.push_back(static_cast<std::int64_t>(all.back().response.size()));
      }
    } catch (const DataError& error) {
      unknown.add(row.name(), error.what());
    }
  throw_if_unknown(unknown, rows.size());
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

CanvasRule canvas_rule(const StageFacts& stage, RowsWanted wanted) {
  CanvasRule rule{.is_plain_text = wanted == RowsWanted::texts};
  if (stage.scoring)
    rule.length = stage.scoring->response_length, rule.padding = stage.scoring->score_padding;
  return rule;
}

EncodedRows read_encoded(const PlannedRun& run, Logger& logger, const Work& work,
                         const StageRows& rows, std::int64_t group_size, const Writing& writing) {
  const Stage& stage = run.schedule.stage_of(work);
  EncodedRows read{read_source(run, logger, work, rows.data, group_size), {}};
  refuse_mask_text(read.sources, *writing.tokenizer);
  refuse_benchmarks(stage, rows, read.sources);
  if (rows.limit > 0 && static_cast<std::size_t>(rows.limit) < read.sources.size())
    read.sources.resize(static_cast<std::size_t>(rows.limit));
  read.rows = encode_rows(read.sources, *writing.tokenizer, writing.prompt_template,
                          canvas_rule(stage.facts, rows.wanted));
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
    throw DataError(message("stage \"", stage, "\": ", bad, " text(s) are longer than the model's ",
                            max_length, " tokens", list,
                            "\n  shorten them, or train a model with a larger [model] max_length"));
}

}  // namespace lldm
