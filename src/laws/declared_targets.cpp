// SPDX-License-Identifier: MIT
#include "lldm/laws/declared_targets.hpp"

#include <algorithm>
#include <cstdio>

#include "lldm/errors.hpp"

namespace lldm::laws {

std::vector<double> block_elbo_weights(std::size_t size, std::size_t length) {
  std::vector<double> weights((std::size_t{1} << size) * size, 0.0);
  for (std::size_t begin = 0; begin < size; begin += length) {
    const std::size_t n = std::min(length, size - begin);
    const std::size_t behind =
        ((std::size_t{1} << size) - 1) & ~((std::size_t{1} << (begin + n)) - 1);
    for (std::size_t inside = 1; inside < std::size_t{1} << n; ++inside)
      for (std::size_t i = 0; i < n; ++i)
        if (inside >> i & 1)
          weights[((inside << begin) | behind) * size + begin + i] +=
              1.0 / (bits(inside) * binomial(static_cast<int>(n), bits(inside)));
  }
  return weights;
}

std::vector<double> recorded_weights(const std::vector<std::int64_t>& reveal_step,
                                     std::int64_t shrink) {
  const std::size_t size = reveal_step.size();
  std::vector<std::int64_t> steps = reveal_step;
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  const auto merged = [&](std::size_t i) {
    return (std::lower_bound(steps.begin(), steps.end(), reveal_step[i]) - steps.begin()) / shrink;
  };
  std::vector<double> weights((std::size_t{1} << size) * size, 0.0);
  for (std::size_t i = 0; i < size; ++i) {
    std::size_t masked = 0;
    for (std::size_t j = 0; j < size; ++j)
      if (merged(j) >= merged(i)) masked |= std::size_t{1} << j;
    weights[masked * size + i] += 1;
  }
  return weights;
}

std::optional<DeclaredTarget> declared_target(const std::string& name, const Text& text,
                                              const ScheduleFormula& schedule) {
  const auto size = static_cast<std::size_t>(text.num_scored());
  if (name == "elbo") return DeclaredTarget{elbo_weights(size)};
  if (name == "left_to_right") return DeclaredTarget{block_elbo_weights(size, 1)};
  double eps = 0;
  if (std::sscanf(name.c_str(), "elbo_truncated(%lf)", &eps) == 1)
    return DeclaredTarget{truncated_weights(size, eps, schedule.alpha(eps), schedule.alpha(1.0))};
  long number = 0;
  if (std::sscanf(name.c_str(), "block_elbo(%ld)", &number) == 1)
    return DeclaredTarget{block_elbo_weights(size, static_cast<std::size_t>(number))};
  if (std::sscanf(name.c_str(), "recorded_trajectory(%ld)", &number) == 1)
    return DeclaredTarget{recorded_weights(text.reveal_step, number)};
  char grid[16] = {};
  if (std::sscanf(name.c_str(), "trajectory_elbo(%ld, uniform_%15[a-z])", &number, grid) == 2) {
    const bool is_time = std::string(grid) == "time";
    const auto alphas = closed_alphas(
        static_cast<int>(number), [&](double t) { return is_time ? schedule.alpha(t) : 1.0 - t; });
    const bool has_terms = name.ends_with("+ reveal terms");
    return DeclaredTarget{trajectory_weights(size, alphas),
                          has_terms ? exact_reveal_terms(size, alphas) : 0.0};
  }
  return std::nullopt;
}

}  // namespace lldm::laws
