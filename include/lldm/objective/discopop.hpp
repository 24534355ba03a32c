// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// Keys of `discopop`.
struct DiscopopOptions {
  MarginOptions shared = {};
  double temperature = 0.05;
  static constexpr auto describe() {
    return std::tuple{part(&DiscopopOptions::shared),
                      field("temperature", &DiscopopOptions::temperature,
                            "Width of the blend (the paper: 0.05, and beta 0.05).")
                          .between(0.0, 1.0)};
  }
};

/// A blend, found by search, of the logistic and the exponential loss of m = beta (s_chosen -
/// s_rejected):
///     -log sigmoid(m) (1 - w) + exp(-m) w,  w = sigmoid(m / temperature).
/// The second term is taken as exp(-m + log w), which stays finite at every m while temperature
/// < 1.
///
/// Source  Lu et al. 2024 (DiscoPOP, arXiv:2406.08414); TRL loss_type "discopop".
class Discopop : public PairLoss<Discopop, DiscopopOptions> {
 public:
  explicit Discopop(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "discopop"; }
  static constexpr std::string_view description() {
    return "log-ratio modulated loss, a blend of logistic and exponential";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<Discopop> && Objective<Discopop>);

}  // namespace lldm
