// SPDX-License-Identifier: MIT
// How a model reads the queries of plans: packing, readouts, stores.
#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/track/phase_clock.hpp"
#include "memory/upload.hpp"
#include "model/direct_gradients.hpp"
#include "score/chunk.hpp"

namespace lldm {
namespace {

/// log(a + b p(target) + c p(other)) [Q] float64 of log-probabilities [2 Q], targets first.
///
/// Where a = c = 0 (the step to the text itself) it is log b + log p(target), without the detour
/// over a probability that may underflow; else a is above 0 and an underflow costs nothing.
at::Tensor log_posteriors(const at::Tensor& log_probabilities,
                          const std::vector<PosteriorReadout>& posteriors) {
  const auto size = static_cast<std::int64_t>(posteriors.size());
  std::vector<double> constant, of_target, of_other, is_plain, log_factor;
  for (const PosteriorReadout& posterior : posteriors) {
    const bool plain = posterior.constant == 0 && posterior.of_other == 0;
    constant.push_back(plain ? 1.0 : posterior.constant);
    of_target.push_back(plain ? 0.0 : posterior.of_target);
    of_other.push_back(posterior.of_other);
    is_plain.push_back(plain ? 1.0 : 0.0);
    log_factor.push_back(plain ? std::log(posterior.of_target) : 0.0);
  }
  const at::Tensor wide = log_probabilities.to(at::kDouble);
  const auto like = [&](const std::vector<double>& values) {
    return memory::uploaded(at::tensor(values, at::kDouble), wide.device());
  };
  const at::Tensor target = wide.narrow(0, 0, size), other = wide.narrow(0, size, size);
  const at::Tensor functional =
      like(constant) + like(of_target) * at::exp(target) + like(of_other) * at::exp(other);
  return at::log(functional) + like(is_plain) * target + like(log_factor);
}

}  // namespace

std::vector<ScoreEngineCore::Chunk> ScoreEngineCore::chunks(std::span<const ScorePlan> plans,
                                                            std::int64_t most_tokens,
                                                            std::int64_t most_copies) {
  std::vector<Chunk> result;
  std::int64_t tokens = 0;
  for (std::size_t p = 0; p < plans.size(); ++p) {
    std::size_t q = 0;
    for (std::int64_t c = 0; c < plans[p].copies(); ++c) {
      const bool is_full = most_copies > 0 && !result.empty() &&
                           static_cast<std::int64_t>(result.back().copies.size()) >= most_copies;
      if (result.empty() || is_full || tokens + plans[p].length > most_tokens) {
        result.emplace_back();
        tokens = 0;
      }
      tokens += plans[p].length;
      const std::size_t first = q;
      while (q < plans[p].queries.size() && plans[p].queries[q].copy == c) ++q;
      result.back().copies.push_back({p, c, first, q});
    }
    if (q != plans[p].queries.size())
      throw ShapeError("ScoreEngine: the queries of a plan must be sorted by copy");
  }
  return result;
}

ScoreEngineCore::Packed ScoreEngineCore::pack(const Chunk& chunk,
                                              std::span<const ScorePlan> plans) const {
  Packed pack;
  std::vector<std::int64_t> tokens;
  pack.tokens.offsets.push_back(0);
  bool has_pattern = false;
  for (const auto& [p, c, first, last] : chunk.copies) {
    const ScorePlan& plan = plans[p];
    const auto copy = plan.copy(c);
    for (std::size_t q = first; q < last; ++q) {
      pack.positions.push_back(pack.tokens.offsets.back() + plan.queries[q].position);
      pack.targets.push_back(plan.queries[q].target);
      if (plan.readout == Readout::log_posterior) pack.posteriors.push_back(plan.posteriors.at(q));
    }
    tokens.insert(tokens.end(), copy.begin(), copy.end());
    pack.tokens.offsets.push_back(static_cast<std::int64_t>(tokens.size()));
    pack.tokens.patterns.push_back(plan.attention);
    has_pattern = has_pattern || plan.attention.kind != AttentionPattern::Kind::full;
  }
  if (!has_pattern) pack.tokens.patterns.clear();
  pack.tokens.tokens = at::tensor(tokens, at::kLong);
  return pack;
}

at::Tensor ScoreEngineCore::on_device(const std::vector<std::int64_t>& values) const {
  return memory::uploaded(at::tensor(values, at::kLong), at::Device(device_));
}

at::Tensor ScoreEngineCore::evaluate(const Chunk& chunk, std::span<const ScorePlan> plans,
                                     bool reference) const {
  const PurposeScope scope(MemoryPurpose::activations);
  const PhaseScope phase(reference ? StepPhase::reference : StepPhase::forward);
  const DirectGradients direct;  // every graph goes back by `backward`
  Packed pack = this->pack(chunk, plans);
  const Evaluate& model = (reference ? reference_ : policy_).log_probabilities;
  if (pack.posteriors.empty())
    return model(pack.tokens, on_device(pack.positions), at::tensor(pack.targets, at::kLong));
  if (pack.posteriors.size() != pack.targets.size())
    throw ShapeError("ScoreEngine: the plans of one forward mix readouts");
  // Both tokens of a query are read from the same row: one forward, twice the targets.
  const std::vector<std::int64_t> rows = pack.positions;
  pack.positions.insert(pack.positions.end(), rows.begin(), rows.end());
  for (const PosteriorReadout& posterior : pack.posteriors) pack.targets.push_back(posterior.other);
  return log_posteriors(
      model(pack.tokens, on_device(pack.positions), at::tensor(pack.targets, at::kLong)),
      pack.posteriors);
}

void ScoreEngineCore::add_readouts(std::vector<at::Tensor>& parts, std::span<const ScorePlan> plans,
                                   bool reference, std::int64_t most_copies) const {
  const c10::NoGradGuard no_grad;
  const PurposeScope purpose(MemoryPurpose::workspace);
  if (reference && stored_) {
    const PhaseScope phase(StepPhase::reference);
    for (const ScorePlan& plan : plans) {
      const std::vector<double> own = stored_(plan);
      if (own.size() != plan.queries.size())
        throw ShapeError(message("ScoreEngine: the store holds ", own.size(),
                                 " readouts of a plan with ", plan.queries.size(), " queries"));
      parts.push_back(at::tensor(own, at::kDouble));
    }
    return;
  }
  const std::vector<ScorePlan> own = walked(plans, reference);
  if (!own.empty()) plans = own;
  for (const Chunk& chunk : chunks(plans, options_.max_tokens_per_forward, most_copies))
    parts.push_back(evaluate(chunk, plans, reference).detach());
}

void ScoreEngineCore::add_in_memory(std::vector<at::Tensor>& parts, const Chunk& chunk,
                                    std::span<const ScorePlan> plans, bool reference) const {
  pass_in_memory(chunk, plans, scored_tokens_, options_.on_smaller_passes, [&](const Chunk& part) {
    parts.push_back(evaluate(part, plans, reference).detach());
  });
}

std::int64_t ScoreEngineCore::most_scored() const {
  const std::int64_t step = options_.max_tokens_per_forward, scored = options_.scored_tokens;
  return scored > 0 ? std::min(scored, step) : step;
}

std::vector<double> ScoreEngineCore::readouts(std::span<const ScorePlan> plans,
                                              bool reference) const {
  std::vector<at::Tensor> parts;
  if (reference && stored_) {
    add_readouts(parts, plans, reference);
  } else {
    const c10::NoGradGuard no_grad;
    const PurposeScope purpose(MemoryPurpose::workspace);
    const std::vector<ScorePlan> own = walked(plans, reference);
    if (!own.empty()) plans = own;
    for (const Chunk& chunk : chunks(plans, most_scored()))
      add_in_memory(parts, chunk, plans, reference);
  }
  const PhaseScope phase(reference ? StepPhase::reference : StepPhase::forward);
  const PurposeScope purpose(MemoryPurpose::workspace);
  at::Tensor none;
  const at::Tensor values = read_together(parts, none).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

}  // namespace lldm
