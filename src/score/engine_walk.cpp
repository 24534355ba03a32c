// SPDX-License-Identifier: MIT
// Paths that the model walks itself: visible tokens are its own draws, not the text's.
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lldm/memory/purpose.hpp"
#include "lldm/track/phase_clock.hpp"
#include "model/head.hpp"
#include "score/chunk.hpp"
#include "track/read_backs.hpp"

namespace lldm {
namespace {

// Logits worth a thread of their own.
constexpr std::int64_t kGrainLogits = std::int64_t{1} << 14;

/// A query of the pass that is drawn for: its rows of logits come in this order.
struct Drawn {
  std::size_t plan;
  std::int64_t copy;
  std::size_t query;
  std::int64_t token = -1;
};

/// The token that inverse transform sampling draws from softmax(logits) without `mask`.
template <class Number>
std::int64_t draw_token(std::span<const Number> logits, std::int64_t mask, double uniform) {
  double peak = -std::numeric_limits<double>::infinity();
  const auto is_mask = [mask](std::size_t v) { return static_cast<std::int64_t>(v) == mask; };
  for (std::size_t v = 0; v < logits.size(); ++v)
    if (!is_mask(v)) peak = std::max(peak, static_cast<double>(logits[v]));
  std::vector<double> mass(logits.size());
  double total = 0, below = 0;
  for (std::size_t v = 0; v < logits.size(); ++v) {
    mass[v] = is_mask(v) ? 0.0 : std::exp(static_cast<double>(logits[v]) - peak);
    total += mass[v];
  }
  std::size_t last = 0;  // the largest token with mass: where rounding leaves a uniform near 1
  for (std::size_t v = 0; v < mass.size(); ++v) {
    if (mass[v] == 0.0) continue;
    last = v;
    below += mass[v];
    if (uniform * total < below) break;
  }
  return static_cast<std::int64_t>(last);
}

/// Rows of logits on the host, contiguous, in float64 or float32.
at::Tensor on_host(const at::Tensor& logits) {
  if (!logits.device().is_cpu()) note_read_back();
  const at::ScalarType type = logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return logits.detach().to(at::Device(at::kCPU), type).contiguous();
}

/// Draws for the queries whose logits [q, V] these are; tokens are ids below `num_tokens` (0: any).
template <class Number>
void draw(std::span<Drawn> queries, const at::Tensor& logits, std::span<const ScorePlan> plans,
          std::int64_t num_tokens) {
  const std::int64_t width = logits.size(1);
  const std::int64_t drawn = num_tokens > 0 ? std::min(width, num_tokens) : width;
  const Number* rows = logits.const_data_ptr<Number>();
  const std::int64_t grain = std::max<std::int64_t>(1, kGrainLogits / width);
  at::parallel_for(0, std::ssize(queries), grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      Drawn& query = queries[static_cast<std::size_t>(i)];
      const ScorePlan& plan = plans[query.plan];
      const auto position = static_cast<std::size_t>(plan.queries[query.query].position);
      query.token = draw_token(std::span(rows + i * width, static_cast<std::size_t>(drawn)),
                               plan.copy(query.copy)[position], plan.path_uniforms[query.query]);
    }
  });
}

/// Writes a drawn token into the later copies of its path.
void write_path(ScorePlan& plan, const Drawn& query) {
  const std::int64_t position = plan.queries[query.query].position;
  const auto replicate = plan.replicate[static_cast<std::size_t>(query.copy)];
  for (std::int64_t later = query.copy + 1; later < plan.copies(); ++later)
    if (plan.replicate[static_cast<std::size_t>(later)] == replicate)
      plan.tokens[static_cast<std::size_t>(later * plan.length + position)] = query.token;
}

}  // namespace

void ScoreEngineCore::read_in_chunks(const at::Tensor& rows, std::int64_t vocabulary,
                                     const std::function<at::Tensor(const at::Tensor&)>& logits,
                                     const ReadLogits& read) {
  const auto bytes = static_cast<std::int64_t>(rows.element_size());
  for (std::int64_t first = 0, count = 0; first < rows.size(0); first += count) {
    count = next_head_rows(rows.size(0) - first, vocabulary, bytes);
    read(first, logits(rows.narrow(0, first, count)));
  }
}

void ScoreEngineCore::read_logits(const Chunk& chunk, std::span<const ScorePlan> plans,
                                  bool reference, const ReadLogits& read) const {
  const PurposeScope scope(MemoryPurpose::activations);
  const PhaseScope phase(reference ? StepPhase::reference : StepPhase::forward);
  const Packed pack = this->pack(chunk, plans);
  (reference ? reference_ : policy_).logits(pack.tokens, on_device(pack.positions), read);
}

std::vector<ScorePlan> ScoreEngineCore::walked(std::span<const ScorePlan> plans,
                                               bool reference) const {
  if (std::ranges::all_of(plans, [](const ScorePlan& p) { return p.path_uniforms.empty(); }))
    return {};
  const c10::NoGradGuard no_grad;
  std::vector<ScorePlan> own(plans.begin(), plans.end());
  std::int64_t most = 0;
  for (const ScorePlan& plan : own)
    if (!plan.path_uniforms.empty()) most = std::max(most, plan.copies());
  const std::int64_t most_tokens = most_scored();
  const std::vector<Chunk> whole = chunks(own, most_tokens, 1);  // copies alone, with their queries
  const auto walk = [&](const Chunk& chunk) {
    std::vector<Drawn> queries;
    for (const auto& [p, copy, first, last] : chunk.copies)
      for (std::size_t q = first; q < last; ++q) queries.push_back({p, copy, q});
    read_logits(chunk, own, reference, [&](std::int64_t first, const at::Tensor& logits) {
      const at::Tensor rows = on_host(logits);
      const auto part = std::span(queries).subspan(static_cast<std::size_t>(first),
                                                   static_cast<std::size_t>(rows.size(0)));
      if (rows.scalar_type() == at::kDouble)
        draw<double>(part, rows, own, options_.num_tokens);
      else
        draw<float>(part, rows, own, options_.num_tokens);
    });
    for (const Drawn& query : queries) write_path(own[query.plan], query);
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
      if (tokens + own[copy.plan].length > most_tokens) read();
      step.copies.push_back(copy);
      tokens += own[copy.plan].length;
    }
    read();
  }
  for (ScorePlan& plan : own) plan.path_uniforms.clear();
  return own;
}

}  // namespace lldm
