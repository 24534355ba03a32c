// SPDX-License-Identifier: MIT
#include "lldm/estimator/monte_carlo_elbo.hpp"

#include <algorithm>
#include <cmath>

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// LLaDA's counts: round(linspace(k, k + (b - 1) R / b, b)) in float32, half to even, wrapped
/// to 1..R. Follows torch.linspace, which fills the upper half from the end.
std::vector<std::int64_t> llada_counts(std::int64_t k, std::int64_t scored, std::int64_t n) {
  const auto start = static_cast<float>(k);
  const auto end = static_cast<float>(static_cast<double>(k) +
                                      static_cast<double>(n - 1) *
                                          (static_cast<double>(scored) / static_cast<double>(n)));
  const float step = n > 1 ? (end - start) / static_cast<float>(n - 1) : 0.0F;
  std::vector<std::int64_t> counts;
  for (std::int64_t j = 0; j < n; ++j) {
    const float x = j < n / 2 || n == 1 ? start + step * static_cast<float>(j)
                                        : end - step * static_cast<float>(n - 1 - j);
    const auto rounded = static_cast<std::int64_t>(std::nearbyint(x));
    counts.push_back((rounded - 1) % scored + 1);
  }
  return counts;
}

/// The complement of `masked` in {0..R-1} and one uniform element of `masked`, ascending.
std::vector<std::int64_t> antithetic_mask(const std::vector<std::int64_t>& masked,
                                          std::int64_t scored, Stream& draws) {
  const std::int64_t kept =
      masked[static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(masked.size())))];
  std::vector<std::int64_t> other;
  for (std::int64_t i = 0; i < scored; ++i)
    if (i == kept || !std::binary_search(masked.begin(), masked.end(), i)) other.push_back(i);
  return other;
}

}  // namespace

void MonteCarloElbo::Options::check(config::OptionsCheck& check) const {
  const bool divides = draws % masks_per_time == 0;
  if (!divides)
    check.error("masks_per_time",
                message("masks_per_time = ", masks_per_time, " does not divide draws = ", draws),
                "legal: a divisor of draws");
  if (divides && pairing == DrawPairing::antithetic && draws / masks_per_time % 2 != 0)
    check.error("pairing",
                message("pairing = \"antithetic\" needs an even number of counts, got draws / "
                        "masks_per_time = ",
                        draws / masks_per_time),
                message("legal: draws = ", draws + masks_per_time));
  if (pairing == DrawPairing::llada_rounding && count == MaskCount::bernoulli)
    check.error("pairing", "pairing = \"llada_rounding\" is a rule for counts",
                "with count = \"bernoulli\" use iid, stratified, systematic or antithetic");
  if (share_times && count == MaskCount::uniform)
    check.error("share_times", "share_times = true has no meaning for counts of masked positions",
                "legal with count = \"bernoulli\"");
  if (time_min != Options{}.time_min && count == MaskCount::uniform)
    check.warning("time_min", "time_min has no effect with count = \"uniform\"",
                  "it is the smallest time of count = \"bernoulli\"");
}

MonteCarloElbo::MonteCarloElbo(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] monte_carlo_elbo");
}

std::vector<std::int64_t> MonteCarloElbo::draw_counts(std::int64_t scored, Stream& draws) const {
  const std::int64_t n = distinct();
  std::vector<std::int64_t> counts;
  counts.reserve(static_cast<std::size_t>(n));
  switch (options_.pairing) {
    case DrawPairing::iid:
      for (std::int64_t j = 0; j < n; ++j) counts.push_back(1 + draws.below(scored));
      break;
    case DrawPairing::stratified:
      // z_j = j R + U{0..R-1} is one draw per stratum of {0..nR-1}; integer division by n gives
      // 0..R-1.
      for (std::int64_t j = 0; j < n; ++j)
        counts.push_back((j * scored + draws.below(scored)) / n + 1);
      break;
    case DrawPairing::systematic: {
      const std::int64_t k = draws.below(scored);
      for (std::int64_t j = 0; j < n; ++j) counts.push_back((k + j * scored / n) % scored + 1);
      break;
    }
    case DrawPairing::antithetic:
      for (std::int64_t j = 0; j < n; j += 2) {
        counts.push_back(1 + draws.below(scored));
        counts.push_back(scored + 1 - counts.back());
      }
      break;
    case DrawPairing::llada_rounding:
      counts = llada_counts(1 + draws.below(scored), scored, n);
      break;
  }
  return counts;
}

