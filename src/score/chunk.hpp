// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/score/engine.hpp"
#include "memory/in_memory.hpp"
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

/// pass(chunk), in as many passes as memory asks for: what does not fit is done again in halves.
/// Chunks of more than `most` tokens (0: any), which is found and told then, are cut at once.
/// Errors  OutOfMemory where a copy by itself does not fit.
template <class Chunk, class Pass>
void pass_in_memory(const Chunk& chunk, std::span<const ScorePlan> plans, std::int64_t& most,
                    const std::function<void(std::int64_t)>& tell, const Pass& pass) {
  std::int64_t tokens = 0;
  for (const auto& copy : chunk.copies) tokens += plans[copy.plan].length;
  const bool is_one = chunk.copies.size() == 1;
  if (is_one || most == 0 || tokens <= most) {
    try {
      return memory::in_memory([&] { pass(chunk); });
    } catch (const OutOfMemory& error) {
      if (is_one)
        throw OutOfMemory(message(memory::without_advice(error.what()), "\n  one text of ", tokens,
                                  " tokens is scored by itself already: shorter texts or a larger "
                                  "[memory] budget help"));
    }
    most = std::max<std::int64_t>(1, tokens / 2);
    if (tell) tell(most);
  }
  const auto middle = chunk.copies.begin() + static_cast<std::ptrdiff_t>(chunk.copies.size() / 2);
  pass_in_memory(Chunk{{chunk.copies.begin(), middle}}, plans, most, tell, pass);
  pass_in_memory(Chunk{{middle, chunk.copies.end()}}, plans, most, tell, pass);
}

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
