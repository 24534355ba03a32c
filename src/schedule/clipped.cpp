// SPDX-License-Identifier: MIT
#include "lldm/schedule/clipped.hpp"

#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

void ClippedSchedule::Options::check(config::OptionsCheck& check) const {
  if (high <= low)
    check.error("high", message("high = ", high, " is not above low = ", low),
                "legal: above low, at most 1");
}

ClippedSchedule::ClippedSchedule(const Options& options) : options_(options) {
  config::require_legal(options, "[forward_process] schedule clipped");
}

}  // namespace lldm
