// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <cstdint>
#include <vector>

#include "lldm/score/engine.hpp"

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

inline at::Tensor to_host(const at::Tensor& readouts) {
  return readouts.detach().to(at::Device(at::kCPU), at::kDouble);
}

/// Behind one another; nothing where every copy of the micro-batch came without queries.
inline at::Tensor concatenate(const std::vector<at::Tensor>& parts) {
  return parts.empty() ? at::zeros({0}, at::kDouble) : at::cat(parts);
}

}  // namespace lldm
