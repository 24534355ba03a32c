// SPDX-License-Identifier: MIT
// Uniform-state noise by brute force: Bayes' rule over V states, the bound over all paths, the
// likelihood of the T-step generative model.  Shares nothing with src.
#pragma once

#include <cmath>
#include <vector>

#include "support/toy_table.hpp"

namespace lldm::testing {

/// q(x_t | x_s) of one position when a share `kept` is kept.
inline double uniform_transition(std::int64_t states, double kept, std::int64_t from,
                                 std::int64_t to) {
  return (from == to ? kept : 0.0) + (1.0 - kept) / static_cast<double>(states);
}

/// q(x_s | x_t, x_0), by Bayes' rule with the sum over x_s written out.
inline double uniform_posterior(std::int64_t states, double alpha_s, double alpha_t,
                                std::int64_t x_s, std::int64_t x_t, std::int64_t x_0) {
  const double kept = alpha_t / alpha_s;
  const auto joint = [&](std::int64_t at_s) {
    return uniform_transition(states, alpha_s, x_0, at_s) *
           uniform_transition(states, kept, at_s, x_t);
  };
  double sum = 0;
  for (std::int64_t v = 0; v < states; ++v) sum += joint(v);
  return joint(x_s) / sum;
}

/// Everything that can be said of one text under T steps at the given alphas [T + 1].
class UniformEnumeration {
 public:
  UniformEnumeration(const ToyTable& model, const Text& text, std::vector<double> alphas)
      : model_(model), text_(text), alphas_(std::move(alphas)) {
    size_ = text.response.size();
    for (std::size_t i = 0; i < size_; ++i) total_ *= model.vocabulary();
    walk();
    likelihood();
  }

  [[nodiscard]] double elbo() const { return elbo_; }
  /// d elbo / d logits of the toy, [rows * V].
  [[nodiscard]] const std::vector<double>& gradient() const { return gradient_; }
  [[nodiscard]] double log_likelihood() const { return log_likelihood_; }
  [[nodiscard]] double path_mass() const { return mass_; }
  [[nodiscard]] double variance() const { return squares_ - elbo_ * elbo_; }

 private:
  [[nodiscard]] std::vector<std::int64_t> state(std::int64_t index) const {
    std::vector<std::int64_t> tokens;
    for (std::size_t i = 0; i < size_; ++i, index /= model_.vocabulary())
      tokens.push_back(index % model_.vocabulary());
    return tokens;
  }
  [[nodiscard]] std::int64_t index_of_text() const {
    std::int64_t index = 0;
    for (std::size_t i = size_; i-- > 0;) index = index * model_.vocabulary() + text_.response[i];
    return index;
  }
  [[nodiscard]] std::vector<std::int64_t> canvas(const std::vector<std::int64_t>& tokens) const {
    std::vector<std::int64_t> all = text_.prompt;
    all.insert(all.end(), tokens.begin(), tokens.end());
    return all;
  }
  /// q(x_s | x_t, c) p(c | x_t) for every c [V], position i.
  [[nodiscard]] std::vector<double> terms(std::size_t k, const std::vector<std::int64_t>& x_s,
                                          const std::vector<std::int64_t>& x_t,
                                          std::size_t i) const {
    std::vector<double> values;
    const auto tokens = canvas(x_t);
    for (std::int64_t c = 0; c < model_.vocabulary(); ++c)
      values.push_back(
          uniform_posterior(model_.vocabulary(), alphas_[k - 1], alphas_[k], x_s[i], x_t[i], c) *
          std::exp(model_.log_probability(tokens,
                                          static_cast<std::int64_t>(text_.prompt.size() + i), c)));
    return values;
  }
  [[nodiscard]] double log_reverse(std::size_t k, const std::vector<std::int64_t>& x_s,
                                   const std::vector<std::int64_t>& x_t) const {
    double sum = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      double p = 0;
      for (const double term : terms(k, x_s, x_t, i)) p += term;
      sum += std::log(p);
    }
    return sum;
  }
  void add_gradient(double weight, std::size_t k, const std::vector<std::int64_t>& x_s,
                    const std::vector<std::int64_t>& x_t) {
    const auto tokens = canvas(x_t);
    for (std::size_t i = 0; i < size_; ++i) {
      const auto values = terms(k, x_s, x_t, i);
      double p = 0;
      for (const double term : values) p += term;
      const auto position = static_cast<std::int64_t>(text_.prompt.size() + i);
      const std::int64_t row = model_.row(tokens, position) * model_.vocabulary();
      for (std::int64_t c = 0; c < model_.vocabulary(); ++c)
        gradient_[static_cast<std::size_t>(row + c)] +=
            weight * (values[static_cast<std::size_t>(c)] / p -
                      std::exp(model_.log_probability(tokens, position, c)));
    }
  }

  /// E over all paths of log p(x_0 .. x_T) - log q(x_1 .. x_T | x_0): the definition of the bound.
  void walk() {
    gradient_.assign(static_cast<std::size_t>(model_.rows() * model_.vocabulary()), 0.0);
    std::vector<std::vector<std::int64_t>> path{text_.response};
    step(path, 1.0, 0.0);
  }
  void step(std::vector<std::vector<std::int64_t>>& path, double probability, double value) {
    const std::size_t k = path.size();
    if (k == alphas_.size()) {
      const double whole = value - std::log(static_cast<double>(total_));  // log p(x_T)
      mass_ += probability;
      elbo_ += probability * whole;
      squares_ += probability * whole * whole;
      for (std::size_t j = 1; j < k; ++j) add_gradient(probability, j, path[j - 1], path[j]);
      return;
    }
    for (std::int64_t index = 0; index < total_; ++index) {
      const auto next = state(index);
      double q = 1;
      for (std::size_t i = 0; i < size_; ++i)
        q *= uniform_transition(model_.vocabulary(), alphas_[k] / alphas_[k - 1], path.back()[i],
                                next[i]);
      if (q <= 0) continue;
      const double reverse = log_reverse(k, path.back(), next);
      path.push_back(next);
      step(path, probability * q, value + reverse - std::log(q));
      path.pop_back();
    }
  }

  void likelihood() {
    std::vector<double> p(static_cast<std::size_t>(total_), 1.0 / static_cast<double>(total_));
    for (std::size_t k = alphas_.size() - 1; k >= 1; --k) {
      std::vector<double> before(p.size(), 0.0);
      for (std::int64_t t = 0; t < total_; ++t)
        for (std::int64_t s = 0; s < total_; ++s)
          before[static_cast<std::size_t>(s)] +=
              p[static_cast<std::size_t>(t)] * std::exp(log_reverse(k, state(s), state(t)));
      p = std::move(before);
    }
    log_likelihood_ = std::log(p[static_cast<std::size_t>(index_of_text())]);
  }

  const ToyTable& model_;
  Text text_;
  std::vector<double> alphas_;
  std::size_t size_ = 0;
  std::int64_t total_ = 1;  // V^R
  double elbo_ = 0, squares_ = 0, mass_ = 0, log_likelihood_ = 0;
  std::vector<double> gradient_;
};

}  // namespace lldm::testing
