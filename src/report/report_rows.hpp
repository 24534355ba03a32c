// SPDX-License-Identifier: MIT
// report.json: what was measured, one row per model and seed.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// {"name", "description", "is_whole", "rows": [{axes, seed, stage, role, starts_from,
/// evaluated_by, metrics}], "training": [the same], "work": [...], "failed": [...]}.  A row joins
/// what an evaluate stage measured of a model with what its training stage reported, and names by
/// hash the model, the one that it was made of and how it was measured.  An entry of `training` is
/// a trained model, measured or not (`evaluated_by` ""), with what its stage says of itself.
/// `out`: the run's folder, which `work`'s folders are given below of.
nlohmann::ordered_json collect_rows(const RunSchedule& schedule, const std::filesystem::path& out,
                                    bool is_whole);

}  // namespace lldm
