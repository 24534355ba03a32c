// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"
#include "lldm/config/options_check.hpp"

namespace lldm {

/// How the masks of an `eubo` score are drawn.
enum class EuboMasks : std::uint8_t {
  complementary,  // a mask and its complement: every position is masked in one of the two
  iid,            // independent masks of uniformly drawn size
};
constexpr auto choices(std::type_identity<EuboMasks>) {
  return std::array{Choice<EuboMasks>{"complementary", EuboMasks::complementary},
                    Choice<EuboMasks>{"iid", EuboMasks::iid}};
}

/// An upper-bound surrogate, position by position:
///     S = sum_i (1 / b) log [ sum_j w_j 1{i in M_j} p(y_i | y without M_j, x)^b ],   b =
///     sharpness,
/// where the weights estimate the mean over masks that hold i: E[sum_j w_j 1{i in M_j}] = 1.
/// iid: sizes l ~ U{1..R}, w = R / (l n).  complementary: k ~ U{0..R}, |M| = k, w = (R + 1) / (k n)
/// on M and (R + 1) / ((R - k) n) on the rest, n = draws (of which two make a pair).
///
/// Where every p is as likely under one mask as under another it equals the ELBO; elsewhere the
/// power mean lies above the geometric one that the ELBO takes.  The logarithm of a sampled mean is
/// biased (downwards, by Jensen), and a position that no draw masked adds nothing (possible with
/// iid only): declared biased for eubo(sharpness), which is the limit of many draws.
///
/// The score is no sum over evaluations: it has no parts and no standard error; gradient paths
/// retain and replay.
/// Cost    at most `draws` forward passes per text.
/// Source  Wang et al. 2025 (SPG, arXiv:2510.09541), with counts in the place of their times.
class Eubo {
 public:
  struct Options {
    std::int64_t draws = 4;
    double sharpness = 1.0;
    EuboMasks masks = EuboMasks::complementary;
    static constexpr auto describe() {
      return std::tuple{
          field("draws", &Options::draws, "Noised copies: forward passes per text.")
              .range(1, 65536),
          field("sharpness", &Options::sharpness, "Power b of the mean over masks (SPG: 1 to 2).")
              .above(0.0),
          field("masks", &Options::masks,
                "complementary: pairs that leave no position out; iid: independent masks.")};
    }
    /// Complementary masks come in pairs.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "eubo"; }
  static constexpr std::string_view description() {
    return "upper-bound surrogate: log of a power mean over masks, position by position; biased "
           "at few draws";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "eubo(sharpness), the limit of many draws"},
             {"unbiased",
              "no: the logarithm of a sampled mean is biased downwards; with masks = \"iid\" "
              "positions that no draw masked add 0, upwards; both vanish with draws"},
             {"forward passes", "draws per text"},
             {"variance", "falls with draws; larger for a larger sharpness"},
             {"source", "SPG (arXiv:2510.09541)"}}};
  }
  /// ConfigError for options that are not legal.
  explicit Eubo(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t scored) const;
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const { return options_.draws; }
  [[nodiscard]] bool reads_schedule() const { return false; }

 private:
  Options options_;
};
static_assert(Component<Eubo> && ScoreEstimator<Eubo>);

}  // namespace lldm
