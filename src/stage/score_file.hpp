// SPDX-License-Identifier: MIT
// What a model says of the answers of a file of pairs: `lldm score`.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>

#include "lldm/config/value.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/track/logger.hpp"

namespace lldm {

struct ScoreRequest {
  std::filesystem::path model, reference;  // folders; no reference: empty
  std::filesystem::path file;              // preference rows as text or as token ids
  config::Value
      settings;  // tables score_estimator, forward_process; response_length, score_padding
  std::uint64_t draws_seed = 42;
  std::int64_t repeat = 1;  // independent draws of every answer
  std::string device = "cpu";
  Logger* logger = nullptr;  // told of a folder that is bound by no manifest; null: nobody is
};

/// Scores every answer of every row and hands the rows to `write` in order, each as
///   {"row": index, "line": its line in the file, from 1, "chosen": A, "rejected": A},
///   A = {"score", "standard_error" or null, "forward_passes", "evaluated_passes", "target",
///        "is_unbiased"}, with repeat >= 2 "mean" and "variance" over the draws, and with a
///   reference "difference" = the same of policy minus reference under shared draws.
/// Scores are in nats.  Draws are keyed by (seed, row, answer, repetition): the first of several
/// repetitions is what one repetition gives.
/// Errors  ConfigError for settings (all at once), DataError for the file's rows, by line; Error
///         for a score that is not finite, by line, answer and estimator.
void score_file(const ScoreRequest& request, const Registry& registry,
                const std::function<void(const nlohmann::ordered_json&)>& write);

}  // namespace lldm
