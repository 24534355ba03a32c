// SPDX-License-Identifier: MIT
#include "lldm/sampler/token_choice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "sampler/non_finite_logit.hpp"

namespace lldm {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNotComputed = std::numeric_limits<double>::quiet_NaN();

void exclude(std::span<double> logits, const std::vector<std::int64_t>& tokens) {
  for (const std::int64_t token : tokens)
    if (token >= 0 && token < static_cast<std::int64_t>(logits.size()))
      logits[static_cast<std::size_t>(token)] = -kInfinity;
}

std::size_t argmax(std::span<const double> values) {
  std::size_t best = 0;
  bool has_nan = false;
  for (std::size_t v = 0; v < values.size(); ++v) {
    has_nan |= std::isnan(values[v]);
    if (values[v] > values[best]) best = v;
  }
  if (has_nan || values[best] == kInfinity) throw NonFiniteLogit(0);
  return best;
}

// An upper bound of Gumbel noise without a logarithm: -log u >= 1 - u, and 1 - u >= 2^e with e its
// binary exponent, so -log(-log u) <= -e log 2.  It spares most of the logarithms of a peaked
// distribution.
double noise_bound(double uniform) {
  const auto exponent = static_cast<int>(std::bit_cast<std::uint64_t>(1.0 - uniform) >> 52) - 1023;
  return -exponent * M_LN2;
}

std::size_t gumbel_argmax(std::span<const double> logits, std::span<const double> uniforms,
                          double temperature) {
  const auto noised = [&](std::size_t v) {
    return logits[v] - temperature * std::log(-std::log(uniforms[v]));
  };
  std::size_t best = argmax(logits);  // also refuses NaN; a good first bound
  double best_value = noised(best);
  for (std::size_t v = 0; v < logits.size(); ++v) {
    if (v == best || logits[v] + temperature * noise_bound(uniforms[v]) < best_value) continue;
    const double value = noised(v);
    if (value > best_value || (value == best_value && v < best)) {
      best = v;
      best_value = value;
    }
  }
  return best;
}

void fill_statistics(std::span<const double> logits, CandidateStatistics wanted, Candidate& out) {
  double highest = -kInfinity, second = -kInfinity;
  for (std::size_t v = 0; v < logits.size(); ++v) {
    highest = std::max(highest, logits[v]);
    if (static_cast<std::int64_t>(v) != out.token) second = std::max(second, logits[v]);
  }
  double sum = 0.0, weighted = 0.0;
  for (const double logit : logits) {
    const double weight = std::exp(logit - highest);
    sum += weight;
    if (weight > 0.0) weighted += weight * (logit - highest);
  }
  out.probability = std::exp(logits[static_cast<std::size_t>(out.token)] - highest) / sum;
  if (wanted != CandidateStatistics::all) return;
  out.second_probability = std::exp(second - highest) / sum;
  out.entropy = std::log(sum) - weighted / sum;
}

}  // namespace

Candidate TokenChoice::choose(std::span<double> logits, std::span<const double> uniforms,
                              CandidateStatistics statistics) const {
  exclude(logits, never_chosen);
  const std::size_t token =
      temperature > 0.0 ? gumbel_argmax(logits, uniforms, temperature) : argmax(logits);
  Candidate out{-1, static_cast<std::int64_t>(token), kNotComputed, kNotComputed, kNotComputed};
  if (statistics == CandidateStatistics::none) return out;
  exclude(logits, discounted);
  fill_statistics(logits, statistics, out);
  return out;
}

}  // namespace lldm
