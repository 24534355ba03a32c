// expect: lldm: describe.. names a key or a member twice
// SPDX-License-Identifier: MIT
#include <lldm/config/reader.hpp>

struct Strength {
  double beta = 0.1;
  static constexpr auto describe() {
    return std::tuple{lldm::field("beta", &Strength::beta, "Strength.")};
  }
};
struct Options {
  Strength strength = {};
  double other = 0.5;
  static constexpr auto describe() {
#ifdef LLDM_FIXED
    return std::tuple{lldm::part(&Options::strength),
                      lldm::field("other", &Options::other, "Target.")};
#else
    return std::tuple{lldm::part(&Options::strength),
                      lldm::field("beta", &Options::other, "Target.")};
#endif
  }
};

std::size_t count() { return lldm::config::fields<Options>().size(); }