std::vector<double> MonteCarloElbo::draw_times(Stream& draws) const {
  const std::int64_t n = distinct();
  std::vector<double> times;
  times.reserve(static_cast<std::size_t>(n));
  const auto place = [&](double u) { return options_.time_min + (1.0 - options_.time_min) * u; };
  const double shared = options_.pairing == DrawPairing::systematic ? draws.uniform_open() : 0.0;
  for (std::int64_t j = 0; j < n; ++j) {
    if (options_.pairing == DrawPairing::antithetic && j % 2 == 1) {
      times.push_back(1.0 + options_.time_min - times.back());
      continue;
    }
    const double u = options_.pairing == DrawPairing::systematic ? shared : draws.uniform_open();
    const bool strata =
        options_.pairing == DrawPairing::stratified || options_.pairing == DrawPairing::systematic;
    times.push_back(place(strata ? (static_cast<double>(j) + u) / static_cast<double>(n) : u));
  }
  return times;
}

std::int32_t MonteCarloElbo::independent_per_replicate() const {
  if (options_.pairing == DrawPairing::iid) return static_cast<std::int32_t>(distinct());
  if (options_.pairing == DrawPairing::antithetic) return static_cast<std::int32_t>(distinct() / 2);
  return 1;
}

std::int32_t MonteCarloElbo::replicate_of(std::int64_t replicate, std::int64_t count) const {
  const std::int32_t each = independent_per_replicate();
  const std::int64_t within = options_.pairing == DrawPairing::iid          ? count
                              : options_.pairing == DrawPairing::antithetic ? count / 2
                                                                            : 0;
  return static_cast<std::int32_t>(replicate * each + within);
}

void MonteCarloElbo::append_counts(ScorePlan& plan, const Text& text,
                                   const AnyForwardProcess& process, const TextDraws& draws,
                                   std::int64_t replicate) const {
  Stream shared = draws.stream(stream_key(replicate, 0));
  const std::vector<ScoredBlock> blocks = scored_blocks(process, plan.num_scored);
  std::vector<std::vector<std::int64_t>> counts;  // [blocks][distinct]
  for (const ScoredBlock& block : blocks) counts.push_back(draw_counts(block.size, shared));
  const double total = static_cast<double>(options_.draws * options_.replicates);
  const auto masks = static_cast<std::size_t>(options_.masks_per_time);
  // [masks_per_time][blocks] the mask before, which the antithetic partner complements
  std::vector partner(masks, std::vector<std::vector<std::int64_t>>(blocks.size()));
  for (std::int64_t j = 0; j < distinct(); ++j)
    for (std::int64_t m = 0; m < options_.masks_per_time; ++m) {
      Stream noise = draws.stream(stream_key(replicate, 1 + j * options_.masks_per_time + m));
      const bool is_partner = options_.pairing == DrawPairing::antithetic && j % 2 == 1;
      std::vector<std::int64_t> masked;
      std::vector<double> weights;
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        const auto [begin, size] = blocks[b];
        const std::int64_t count = counts[b][static_cast<std::size_t>(j)];
        auto& first = partner[static_cast<std::size_t>(m)][b];
        const auto own =
            is_partner ? antithetic_mask(first, size, noise) : noise.subset(size, count);
        if (!is_partner) first = own;
        for (const std::int64_t i : own) masked.push_back(begin + i);
        weights.resize(masked.size(),
                       static_cast<double>(size) / (static_cast<double>(count) * total));
      }
      append_copy(plan, text, process, masked, masked, weights, replicate_of(replicate, j), noise);
    }
}

