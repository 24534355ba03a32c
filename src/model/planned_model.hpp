// SPDX-License-Identifier: MIT
// The sizes that a plan goes by where the model's folder may not be there yet.
#pragma once

#include <filesystem>
#include <string>

#include "lldm/model/model_options.hpp"

namespace lldm {

/// `vocabulary`: ids of a tokenizer that a fresh model gets; 0: not known, a few are assumed.
TransformerConfig planned_config(const ModelOptions& model, const std::filesystem::path& from,
                                 std::string& note, std::int64_t vocabulary = 0);

}  // namespace lldm
