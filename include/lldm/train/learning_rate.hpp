// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// What the learning rate does after the warm-up.
enum class Decay : std::uint8_t {
  constant,
  cosine,              // half a cosine down to final_share
  stable_then_linear,  // constant, then linear over the last decay_share of the steps
};
constexpr auto choices(std::type_identity<Decay>) {
  return std::array{Choice<Decay>{"constant", Decay::constant},
                    Choice<Decay>{"cosine", Decay::cosine},
                    Choice<Decay>{"stable_then_linear", Decay::stable_then_linear}};
}

/// Shape of the learning rate over a stage.
struct LearningRate {
  double peak = 1e-3;
  Decay decay = Decay::stable_then_linear;
  double warmup_share = 0.05;  // of all steps, linear from 1 / warm-up steps
  double decay_share = 0.3;    // of all steps, only for stable_then_linear
  double final_share = 0.0;    // of the peak, reached after the last step

  /// The rate of step `step` (0-based) of `total`; never 0 while final_share is 0 and steps remain.
  [[nodiscard]] double at(std::int64_t step, std::int64_t total) const;
};

}  // namespace lldm
