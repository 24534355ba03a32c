// SPDX-License-Identifier: MIT
// Paths that the model walks itself: visible tokens are its own draws, not the text's.
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lldm/errors.hpp"
#include "score/chunk.hpp"

namespace lldm {
namespace {

/// The token that inverse transform sampling draws from softmax(logits) without `mask`.
std::int64_t draw_token(std::span<const double> logits, std::int64_t mask, double uniform) {
  double peak = -std::numeric_limits<double>::infinity();
  for (std::size_t v = 0; v < logits.size(); ++v)
    if (static_cast<std::int64_t>(v) != mask) peak = std::max(peak, logits[v]);
  const auto mass = [&](std::size_t v) {
    return static_cast<std::int64_t>(v) == mask ? 0.0 : std::exp(logits[v] - peak);
  };
  double total = 0, below = 0;
  for (std::size_t v = 0; v < logits.size(); ++v) total += mass(v);
  std::size_t last = 0;  // the largest token with mass: where rounding leaves a uniform near 1
  for (std::size_t v = 0; v < logits.size(); ++v) {
    if (mass(v) == 0.0) continue;
    last = v;
    below += mass(v);
    if (uniform * total < below) break;
  }
  return static_cast<std::int64_t>(last);
}

/// Writes the drawn tokens of the queries [first, last) of one copy into the later copies.
void write_path(ScorePlan& plan, std::int64_t copy, std::size_t first, std::size_t last,
                const at::Tensor& logits, std::int64_t num_tokens) {
  const at::Tensor rows = logits.contiguous();
  const auto width = static_cast<std::size_t>(rows.size(1));
  const std::size_t drawn =
      num_tokens > 0 ? std::min(width, static_cast<std::size_t>(num_tokens)) : width;
  for (std::size_t q = first; q < last; ++q) {
    const std::int64_t position = plan.queries[q].position;
    const std::span<const double> row(rows.const_data_ptr<double>() + (q - first) * width, drawn);
    const std::int64_t mask = plan.copy(copy)[static_cast<std::size_t>(position)];
    const std::int64_t token = draw_token(row, mask, plan.path_uniforms.at(q));
    const auto replicate = plan.replicate[static_cast<std::size_t>(copy)];
    for (std::int64_t later = copy + 1; later < plan.copies(); ++later)
      if (plan.replicate[static_cast<std::size_t>(later)] == replicate)
        plan.tokens[static_cast<std::size_t>(later * plan.length + position)] = token;
  }
}

}  // namespace

std::vector<ScorePlan> ScoreEngineCore::walked(std::span<const ScorePlan> plans,
                                               bool reference) const {
  if (std::ranges::all_of(plans, [](const ScorePlan& p) { return p.path_uniforms.empty(); }))
    return {};
  const c10::NoGradGuard no_grad;
  std::vector<ScorePlan> own(plans.begin(), plans.end());
  std::int64_t most = 0;
  for (const ScorePlan& plan : own)
    if (!plan.path_uniforms.empty()) most = std::max(most, plan.copies());
  const std::vector<Chunk> whole = chunks(own, 1);  // every copy alone, with its queries
  const auto walk = [&](const Chunk& chunk) {
    const at::Tensor logits = read_back(evaluate_logits(chunk, own, reference));
    std::int64_t row = 0;
    for (const auto& [p, copy, first, last] : chunk.copies) {
      const auto count = static_cast<std::int64_t>(last - first);
      write_path(own[p], copy, first, last, logits.narrow(0, row, count), options_.num_tokens);
      row += count;
    }
  };
  // Copy by copy, all texts side by side: a copy can only be read when those before it are drawn.
  for (std::int64_t c = 0; c + 1 < most; ++c) {
    Chunk step;
    std::int64_t tokens = 0;
    const auto read = [&] {
      if (step.copies.empty()) return;
      pass_in_memory(step, own, scored_tokens_, options_.on_smaller_passes, walk);
      step.copies.clear();
      tokens = 0;
    };
    for (const Chunk& chunk : whole) {
      const Chunk::Copy& copy = chunk.copies.front();
      if (copy.copy != c || own[copy.plan].path_uniforms.empty()) continue;
      if (tokens + own[copy.plan].length > options_.max_tokens_per_forward) read();
      step.copies.push_back(copy);
      tokens += own[copy.plan].length;
    }
    read();
  }
  for (ScorePlan& plan : own) plan.path_uniforms.clear();
  return own;
}

}  // namespace lldm
