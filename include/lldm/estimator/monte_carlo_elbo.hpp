// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"
#include "lldm/config/options_check.hpp"

namespace lldm {

/// How the number of noised positions of a copy is drawn.
enum class MaskCount : std::uint8_t {
  uniform,    // l ~ U{1..R}, exactly l positions: reads no schedule, lowest variance
  bernoulli,  // t ~ U(time_min, 1), every position by itself: reads the schedule
};
constexpr auto choices(std::type_identity<MaskCount>) {
  return std::array{Choice<MaskCount>{"uniform", MaskCount::uniform},
                    Choice<MaskCount>{"bernoulli", MaskCount::bernoulli}};
}

/// How the counts (or times) of one text's draws hang together.  Never over rows.
enum class DrawPairing : std::uint8_t { iid, stratified, systematic, antithetic, llada_rounding };
constexpr auto choices(std::type_identity<DrawPairing>) {
  return std::array{Choice<DrawPairing>{"iid", DrawPairing::iid},
                    Choice<DrawPairing>{"stratified", DrawPairing::stratified},
                    Choice<DrawPairing>{"systematic", DrawPairing::systematic},
                    Choice<DrawPairing>{"antithetic", DrawPairing::antithetic},
                    Choice<DrawPairing>{"llada_rounding", DrawPairing::llada_rounding}};
}

/// The Monte-Carlo estimate of the continuous-time bound (LLaDA, VRPO).
///
/// count = uniform:   S = (1/n) sum_j (R / l_j) sum_{i in M_j} log p(y_i | y without M_j, x),
///                    |M_j| = l_j;
///                    target `elbo`, unbiased for every pairing but llada_rounding.
/// count = bernoulli: weight -alpha'(t) / (1 - alpha(t)) on every masked position;
///                    target `elbo_truncated(time_min)` = (1/(1-eps)) times the integral over
///                    [eps, 1].
/// Over `block_masked` noise every block draws a count (weights R_b / (l_b n)) or a time of its
/// own, all blocks in one pass: target `block_elbo(B, two_stream)`.
///
/// Cost    n forward passes per text and replicate.
/// Source  Zhu et al. 2025 (LLaDA 1.5, VRPO), arXiv:2505.19223; LLaDA get_log_likelihood.py.
class MonteCarloElbo {
 public:
  struct Options {
    std::int64_t draws = 4;
    std::int64_t masks_per_time = 1;
    MaskCount count = MaskCount::uniform;
    DrawPairing pairing = DrawPairing::iid;
    double time_min = 1e-3;
    bool share_times = false;
    std::int64_t replicates = 1;
    static constexpr auto describe() {
      return std::tuple{
          field("draws", &Options::draws, "Noised copies n: forward passes per text.")
              .range(1, 65536)
              .unit("copies"),
          field("masks_per_time", &Options::masks_per_time,
                "Copies that share one count (or time); must divide draws.")
              .range(1, 65536),
          field("count", &Options::count,
                "uniform: exactly l ~ U{1..R} positions; bernoulli: t ~ U(time_min, 1), every "
                "position by itself."),
          field("pairing", &Options::pairing,
                "How the counts of one text's draws hang together; llada_rounding is LLaDA's "
                "slightly biased systematic rule, for parity."),
          field("time_min", &Options::time_min,
                "Smallest time of count = \"bernoulli\"; at 0 the linear schedule's variance is "
                "infinite.")
              .between(0.0, 1.0),
          field("share_times", &Options::share_times,
                "count = \"bernoulli\": all answers to a prompt meet the same times (their masks "
                "stay independent), as d2_dpo needs."),
          field("replicates", &Options::replicates, "Independent repetitions, averaged.")
              .range(1, 4096)};
    }
    /// masks_per_time divides draws; antithetic pairs its counts; llada_rounding rounds counts.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "monte_carlo_elbo"; }
  static constexpr std::string_view description() {
    return "random masks of random size, weighted to the continuous-time bound; unbiased for elbo";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {
        {{"target", "elbo; elbo_truncated(time_min) with count = \"bernoulli\""},
         {"unbiased", "yes; not with pairing = \"llada_rounding\" where rounding skews the counts"},
         {"forward passes", "draws * replicates per text"},
         {"variance",
          "falls as 1 / draws when every mask has a time of its own (masks_per_time = 1); "
          "stratified times never raise it; bernoulli counts add their own"},
         {"source", "LLaDA 1.5 (arXiv:2505.19223); LLaDA get_log_likelihood.py"}}};
  }
  /// ConfigError for options that are not legal.
  explicit MonteCarloElbo(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t scored) const;
  /// The same for the process in use: over blocks, a bound of every block given those before it.
  [[nodiscard]] Target target(std::int64_t scored, const AnyForwardProcess& process) const;
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const {
    return options_.draws * options_.replicates;
  }
  [[nodiscard]] bool reads_schedule() const { return options_.count == MaskCount::bernoulli; }

  /// The numbers of masked positions of one replicate's distinct counts, in 1..R.
  [[nodiscard]] std::vector<std::int64_t> draw_counts(std::int64_t scored, Stream& draws) const;
  /// The times of one replicate's distinct counts, in [time_min, 1].
  [[nodiscard]] std::vector<double> draw_times(Stream& draws) const;

 private:
  void append_counts(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                     const TextDraws& draws, std::int64_t replicate) const;
  void append_times(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                    const TextDraws& draws, std::int64_t replicate) const;
  [[nodiscard]] bool is_rounding_unbiased(std::int64_t scored) const;
  [[nodiscard]] std::int64_t distinct() const { return options_.draws / options_.masks_per_time; }
  [[nodiscard]] std::int32_t independent_per_replicate() const;
  [[nodiscard]] std::int32_t replicate_of(std::int64_t replicate, std::int64_t count) const;

  Options options_;
};
static_assert(Component<MonteCarloElbo> && ScoreEstimator<MonteCarloElbo>);

}  // namespace lldm
