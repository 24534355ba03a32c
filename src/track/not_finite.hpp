// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

namespace lldm {

/// Every number in `value` that is not finite becomes the text "NaN", "Infinity" or "-Infinity", as
/// in metrics.jsonl: JSON has no such numbers, and null would say that there is no figure.
void name_not_finite(nlohmann::ordered_json& value);

}  // namespace lldm
