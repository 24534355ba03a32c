// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>  // 1.0 - tensor
#include <ATen/ops/relu.h>
#include <ATen/ops/sum.h>

#include <lldm/objective/normalize.hpp>
#include <lldm/plugin/plugin.hpp>

/// A hinge on the preference margin: max(0, 1 - beta (r_chosen - r_rejected)), r = policy -
/// reference.
class TemplateObjective {
 public:
  struct Options {  // the keys of [objective] type = "template_objective"
    double beta = 0.1;
    static constexpr auto describe() {  // names every member; `lldm describe` and all errors use it
      return std::tuple{
          lldm::field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat")};
    }
  };
  static constexpr std::string_view name() { return "template_objective"; }
  static constexpr std::string_view description() { return "max(0, 1 - beta times the margin)"; }
  explicit TemplateObjective(const Options& options) : options_(options) {}

  [[nodiscard]] lldm::ObjectiveNeeds needs() const {
    return {.group_size = 2,
            .reference = true,
            .use = lldm::ScoreUse::difference,
            .denominator = lldm::Denominator::groups};
  }
  /// The loss summed over the pairs; its gradient comes from autograd.
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    const at::Tensor ratios = lldm::log_ratios(scores, lldm::Normalize::none);  // [B, 2]
    const at::Tensor margin = ratios.select(1, 0) - ratios.select(1, 1);        // [B]
    return {at::relu(1.0 - margin * options_.beta).sum(),
            lldm::preference_metrics(scores, options_.beta)};
  }

 private:
  Options options_;
};
static_assert(lldm::Component<TemplateObjective> && lldm::Objective<TemplateObjective>);

LLDM_PLUGIN("template_objective", "0.1.0", registry) { registry.add<TemplateObjective>(); }
