// expect: lldm: this type cannot be an option, see config/option_types.hpp
// SPDX-License-Identifier: MIT
#include <lldm/config/reader.hpp>

struct Options {
#ifdef LLDM_FIXED
  double beta = 0.1;
#else
  float beta = 0.1F;
#endif
  static constexpr auto describe() {
    return std::tuple{lldm::field("beta", &Options::beta, "Strength.")};
  }
};

std::size_t count() { return lldm::config::fields<Options>().size(); }
