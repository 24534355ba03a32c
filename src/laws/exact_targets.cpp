// SPDX-License-Identifier: MIT
#include "lldm/laws/exact_targets.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lldm/errors.hpp"

namespace lldm::laws {

double binomial(int n, int k) {
  double value = 1;
  for (int i = 1; i <= k; ++i) value = value * (n - k + i) / i;
  return value;
}

std::vector<double> weights_by_count(std::size_t size, const std::function<double(int)>& weight) {
  std::vector<double> weights((std::size_t{1} << size) * size, 0.0);
  for (std::size_t subset = 1; subset < std::size_t{1} << size; ++subset)
    for (std::size_t i = 0; i < size; ++i)
      if (subset >> i & 1) weights[subset * size + i] = weight(bits(subset));
  return weights;
}

std::vector<double> elbo_weights(std::size_t size) {
  const int n = static_cast<int>(size);
  return weights_by_count(size, [n](int l) { return 1.0 / (l * binomial(n, l)); });
}

std::vector<double> any_order_weights(std::size_t size) {
  std::vector<double> weights((std::size_t{1} << size) * size, 0.0);
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  double orders = 0;
  do {
    std::size_t masked = (std::size_t{1} << size) - 1;
    for (const std::size_t i : order) {
      weights[masked * size + i] += 1;
      masked &= ~(std::size_t{1} << i);
    }
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  for (double& weight : weights) weight /= orders;
  return weights;
}

std::vector<double> truncated_weights(std::size_t size, double eps, double alpha_eps,
                                      double alpha_one) {
  const int n = static_cast<int>(size);
  const auto primitive = [n](int l, double a) {
    double sum = 0;
    for (int k = 0; k < l; ++k)
      sum +=
          (k % 2 ? -1.0 : 1.0) * binomial(l - 1, k) * std::pow(a, n - l + k + 1) / (n - l + k + 1);
    return sum;
  };
  return weights_by_count(size, [&](int l) {
    return (primitive(l, alpha_eps) - primitive(l, alpha_one)) / (1.0 - eps);
  });
}

std::vector<double> closed_alphas(int steps, const std::function<double(double)>& alpha) {
  std::vector<double> alphas{1.0};
  for (int k = 1; k < steps; ++k) alphas.push_back(alpha(static_cast<double>(k) / steps));
  alphas.push_back(0.0);
  return alphas;
}

std::vector<Path> all_paths(std::size_t size, const std::vector<double>& alphas) {
  std::vector<Path> paths{{{}, 1.0}};
  for (std::size_t i = 0; i < size; ++i) {
    std::vector<Path> longer;
    for (const Path& path : paths)
      for (std::size_t k = 1; k < alphas.size(); ++k) {
        const double mass = alphas[k - 1] - alphas[k];
        if (mass <= 0) continue;
        longer.push_back(path);
        longer.back().since.push_back(static_cast<int>(k));
        longer.back().probability *= mass;
      }
    paths = std::move(longer);
  }
  return paths;
}

std::vector<double> trajectory_weights(std::size_t size, const std::vector<double>& alphas) {
  std::vector<double> weights((std::size_t{1} << size) * size, 0.0);
  for (const Path& path : all_paths(size, alphas))
    for (std::size_t i = 0; i < size; ++i)
      weights[path.masked_at(path.since[i]) * size + i] += path.probability;
  return weights;
}

double exact_reveal_terms(std::size_t size, const std::vector<double>& alphas) {
  double sum = 0;
  for (std::size_t k = 1; k < alphas.size(); ++k)
    if (const double mass = alphas[k - 1] - alphas[k]; mass > 0) sum += mass * std::log(mass);
  return sum * static_cast<double>(size);
}

}  // namespace lldm::laws
