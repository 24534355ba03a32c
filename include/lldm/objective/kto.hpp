// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// The loss of single answers, under TRL's names.
enum class KtoLoss : std::uint8_t { kto, apo_zero_unpaired };
constexpr auto choices(std::type_identity<KtoLoss>) {
  return std::array{Choice<KtoLoss>{"kto", KtoLoss::kto},
                    Choice<KtoLoss>{"apo_zero_unpaired", KtoLoss::apo_zero_unpaired}};
}

/// Where KTO's baseline comes from.
enum class KtoKl : std::uint8_t {
  mismatched,  // max(0, mean log-ratio of prompts with answers to other prompts)
  none,        // 0
};
constexpr auto choices(std::type_identity<KtoKl>) {
  return std::array{Choice<KtoKl>{"mismatched", KtoKl::mismatched},
                    Choice<KtoKl>{"none", KtoKl::none}};
}

/// Every answer for itself, u = policy - reference score; the chosen answers of pairs, or those
/// labelled true of rows with one answer, are desirable, the others undesirable, and the mean runs
/// over all together:
///     kto:                w_d (1 - sigmoid(beta (u - z))),  w_u (1 - sigmoid(beta (z - u)));
///     apo_zero_unpaired:  w_d (1 - sigmoid(beta u)),        w_u sigmoid(beta u).
///
/// z is the mean of the log-ratios of mismatched answers over the whole optimizer step, at least 0
/// and without gradient.  It couples the pairs of the step (gradient_path retain or replay) and
/// costs one more scored text per row, without gradient; kl = "none" sets z = 0 and does neither.
/// A score is a bound of log p, so z estimates a difference of bounds, no KL divergence.
/// Source  Ethayarajh et al. 2024 (KTO, arXiv:2402.01306); D'Oosterlinck et al. 2024 (APO,
///         arXiv:2408.06266); TRL's KTOTrainer; with likelihood bounds, ELBO-KTO
///         (arXiv:2510.23658).
class Kto {
 public:
  struct Options {
    double beta = 0.1;
    double desirable_weight = 1.0;
    double undesirable_weight = 1.0;
    KtoLoss loss = KtoLoss::kto;
    std::optional<KtoKl> kl = {};
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat"),
          field("desirable_weight", &Options::desirable_weight,
                "Factor of the chosen answers (of those labelled true).")
              .at_least(0.0),
          field("undesirable_weight", &Options::undesirable_weight,
                "Factor of the rejected answers (of those labelled false).")
              .at_least(0.0),
          field("loss", &Options::loss, "kto, or TRL's apo_zero_unpaired (no baseline)."),
          field("kl", &Options::kl,
                "loss = \"kto\": its baseline, mismatched (when left out) or none.")};
    }
    /// apo_zero_unpaired reads no baseline; not both weights are 0.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "kto"; }
  static constexpr std::string_view description() {
    return "desirable answers up, undesirable ones down, against the step's mismatched answers";
  }
  /// ConfigError for options that are not legal.
  explicit Kto(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

  /// The weighted losses of answers [n] by themselves: their log-ratios [n] float64, whether each
  /// is desirable [n] bool, and the baseline z >= 0 in nats.
  [[nodiscard]] at::Tensor losses(const at::Tensor& log_ratios, const at::Tensor& is_desirable,
                                  double baseline) const;
  /// z of mismatched log-ratios [B]; 0 where the options ask for none.
  [[nodiscard]] double baseline(const at::Tensor& mismatched) const;

 private:
  [[nodiscard]] bool has_baseline() const {
    return options_.loss == KtoLoss::kto && options_.kl.value_or(KtoKl::mismatched) != KtoKl::none;
  }
  Options options_;
};
static_assert(Component<Kto> && Objective<Kto>);

}  // namespace lldm
