// expect: static assertion failed.*OptionsStruct.*evaluated to .false.
// SPDX-License-Identifier: MIT
#include <lldm/config/field.hpp>

struct Options {
  double beta = 0.1;
  double margin = 0.5;
  static constexpr auto describe() {
#ifdef LLDM_FIXED
    return std::tuple{lldm::field("beta", &Options::beta, "Strength."),
                      lldm::field("margin", &Options::margin, "Target.")};
#else
    return std::tuple{lldm::field("beta", &Options::beta, "Strength.")};
#endif
  }
};
static_assert(lldm::OptionsStruct<Options>);
