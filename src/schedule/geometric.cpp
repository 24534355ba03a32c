// SPDX-License-Identifier: MIT
#include "lldm/schedule/geometric.hpp"

#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

void GeometricSchedule::Options::check(config::OptionsCheck& check) const {
  if (sigma_max <= sigma_min)
    check.error("sigma_max",
                message("sigma_max = ", sigma_max, " is not above sigma_min = ", sigma_min),
                "legal: above sigma_min, at most 700");
}

GeometricSchedule::GeometricSchedule(const Options& options) : options_(options) {
  config::require_legal(options, "[forward_process] schedule geometric");
}

}  // namespace lldm
