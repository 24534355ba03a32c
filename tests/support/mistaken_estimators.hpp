// SPDX-License-Identifier: MIT
// Mistakes found in public code, as estimators: the conformance suite must reject each of them.
#pragma once

#include <algorithm>
#include <cmath>

#include "lldm/estimator/monte_carlo_elbo.hpp"

namespace lldm::testing {

/// What every mistaken estimator declares wrongly: that it estimates `elbo` without bias.
struct Mistaken {
  [[nodiscard]] Target target(std::int64_t) const { return {"elbo", true}; }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const { return 4; }
  [[nodiscard]] bool reads_schedule() const { return false; }
  [[nodiscard]] static MonteCarloElbo sound() { return MonteCarloElbo({.draws = 4}); }
};

/// The score divided by the padded width before the loss sees it (DARE's VRPO).
struct DividedByPaddedWidth : Mistaken {
  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const {
    ScorePlan plan = sound().plan(text, process, draws);
    for (Query& query : plan.queries) query.weight /= static_cast<double>(text.response.size());
    return plan;
  }
};

/// Time clamped to [0.1, 0.9] for the mask, unclamped in the weight 1/t.
struct ClampedTime : Mistaken {
  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const {
    ScorePlan plan = sound().plan(text, process, draws);
    plan.tokens.clear(), plan.queries.clear(), plan.replicate.clear();
    for (std::int32_t j = 0; j < 4; ++j) {
      Stream stream = draws.stream(static_cast<std::uint64_t>(j));
      const double t = 0.05 + 0.95 * stream.uniform(), clamped = std::clamp(t, 0.1, 0.9);
      std::vector<std::int64_t> masked;
      for (std::int64_t i = 0; i < plan.num_scored; ++i)
        if (stream.uniform() < clamped) masked.push_back(i);
      if (masked.empty()) continue;
      const std::size_t begin = plan.tokens.size();
      const auto copy = static_cast<std::int32_t>(plan.replicate.size());
      plan.tokens.insert(plan.tokens.end(), text.prompt.begin(), text.prompt.end());
      plan.tokens.insert(plan.tokens.end(), text.response.begin(), text.response.end());
      process.noise(std::span(plan.tokens).subspan(begin + text.prompt.size()), masked, stream);
      for (const std::int64_t i : masked)
        plan.queries.push_back({copy, static_cast<std::int32_t>(plan.num_prompt + i),
                                text.response[static_cast<std::size_t>(i)], 1.0 / (4.0 * t)});
      plan.replicate.push_back(j);
    }
    return plan;
  }
};

/// One mask for chosen and rejected: the draws are keyed by the prompt alone.
struct OneMaskForBoth : Mistaken {
  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const {
    // An answer's own stream cannot tell the answers apart when only its row is kept: rows are
    // consecutive here, so the call count stands for the row.
    static_cast<void>(draws);
    const Draws shared(3, "shared");
    return sound().plan(text, process, TextDraws(shared, Purpose::noise, 0, calls_++ / 2, 0));
  }
  mutable std::uint64_t calls_ = 0;
};

/// Strata by rounding: l_j = round(R (j + u) / n) clamped to 1..R favours the inner counts.
struct RoundedStrata : Mistaken {
  [[nodiscard]] static std::vector<std::int64_t> counts(std::int64_t scored, Stream& stream) {
    std::vector<std::int64_t> counts;
    for (int j = 0; j < 4; ++j) {
      const double x = static_cast<double>(scored) * (j + stream.uniform()) / 4.0;
      counts.push_back(
          std::clamp<std::int64_t>(static_cast<std::int64_t>(std::nearbyint(x)), 1, scored));
    }
    return counts;
  }
  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const {
    ScorePlan plan = sound().plan(text, process, draws);
    plan.tokens.clear(), plan.queries.clear(), plan.replicate.clear();
    Stream stream = draws.stream(0);
    std::int32_t copy = 0;
    for (const std::int64_t count : counts(plan.num_scored, stream)) {
      const auto masked = stream.subset(plan.num_scored, count);
      const std::size_t begin = plan.tokens.size();
      plan.tokens.insert(plan.tokens.end(), text.prompt.begin(), text.prompt.end());
      plan.tokens.insert(plan.tokens.end(), text.response.begin(), text.response.end());
      process.noise(std::span(plan.tokens).subspan(begin + text.prompt.size()), masked, stream);
      for (const std::int64_t i : masked)
        plan.queries.push_back(
            {copy, static_cast<std::int32_t>(plan.num_prompt + i),
             text.response[static_cast<std::size_t>(i)],
             static_cast<double>(plan.num_scored) / (4.0 * static_cast<double>(count))});
      plan.replicate.push_back(copy++);
    }
    return plan;
  }
};

}  // namespace lldm::testing
