// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lldm {

/// The note of a run whose file has no stage that measures a model.
inline constexpr const char* kNothingEvaluated =
    "nothing was evaluated: no stage measures a model; the figures are what training says of "
    "itself";

/// What a reader of the figures of finished work has to know: what was warned of while it ran.
/// `work`: its result.json with its `folder`, which the notes begin with.
std::vector<std::string> notes_of(const nlohmann::ordered_json& work);

}  // namespace lldm
