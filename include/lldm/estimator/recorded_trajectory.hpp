// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"

namespace lldm {

/// Scores an answer along the order in which a sampler wrote it:
///     S = sum_k sum_{i written in step k} log p(y_i | tokens written before step k, x).
/// `shrink` neighbouring steps count as one: 1 scores every recorded step, as many as there are
/// steps gives the one-step score.
///
/// The order is data (Text::reveal_step): a synthesize stage with method = "sample" records it, and
/// a row of a file may bring it.  A text without one, or of another length, is a DataError.
/// Target  recorded_trajectory(shrink), a fixed number: no draws, unbiased for itself.  It is no
///         bound that could be compared with elbo: the order was chosen by a model.
/// Cost    ceil(recorded steps / shrink) forward passes per text; budgets count R / shrink, as the
///         steps of a text are not known before.
/// Source  Wang et al. 2025 (TraceRL, arXiv:2509.06949).
class RecordedTrajectory {
 public:
  struct Options {
    std::int64_t shrink = 1;
    static constexpr auto describe() {
      return std::tuple{
          field("shrink", &Options::shrink, "Neighbouring recorded steps that count as one.")
              .range(1, 65536)
              .unit("steps")};
    }
  };
  static constexpr std::string_view name() { return "recorded_trajectory"; }
  static constexpr std::string_view description() {
    return "along the order in which a sampler wrote the answer; neighbouring steps merged by "
           "shrink";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "recorded_trajectory(shrink)"},
             {"unbiased", "yes: exactly"},
             {"forward passes", "recorded steps / shrink (budgets count R / shrink) per text"},
             {"variance", "none: the order is data"},
             {"source", "TraceRL (arXiv:2509.06949)"}}};
  }
  /// ConfigError for options that are not legal.
  explicit RecordedTrajectory(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t scored) const;
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const {
    return (scored + options_.shrink - 1) / options_.shrink;
  }
  [[nodiscard]] bool reads_schedule() const { return false; }

 private:
  Options options_;
};
static_assert(Component<RecordedTrajectory> && ScoreEstimator<RecordedTrajectory>);

}  // namespace lldm
