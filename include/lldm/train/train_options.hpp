// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/config/field.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/train/learning_rate.hpp"
#include "lldm/train/loss_scale.hpp"
#include "lldm/train/optimizer.hpp"

namespace lldm {

/// Where an optimizer's states lie, and are updated.
enum class OptimizerResidence : std::uint8_t { device, host };

constexpr auto choices(std::type_identity<OptimizerResidence>) {
  return std::array{Choice<OptimizerResidence>{"device", OptimizerResidence::device},
                    Choice<OptimizerResidence>{"host", OptimizerResidence::host}};
}

/// How a trained bfloat16 weight takes what was computed in float32.
enum class RoundingMode : std::uint8_t { stochastic, nearest };

constexpr auto choices(std::type_identity<RoundingMode>) {
  return std::array{Choice<RoundingMode>{"stochastic", RoundingMode::stochastic},
                    Choice<RoundingMode>{"nearest", RoundingMode::nearest}};
}

/// The table [optimizer]: how long, how large, how fast.
struct OptimizerOptions {
  std::string type = "adamw";
  double learning_rate = 1e-3;
  Decay decay = Decay::stable_then_linear;
  double warmup_share = 0.05;
  double decay_share = 0.3;
  double final_share = 0.0;
  std::int64_t steps = 0;
  double epochs = 0;
  std::int64_t batch_size = 16;
  std::int64_t gradient_accumulation_steps = 1;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  double max_gradient_norm = 1.0;
  std::optional<bool> relative_step = {};
  std::optional<OptimizerResidence> resident = {};
  std::optional<RoundingMode> rounding = {};
  std::optional<double> loss_scale = {};
  std::optional<std::int64_t> loss_scale_growth_interval = {};

  static constexpr auto describe() {
    using O = OptimizerOptions;
    return std::tuple{
        field("type", &O::type,
              "The optimizer: adamw, adamw_8bit (moments as 8-bit codes, 2 bytes a weight) or "
              "adafactor (row and column sums of the second moment; no first moment)."),
        field("learning_rate", &O::learning_rate, "Peak learning rate.").above(0.0),
        field("decay", &O::decay,
              "What follows the warm-up: constant, cosine, stable_then_linear."),
        field("warmup_share", &O::warmup_share, "Share of the steps with a linear warm-up.")
            .range(0.0, 1.0),
        field("decay_share", &O::decay_share,
              "Share of the steps that stable_then_linear decays over.")
            .range(0.0, 1.0),
        field("final_share", &O::final_share, "Share of the peak that the decay ends at.")
            .range(0.0, 1.0),
        field("steps", &O::steps, "Optimizer steps; 0: given by epochs.").at_least(0).unit("steps"),
        field("epochs", &O::epochs, "Passes over the rows; 0: given by steps.").at_least(0.0),
        field("batch_size", &O::batch_size, "Rows (or pairs) of one micro-batch.")
            .range(1, 1 << 20),
        field("gradient_accumulation_steps", &O::gradient_accumulation_steps,
              "Micro-batches per optimizer step.")
            .range(1, 1 << 20)
            .renamed_from("accumulation"),
        field("beta1", &O::beta1, "Decay of the first moment.").at_least(0.0).below(1.0),
        field("beta2", &O::beta2, "Decay of the second moment.").at_least(0.0).below(1.0),
        field("epsilon", &O::epsilon, "Added to the root of the second moment.").above(0.0),
        field("weight_decay", &O::weight_decay, "Decoupled weight decay.").at_least(0.0),
        field("max_gradient_norm", &O::max_gradient_norm, "Clip to this global norm; 0: never.")
            .at_least(0.0),
        field("relative_step", &O::relative_step,
              "adafactor: the learning rate counts in root mean squares of each tensor, at least "
              "1e-3; false when left out."),
        field("resident", &O::resident,
              "adamw: where the moments lie, device (when left out) or host; host keeps float32 "
              "moments, and float32 copies of bfloat16 weights, in the host's memory and updates "
              "them there, a piece after the other."),
        field("rounding", &O::rounding,
              "How trained bfloat16 weights are rounded: stochastic (when left out: up or down "
              "with the probability that keeps the expectation) or nearest, which loses updates "
              "below the last bit."),
        field(
            "loss_scale", &O::loss_scale,
            "[model] dtype = \"float16\": what losses are multiplied by before the backward pass, "
            "at the beginning; a power of two, 65536 when left out. Halved where a gradient is "
            "not finite, whose step is skipped."),
        field("loss_scale_growth_interval", &O::loss_scale_growth_interval,
              "Finite steps after which the loss scale is doubled; 2000 when left out.")};
  }

  /// Steps or epochs, not both; warm-up and decay fit into the run.
  void check(config::OptionsCheck& check) const;

  [[nodiscard]] LearningRate rate() const {
    return {learning_rate, decay, warmup_share, decay_share, final_share};
  }
  [[nodiscard]] LossScaling loss_scaling() const {
    const LossScaling rules;
    return {loss_scale.value_or(rules.initial),
            loss_scale_growth_interval.value_or(rules.growth_interval)};
  }
  /// Steps of a stage with so many rows.  ConfigError unless exactly one of steps and epochs is
  /// given.
  [[nodiscard]] std::int64_t total_steps(std::int64_t rows) const;
  /// Rows the whole stage sees; negative: no limit (steps given).
  [[nodiscard]] std::int64_t row_limit(std::int64_t rows) const;
};
static_assert(OptionsStruct<OptimizerOptions>);

/// The optimizer that `options` name, of the parameters that require a gradient.
/// Random  what a stochastic rounding draws is keyed by the seed of `draws`, step, tensor, place.
/// Errors  ConfigError where it cannot train such parameters.
[[nodiscard]] std::unique_ptr<Optimizer> make_optimizer(std::vector<NamedParameter> parameters,
                                                        const OptimizerOptions& options,
                                                        const Draws& draws);

/// What an optimizer keeps between steps.
struct OptimizerBytes {
  std::int64_t device = 0;
  std::int64_t host = 0;     // beside the device's memory; with host states on the CPU nothing
  std::int64_t staging = 0;  // of the host, for copies
};

/// Of trained tensors of these sizes, without making any.
/// Range   element_bytes: of a number in a matrix, 2, 4 or 8; vectors have at least 4.
[[nodiscard]] OptimizerBytes optimizer_bytes(const OptimizerOptions& options,
                                             const std::vector<std::vector<std::int64_t>>& sizes,
                                             std::int64_t element_bytes, std::string_view device);

/// When a training stage reports, checks and saves.
struct TrainingRhythm {
  std::int64_t logging_steps = 10;
  std::int64_t eval_steps = 0;
  std::int64_t save_steps = 0;
  std::int64_t save_total_limit = 2;
};

}  // namespace lldm
