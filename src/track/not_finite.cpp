// SPDX-License-Identifier: MIT
#include "track/not_finite.hpp"

#include <cmath>

namespace lldm {

void name_not_finite(nlohmann::ordered_json& value) {
  if (value.is_structured()) {
    for (nlohmann::ordered_json& element : value) name_not_finite(element);
  } else if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const auto number = value.get<double>();
    value = std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
  }
}

}  // namespace lldm
