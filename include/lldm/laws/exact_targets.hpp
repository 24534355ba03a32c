// SPDX-License-Identifier: MIT
// The declared targets as exact weights on log p(y_i | y without M, x), by enumeration.  A target's
// value is the weighted sum, its gradient the same weighted sum of gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "lldm/laws/toy_table.hpp"

namespace lldm::laws {

struct Moments {
  double mean = 0;
  double variance = 0;
};

/// A schedule as the enumeration sees it.
struct ScheduleFormula {
  std::function<double(double)> alpha, derivative;
  [[nodiscard]] double weight(double t) const { return -derivative(t) / (1.0 - alpha(t)); }
};

inline int bits(std::size_t subset) { return __builtin_popcountll(subset); }

double binomial(int n, int k);

/// Weights [2^R, R] with one value for all positions of a subset, by its size.
std::vector<double> weights_by_count(std::size_t size, const std::function<double(int)>& weight);

/// Mean over l in 1..R of the mean over |M| = l of (R / l) sum_{i in M}: `elbo` in
/// docs/definitions.md, "Targets".
std::vector<double> elbo_weights(std::size_t size);

/// The average over all R! orders in which the tokens are revealed one by one.
std::vector<double> any_order_weights(std::size_t size);

/// (1 / (1 - eps)) times the integral over t in [eps, 1] of -alpha'(t) / (1 - alpha(t)) times the
/// expectation over masks.  With a = alpha(t) the schedule leaves the integrand: for |M| = l it is
/// (1 - a)^(l-1) a^(R-l) between alpha(1) and alpha(eps), a polynomial.
std::vector<double> truncated_weights(std::size_t size, double eps, double alpha_eps,
                                      double alpha_one);

/// alpha at the grid points of a T-step path, its ends closed (docs/definitions.md).
std::vector<double> closed_alphas(int steps, const std::function<double(double)>& alpha);

/// One way in which the tokens of a text become masked: `since[i]` in 1..T.
struct Path {
  std::vector<int> since;
  double probability = 1;
  [[nodiscard]] std::size_t masked_at(int k) const {
    std::size_t subset = 0;
    for (std::size_t i = 0; i < since.size(); ++i)
      if (since[i] <= k) subset |= std::size_t{1} << i;
    return subset;
  }
};

/// All T^R paths with their probabilities; those of probability 0 are left out.
std::vector<Path> all_paths(std::size_t size, const std::vector<double>& alphas);

/// trajectory_elbo: the expectation over paths of sum_i log p(y_i | the state that reveals i).
std::vector<double> trajectory_weights(std::size_t size, const std::vector<double>& alphas);

/// The constant that include_reveal_terms adds in expectation: R sum_k m_k log m_k.
double exact_reveal_terms(std::size_t size, const std::vector<double>& alphas);

}  // namespace lldm::laws
