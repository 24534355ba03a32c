// SPDX-License-Identifier: MIT
// What a report.json holds, typed where it is read; it is JSON again only where it is written.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/eval/statistics.hpp"

namespace lldm {

/// Values by path, in the order of the grid's file: of any type that a TOML file holds.
using Axes = nlohmann::ordered_json;

/// Whether a metric of a tuned model is of its training's held-out pairs, not of what an evaluate
/// stage asked.
bool is_of_held_out_pairs(std::string_view metric);

/// A number that a stage measured: NaN or infinite where it was no finite one.
struct Figure {
  double value = 0;
  std::optional<double> items;  // answers or pairs that it is the mean of
  std::optional<double> standard_error;
  std::optional<Interval> interval;  // 95 %, as the stage says it
  std::string interval_name;         // "bootstrap", "Student" ..., "none"; "" where it says none
};

/// What a model answered to a prompt that the report shows.
struct ShownAnswer {
  std::string prompt, output;
  bool is_correct = false;
};

/// One measured model (or estimator of a study) and seed.  A text that is not known is "".
struct ReportRow {
  std::string stage, role, starts_from, evaluated_by, estimator;
  std::int64_t seed = 0;
  Axes axes;
  std::string hash, settings, evaluation, model_hash, from_hash;
  std::map<std::string, Figure> metrics;
  std::string items;  // path of its items.jsonl
  std::vector<ShownAnswer> examples;
  std::int64_t truth_draws = 0;   // of a study whose truth was sampled
  std::vector<std::string> runs;  // of a report over several folders
  nlohmann::ordered_json source;  // as it stands in report.json

  /// Null where it was not measured.
  [[nodiscard]] const Figure* find(const std::string& metric) const;
};

/// A finished piece of work, and one that failed.
struct ReportWork {
  std::string stage, model, hash, folder, run, error;
  std::optional<std::int64_t> seed;
  Axes axes;
  nlohmann::ordered_json source;
};

/// Errors  JsonValueError or nlohmann's, of an entry that lldm did not write.
ReportRow row_of(nlohmann::ordered_json source);
ReportWork work_of(nlohmann::ordered_json source);

}  // namespace lldm
