// SPDX-License-Identifier: MIT
// A packed corpus as the rows of a pretraining stage.
#pragma once

#include <cstdint>
#include <memory>

#include "stage/data_source.hpp"

namespace lldm {

/// The rows of a stage's corpus, and those held out of it.
struct CorpusSource {
  std::shared_ptr<const RowSource> training;
  std::vector<TrainingRow> held_out;
};

/// Opens `data.corpus` for a model of these texts.  The `held_out` rows are the first of a keyed
/// order of all rows; training gets the others, each under its own number.
/// Errors  DataError: no corpus, one of another tokenizer, or not more rows than are held out.
CorpusSource open_corpus(const DataOptions& data, const Writing& writing, std::int64_t held_out,
                         std::int64_t seed);

}  // namespace lldm
