// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lldm/train/optimizer.hpp"

namespace lldm {

/// Adafactor without momentum: of a matrix's second moment the row and column sums are kept, of
/// other tensors all of it; the update is clipped to a root mean square of 1 per tensor.
///
///   beta2_t = 1 - t^-0.8;  V_t from g^2 + 1e-30;  U = g / sqrt(V_t);
///   w <- w - rate * (w * weight_decay + U / max(1, RMS(U)))
///
/// rate is the schedule's, or under `relative_step` the schedule's times max(1e-3, RMS(w)).
///
/// Source  Shazeer & Stern 2018, arXiv:1804.04235, algorithms 4 and 5, with the constants of its
///         section 9; rho_t is the schedule of [optimizer] in the place of min(1e-2, 1/sqrt(t)).
///         Decoupled weight decay as in Hugging Face's.
/// Cost    rows + columns float32 per matrix; three passes over the gradient.
/// Errors  ConfigError for float64 weights.
class Adafactor final : public Optimizer {
 public:
  struct Options {
    double weight_decay = 0.1;
    double max_gradient_norm = 1.0;
    bool relative_step = false;
  };
  Adafactor(std::vector<NamedParameter> parameters, const Options& options,
            WeightRounding rounding = {});

  [[nodiscard]] std::string_view name() const override { return "adafactor"; }
  /// "<name>.row" [rows] and "<name>.column" [columns] of a matrix, else "<name>.second".
  [[nodiscard]] std::vector<NamedParameter> state() const override;

 protected:
  void update(const Step& step) override;

 private:
  struct Moments {
    at::Tensor row, column, second;  // float32
  };
  Options options_;
  WeightRounding rounding_;
  std::vector<Moments> moments_;
};

}  // namespace lldm
