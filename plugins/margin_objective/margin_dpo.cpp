// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sum.h>

#include <lldm/objective/normalize.hpp>
#include <lldm/plugin/plugin.hpp>

/// DPO that asks for a margin: -log sigmoid(beta (r_chosen - r_rejected) - margin), r = policy
/// minus reference score.  margin = 0 is `dpo`; a larger one keeps pushing pairs that DPO calls
/// settled.
///
/// Source  the "target reward margin" of SimPO (Meng et al. 2024, arXiv:2405.14734, eq. 6), here
///         with a reference and without length normalisation.
class MarginDpo {
 public:
  struct Options {
    double beta = 0.1;
    double margin = 0.5;
    static constexpr auto describe() {
      return std::tuple{
          lldm::field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat"),
          lldm::field("margin", &Options::margin,
                      "How much larger the chosen answer's implicit reward should be; 0 is dpo.")
              .at_least(0.0)};
    }
  };
  static constexpr std::string_view name() { return "margin_dpo"; }
  static constexpr std::string_view description() {
    return "-log sigmoid(beta times the preference margin - target margin)";
  }
  explicit MarginDpo(const Options& options) : options_(options) {}

  [[nodiscard]] lldm::ObjectiveNeeds needs() const {
    return {.group_size = 2,
            .reference = true,
            .use = lldm::ScoreUse::difference,
            .denominator = lldm::Denominator::groups};
  }
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    const at::Tensor ratios = lldm::log_ratios(scores, lldm::Normalize::none);  // [B, 2]
    const at::Tensor margin = ratios.select(1, 0) - ratios.select(1, 1);        // [B]
    return {-at::log_sigmoid(margin * options_.beta - options_.margin).sum(),
            lldm::preference_metrics(scores, options_.beta)};
  }

 private:
  Options options_;
};
static_assert(lldm::Component<MarginDpo> && lldm::Objective<MarginDpo>);

LLDM_PLUGIN("margin_objective", "0.1.0", registry) { registry.add<MarginDpo>(); }
