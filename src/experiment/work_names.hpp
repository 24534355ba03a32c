// SPDX-License-Identifier: MIT
// How people are told which cell and which piece of work is meant.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "experiment/axis_labels.hpp"
#include "lldm/experiment/schedule.hpp"

namespace lldm {

nlohmann::ordered_json to_json(const config::Value& value);

/// The axes that decide the work: those that can, and whose value is the same in every cell that
/// shares it.  An axis that grows from one value to two changes nothing here.
nlohmann::ordered_json axes_of(const RunSchedule& schedule, const Work& work);
nlohmann::ordered_json axes_of(const Cell& cell);

/// The seed that a reader is told: of a measurement, which asks the same of all seeds, that of the
/// model it measures.
std::int64_t seed_of(const RunSchedule& schedule, const Work& work);

/// Names by axes and seed instead of by hash.
class WorkNames {
 public:
  explicit WorkNames(const RunSchedule& schedule);

  /// "beta=0.1, monte_carlo_elbo draws=8, seed 2"; "seed 2" without axes.
  [[nodiscard]] std::string of(const Cell& cell) const;
  /// "tuned, beta=0.1, seed 2"; "scores of tuned, ..." for a measured model.
  [[nodiscard]] std::string of(const Work& work) const;

 private:
  const RunSchedule& schedule_;
  AxisLabels labels_;
};

inline constexpr const char* kIndexName = "index.json";
inline constexpr const char* kDigestsName = "digests.json";  // storage/file_digests.hpp
/// index.json of a run folder: which folder holds what, for people and for `lldm export`, and the
/// digest below.
nlohmann::ordered_json index_of(const RunSchedule& schedule, const std::filesystem::path& out);

/// Of all hashes: processes that share a grid know by it that they mean the same work.
std::string schedule_digest(const RunSchedule& schedule);

}  // namespace lldm
