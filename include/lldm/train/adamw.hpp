// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "lldm/config/field.hpp"
#include "lldm/train/optimizer.hpp"

namespace lldm {

struct AdamWFactors;

/// AdamW with decoupled weight decay on every trained tensor, and clipping by the global norm.
///
/// Source  Loshchilov & Hutter 2019, arXiv:1711.05101.
/// Cost    two moments per trained weight, in the weight's dtype; they and the gradients lie flat.
///         One pass over memory for float32 on the CPU, LibTorch's fused update elsewhere.
/// Random  stochastic rounding of bfloat16 weights and moments: keyed, see WeightRounding.
class AdamW final : public Optimizer {
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
  AdamW(std::vector<NamedParameter> parameters, const Options& options,
        WeightRounding rounding = {});

  [[nodiscard]] std::string_view name() const override { return "adamw"; }
  /// Moments under "<name>.first" and "<name>.second".
  [[nodiscard]] std::vector<NamedParameter> state() const override;

 protected:
  void update(const Step& step) override;

 private:
  /// Whether the tensor is rounded stochastically.
  [[nodiscard]] bool is_rounded(std::size_t i) const;
  /// By the kernels; clears the gradient.
  void update_on_cpu(std::size_t i, std::int64_t begin, std::int64_t end,
                     const AdamWFactors& factors) const;
  /// The same where the tensor lies on a device, and is rounded.
  void update_on_device(std::size_t i, const AdamWFactors& factors) const;
  /// By LibTorch's fused update, one call a dtype.
  void update_fused(const std::vector<std::size_t>& which, const Step& step) const;
  void update_fused_alike(const std::vector<std::size_t>& which, const Step& step) const;

  Options options_;
  WeightRounding rounding_;
  FlatTensors first_, second_;
};
static_assert(OptionsStruct<AdamW::Options>);

}  // namespace lldm
