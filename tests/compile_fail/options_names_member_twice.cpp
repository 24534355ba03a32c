// expect: lldm: describe.. names a key or a member twice
// SPDX-License-Identifier: MIT
#include <lldm/config/reader.hpp>

struct Options {
  double beta = 0.1;
  double margin = 0.5;
  static constexpr auto describe() {
#ifdef LLDM_FIXED
    return std::tuple{lldm::field("beta", &Options::beta, "Strength."),
                      lldm::field("margin", &Options::margin, "Target.")};
#else
    return std::tuple{lldm::field("beta", &Options::beta, "Strength."),
                      lldm::field("margin", &Options::beta, "Target.")};
#endif
  }
};

std::size_t count() { return lldm::config::fields<Options>().size(); }
