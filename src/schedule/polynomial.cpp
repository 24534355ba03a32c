// SPDX-License-Identifier: MIT
#include "lldm/schedule/polynomial.hpp"

#include "lldm/config/reader.hpp"

namespace lldm {

PolynomialSchedule::PolynomialSchedule(const Options& options) : options_(options) {
  config::require_legal(options, "[forward_process] schedule polynomial");
}

}  // namespace lldm