void MonteCarloElbo::append_times(ScorePlan& plan, const Text& text,
                                  const AnyForwardProcess& process, const TextDraws& draws,
                                  std::int64_t replicate) const {
  const std::uint64_t key = stream_key(replicate, 0);
  Stream shared = options_.share_times ? draws.stream_of_row(key) : draws.stream(key);
  const std::vector<ScoredBlock> blocks = scored_blocks(process, plan.num_scored);
  std::vector<std::vector<double>> times;  // [blocks][distinct]
  for (std::size_t b = 0; b < blocks.size(); ++b) times.push_back(draw_times(shared));
  const double total = static_cast<double>(options_.draws * options_.replicates);
  std::vector<std::vector<double>> uniforms(
      static_cast<std::size_t>(options_.masks_per_time),
      std::vector<double>(static_cast<std::size_t>(plan.num_scored)));
  for (std::int64_t j = 0; j < distinct(); ++j)
    for (std::int64_t m = 0; m < options_.masks_per_time; ++m) {
      Stream noise = draws.stream(stream_key(replicate, 1 + j * options_.masks_per_time + m));
      auto& u = uniforms[static_cast<std::size_t>(m)];
      const bool is_partner = options_.pairing == DrawPairing::antithetic && j % 2 == 1;
      if (!is_partner)
        for (double& value : u) value = noise.uniform();
      std::vector<std::int64_t> masked;
      std::vector<double> weights;
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        const double time = times[b][static_cast<std::size_t>(j)];
        const double noised = 1.0 - process.alpha(time);
        for (std::int64_t i = blocks[b].begin; i < blocks[b].begin + blocks[b].size; ++i)
          if (const double own = u[static_cast<std::size_t>(i)];
              is_partner ? own >= 1.0 - noised : own < noised)
            masked.push_back(i);
        // No weight exists where nothing can be noised.
        if (weights.size() < masked.size())
          weights.resize(masked.size(), process.elbo_weight(time) / total);
      }
      // A loss of parts knows one time per evaluation.
      if (process.block_size() == 0)
        plan.times.push_back(times.front()[static_cast<std::size_t>(j)]);
      append_copy(plan, text, process, masked, masked, weights, replicate_of(replicate, j), noise);
    }
}

ScorePlan MonteCarloElbo::plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process, {.blocks = true});
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates =
      static_cast<std::int32_t>(options_.replicates) * independent_per_replicate();
  for (std::int64_t r = 0; r < options_.replicates; ++r) {
    if (options_.count == MaskCount::uniform)
      append_counts(plan, text, process, draws, r);
    else
      append_times(plan, text, process, draws, r);
  }
  return plan;
}

bool MonteCarloElbo::is_rounding_unbiased(std::int64_t scored) const {
  // Rounding half to even skews the counts as soon as some j R / n ends in exactly one half (with
  // R = 1 there is only one count).
  if (options_.pairing != DrawPairing::llada_rounding || scored == 1) return true;
  for (std::int64_t j = 0; j < distinct(); ++j)
    if (2 * (j * scored % distinct()) == distinct()) return false;
  return true;
}

Target MonteCarloElbo::target(std::int64_t scored) const {
  if (options_.count == MaskCount::bernoulli)
    return {message("elbo_truncated(", options_.time_min, ")"), true};
  return {"elbo", is_rounding_unbiased(scored)};
}

Target MonteCarloElbo::target(std::int64_t scored, const AnyForwardProcess& process) const {
  const std::int64_t size = process.block_size();
  if (size == 0) return target(scored);
  if (options_.count == MaskCount::bernoulli)
    return {message("block_elbo_truncated(", size, ", ", options_.time_min, ", two_stream)"), true};
  bool is_unbiased = true;
  for (const ScoredBlock& block : scored_blocks(process, scored))
    is_unbiased = is_unbiased && is_rounding_unbiased(block.size);
  return {message("block_elbo(", size, ", two_stream)"), is_unbiased};
}

}  // namespace lldm
