// SPDX-License-Identifier: MIT
// The rows a stage trains on or scores.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/any_task.hpp"
#include "lldm/data/template.hpp"
#include "lldm/experiment/data_options.hpp"
#include "lldm/experiment/long_rows.hpp"
#include "lldm/experiment/score_padding.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/train/training_rows.hpp"

namespace lldm {

/// Rows as text: answers[0] alone, or the answers that are compared, the best first.
struct SourceRow {
  std::uint64_t id = 0;
  std::string prompt;
  std::vector<Message> messages;  // where the file has turns; else empty
  std::vector<std::string> answers;
  /// By answer, where a sampler recorded them: its tokens and the step at which each was written.
  struct Path {
    std::vector<std::int64_t> tokens, steps;
  };
  std::vector<Path> paths = {};
  std::string place = {};           // "rows.jsonl:12" where a file holds it
  std::optional<bool> wanted = {};  // of one answer that is labelled
  /// For messages: its place, else its number among those that were generated, from 1 as lines are.
  [[nodiscard]] std::string name() const;
};

/// Reads `data` of a stage for a loss that compares `group_size` answers; with 0 any number of
/// ranked ones.  DataError naming file and line, or the stage, for what is wrong.
std::vector<SourceRow> read_source(const PlannedRun& run, Logger& logger, const Work& work,
                                   const DataRef& data, std::int64_t group_size);

/// How a stage reads its file.
RowReaderOptions reader_options(const DataOptions& data);

/// What is wrong with the rows of a stage's file, all of which are read; "" if nothing.
std::string rows_problem(const StageRows& rows);

/// Reads the rows of an earlier stage.
using StageReader = std::function<std::vector<SourceRow>(const DataOptions& data)>;
/// The same outside a run.
std::vector<SourceRow> read_source(const Services& services, Logger& logger,
                                   const std::string& stage, const DataRef& data,
                                   std::int64_t group_size, const StageReader& of_stage);

/// Texts from which a word vocabulary is made: the task's own list, else the rows.
std::vector<std::string> vocabulary_of(const PlannedRun& run, const Work& work);
std::vector<std::string> vocabulary_of(const RunSchedule& schedule, const Work& work,
                                       const Services& services, const StageReader& of_stage);

/// How answers lie on their canvas.
struct CanvasRule {
  ResponseLength length = {};
  ScorePadding padding = ScorePadding::include;
  bool is_plain_text = false;  // pretraining text: no end-of-text is added
  LongRows long_rows = LongRows::error;
  PromptBoundary boundary = PromptBoundary::separate;
  std::int64_t max_length = 0;  // of the model; read with `long_rows` alone
};

/// What became of rows that are too long.
struct LongRowCounts {
  std::int64_t rows = 0, cut = 0, dropped = 0;
  std::vector<std::string> names = {};  // of the first ones

  [[nodiscard]] bool is_any() const { return cut + dropped > 0; }
  [[nodiscard]] std::string text() const;
};

/// Token ids on their canvas.  DataError listing answers that do not fit.
std::vector<TrainingRow> encode_rows(const std::vector<SourceRow>& rows, const Tokenizer& tokenizer,
                                     const TemplateOptions& prompt_template,
                                     const CanvasRule& rule);

/// How a stage's rows lie on their canvas.
CanvasRule canvas_rule(const StageFacts& stage, RowsWanted wanted);

/// What a stage's texts are written with.
struct Writing {
  std::shared_ptr<const Tokenizer> tokenizer;
  TemplateOptions prompt_template;
  std::int64_t max_length = 0;  // tokens of the longest text that the model takes
};

/// Rows as text and as ids, in the same order.
struct EncodedRows {
  std::vector<SourceRow> sources;
  std::vector<TrainingRow> rows;
  LongRowCounts long_rows = {};
};

/// The rows of one of a stage's tables, as the stage uses them and as they are looked at before
/// anything is trained.
/// Errors  DataError: rows that cannot be read, hold the mask's text or what the tokenizer does not
///         know, do not fit their canvas, or are longer than the model takes (unless `long_rows`
///         says what becomes of them: `logger` and the result tell it)
EncodedRows read_encoded(const PlannedRun& run, Logger& logger, const Work& work,
                         const StageRows& rows, std::int64_t group_size, const Writing& writing);

/// How messages call the row at an index.
using RowNames = std::function<std::string(std::size_t)>;
RowNames names_of(const std::vector<SourceRow>& rows);

/// DataError listing rows whose prompt and answer are longer than the model accepts.
void check_lengths(const std::vector<TrainingRow>& rows, const RowNames& names,
                   std::int64_t max_length, const std::string& stage);

}  // namespace lldm
