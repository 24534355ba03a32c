// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "lldm/concepts/packed_tokens.hpp"
#include "lldm/config/field.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/flat_tensors.hpp"

namespace lldm {

/// The gradient of a step is not finite; nothing was updated.
class NonFiniteGradient : public Error {
 public:
  using Error::Error;
};

/// AdamW with decoupled weight decay on every trained tensor, and clipping by the global norm.
///
/// Source  Loshchilov & Hutter 2019, arXiv:1711.05101; the update is LibTorch's fused one.
/// Cost    two moments per trained weight, in the weight's dtype; they and the gradients lie flat.
class AdamW {
 public:
  struct Options {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0.1;
    double max_gradient_norm = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta1", &Options::beta1, "Decay of the first moment.").range(0.0, 1.0),
          field("beta2", &Options::beta2, "Decay of the second moment.").range(0.0, 1.0),
          field("epsilon", &Options::epsilon, "Added to the root of the second moment.").above(0.0),
          field("weight_decay", &Options::weight_decay, "Decoupled decay of every trained tensor.")
              .at_least(0.0),
          field("max_gradient_norm", &Options::max_gradient_norm,
                "Gradients with a larger global norm are scaled to it; 0 switches clipping off.")
              .at_least(0.0)};
    }
  };

  /// Takes the parameters that require a gradient, and gives one to those without; their moments
  /// start at zero.
  AdamW(std::vector<NamedParameter> parameters, const Options& options);

  /// Clips, updates and clears the gradients.  A parameter without a gradient counts as zero
  /// gradient.  Returns the global norm before clipping; a non-finite norm throws Error and updates
  /// nothing.
  double step(double learning_rate);

  [[nodiscard]] std::int64_t steps_done() const { return steps_done_; }
  /// Moments under "<name>.first" and "<name>.second": what a checkpoint keeps beside steps_done.
  [[nodiscard]] std::vector<NamedParameter> state() const;
  /// Copies moments back.  DataError if a name or shape differs.
  void load_state(const std::vector<NamedParameter>& state, std::int64_t steps_done);

 private:
  /// A parameter whose gradient was taken away counts as zero gradient.
  void require_gradients() const;
  double clip() const;
  void clear_gradients() const;

  Options options_;
  std::vector<NamedParameter> parameters_;
  FlatTensors gradients_, first_, second_;
  std::int64_t steps_done_ = 0;
};
static_assert(OptionsStruct<AdamW::Options>);

}  // namespace lldm
