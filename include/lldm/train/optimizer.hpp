// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lldm/concepts/packed_tokens.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/flat_tensors.hpp"

namespace lldm {

/// The gradient of a step is not finite; nothing was updated.
class NonFiniteGradient : public Error {
 public:
  using Error::Error;
};

/// What was read of a step's gradient, in one wait for the device.
struct GradientReading {
  double norm = 0;
  std::vector<double> others;
};

/// How a bfloat16 weight takes what was computed in float32.  Stochastic: up or down with the
/// probability that keeps its expectation, so that updates below its last bit are not lost and no
/// float32 copy is needed; the draw is a function of key, step, tensor and place.
struct WeightRounding {
  bool is_stochastic = false;  // of bfloat16 weights; others are never rounded
  std::uint64_t key = 0;
};

/// What takes a training step from gradients: clipping by the global norm, a rule of its own, and
/// the states that a checkpoint keeps.  Gradients lie in one allocation.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// As [optimizer] type has it.
  [[nodiscard]] virtual std::string_view name() const = 0;

  /// Clips, updates and clears the gradients.  A parameter without a gradient counts as zero
  /// gradient.  Returns the global norm before clipping; a non-finite norm throws NonFiniteGradient
  /// and updates nothing.  One read-back from the device: read_gradient, then take.
  double step(double learning_rate);
  /// The global norm, and with it the one number of each of `others`, which lie on the device of
  /// the gradients.  One read-back.
  [[nodiscard]] GradientReading read_gradient(const std::vector<at::Tensor>& others = {}) const;
  /// The rest of `step`, for a norm that was read: of gradients that are `loss_scale` times too
  /// large, the norm of what they stand for.
  void take(double learning_rate, double norm, double loss_scale = 1);
  /// Clears the gradients, whatever they hold; nothing was done.
  void skip() const { clear_gradients(); }

  [[nodiscard]] std::int64_t steps_done() const { return steps_done_; }
  /// What a checkpoint keeps beside steps_done, under "<parameter>.<state>": the states themselves,
  /// which a checkpoint is copied into.
  [[nodiscard]] virtual std::vector<NamedParameter> state() const = 0;
  /// The states are those behind so many steps.
  void resume_at(std::int64_t steps_done) { steps_done_ = steps_done; }

 protected:
  /// Takes the parameters that require a gradient, and gives one to those without.
  Optimizer(std::vector<NamedParameter> parameters, double max_gradient_norm);

  /// One step, after steps_done was counted up.
  struct Step {
    double learning_rate = 0;
    double gradient_scale = 1;  // that clipping and the loss scale ask for
  };
  /// Updates the parameters and clears the gradients.
  virtual void update(const Step& step) = 0;

  [[nodiscard]] const std::vector<NamedParameter>& parameters() const { return parameters_; }
  /// Of parameter i, in its dtype; contiguous.
  [[nodiscard]] const at::Tensor& gradient(std::size_t i) const { return gradients_[i]; }
  [[nodiscard]] std::vector<at::Tensor> values() const;
  void clear_gradients() const { gradients_.zero(); }
  /// "<parameter>.first" and "<parameter>.second", in turn.
  [[nodiscard]] std::vector<NamedParameter> moments(const FlatTensors& first,
                                                    const FlatTensors& second) const;
  /// Errors  ConfigError naming the optimizer `type` if a parameter has another dtype.
  void require_float32_or_bfloat16(std::string_view type) const;

 private:
  /// A gradient that was taken away counts as zero; one that came in its place is moved back.
  void adopt_gradients() const;

  double max_gradient_norm_;
  std::vector<NamedParameter> parameters_;
  FlatTensors gradients_;
  std::int64_t steps_done_ = 0;
};

}  // namespace lldm
