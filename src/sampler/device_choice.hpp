// SPDX-License-Identifier: MIT
// Tokens chosen where the logits are, on a device that is not the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "lldm/sampler/guidance.hpp"
#include "lldm/sampler/token_choice.hpp"

namespace lldm {

/// Guidance::combine of whole matrices, [Q, V] float64; `conditional` is changed and returned.
[[nodiscard]] at::Tensor guided(const Guidance& guidance, at::Tensor conditional,
                                const at::Tensor& unconditional);

/// TokenChoice::choose of every row by tensor operations, without a wait for the device.
///
/// Shapes   logits [Q, V] float64, changed as TokenChoice does; uniforms [Q, V] float64 in (0, 1),
///          undefined at temperature 0.  Returns [Q, kChosenColumns] float64 on the same device:
///          token, 1 where a logit is NaN or +inf (else 0), probability, runner-up's, entropy.
/// Numbers  the token is TokenChoice's, but where two noised logits differ by a rounding of the
///          device's logarithm; figures to 1e-12.
/// Tests    unit/sampler/device_choice_test.cpp, on the CPU
[[nodiscard]] at::Tensor choose_on_device(const TokenChoice& choice, at::Tensor logits,
                                          const at::Tensor& uniforms,
                                          CandidateStatistics statistics);
inline constexpr std::int64_t kChosenColumns = 5;

/// What was read back of one row, without its position.
struct ChosenRow {
  Candidate candidate;
  bool is_finite;
};
/// Of a contiguous [Q, kChosenColumns] on the CPU.
[[nodiscard]] std::vector<ChosenRow> chosen_rows(const at::Tensor& chosen);

}  // namespace lldm
