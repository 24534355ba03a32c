// SPDX-License-Identifier: MIT
#include "lldm/schedule/loglinear.hpp"

#include "lldm/config/reader.hpp"

namespace lldm {

LoglinearSchedule::LoglinearSchedule(const Options& options) : options_(options) {
  config::require_legal(options, "[forward_process] schedule loglinear");
}

}  // namespace lldm
