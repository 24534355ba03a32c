// SPDX-License-Identifier: MIT
// The rows of a training stage, those held out beside them, and what is said of both.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/train/training_rows.hpp"
#include "stage/data_source.hpp"
#include "stage/prompt_split.hpp"

namespace lldm {

struct PreparedRows {
  std::vector<SourceRow> sources;
  std::vector<TrainingRow> rows;
  HeldOut held;
  LongRowCounts long_rows = {};
  std::shared_ptr<const RowSource> source = nullptr;  // of a corpus, in the place of `rows`
};

/// Whether a stage reads texts, not prompts and answers.
bool reads_texts(const RunContext& run, const Work& work);

/// Whether the stage's rows are those of a corpus and hold several texts each.
bool holds_several_texts(const RunContext& run, const Work& work);

/// The rows trained on and those held out, of files: `validation_rows` of the stage's own where it
/// has no file of them.
PreparedRows read_file_rows(const PlannedRun& run, Logger& logger, const Work& work,
                            std::int64_t validation_rows, const Writing& writing,
                            std::int64_t group_size);
/// The same, encoded for the model, and those of a corpus.
PreparedRows read_rows(const RunContext& run, const Work& work, const TrainingStage& stage,
                       const ModelBundle& bundle, std::int64_t group_size);

/// Says how the held-out rows stand to those trained on, by this stage and by those before it.
void tell_held_out(const RunContext& run, const Work& work, HeldOut& held, bool is_plain_text,
                   const std::filesystem::path& from);

/// Says how many texts begin in another way than the model was taught.
void tell_begin_of_text(const RunContext& run, const Work& work, const ModelBundle& bundle,
                        const std::vector<TrainingRow>& rows);

}  // namespace lldm
