// SPDX-License-Identifier: MIT
// The sizes that a plan goes by where the model's folder may not be there yet.
#pragma once

#include <filesystem>
#include <string>

#include "lldm/model/model_options.hpp"

namespace lldm {

/// Of the model that planned_shape tells the shape of.
TransformerConfig planned_config(const ModelOptions& model, const std::filesystem::path& from,
                                 std::string& note);

}  // namespace lldm
