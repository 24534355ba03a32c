// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <array>

#include <cstdint>
#include <vector>

#include "lldm/score/engine.hpp"
#include "track/read_backs.hpp"

namespace lldm {

/// Some copies of some plans that go through the denoiser together.
struct ScoreEngineCore::Chunk {
  struct Copy {
    std::size_t plan;
    std::int64_t copy;
    std::size_t first_query, last_query;  // of the plan's queries, half open
  };
  std::vector<Copy> copies;
};

/// A chunk as the denoiser takes it.
struct ScoreEngineCore::Packed {
  PackedTokens tokens;
  std::vector<std::int64_t> positions, targets;  // [Q]
  std::vector<PosteriorReadout> posteriors;      // [Q], or empty
};

/// Behind one another; nothing where every copy of the micro-batch came without queries.
inline at::Tensor concatenate(const std::vector<at::Tensor>& parts) {
  return parts.empty() ? at::zeros({0}, at::kDouble) : at::cat(parts);
}

/// The policy's readouts [Q] float64 on the host, of parts where they were computed, and with them
/// those of the `reference`, which is there as well afterwards: one wait for the device.
inline at::Tensor read_together(const std::vector<at::Tensor>& policy, at::Tensor& reference) {
  const at::Tensor own = concatenate(policy);
  if (!reference.defined() || reference.device() != own.device()) return read_back(own);
  const std::array<std::int64_t, 2> sizes{own.size(0), reference.size(0)};
  const at::Tensor both = read_back(at::cat({own.to(at::kDouble), reference.to(at::kDouble)}));
  reference = both.narrow(0, sizes[0], sizes[1]);
  return both.narrow(0, 0, sizes[0]);
}

}  // namespace lldm
