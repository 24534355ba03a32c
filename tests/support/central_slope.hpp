// SPDX-License-Identifier: MIT
#pragma once

namespace lldm::testing {

/// (f(x + h) - f(x - h)) / 2h: f'(x) up to h^2 f'''(x) / 6 and rounding of about 1e-16 / h.
template <class F>
double central_slope(const F& f, double x, double h = 1e-5) {
  return (f(x + h) - f(x - h)) / (2 * h);
}

}  // namespace lldm::testing
