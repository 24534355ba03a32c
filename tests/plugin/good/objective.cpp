// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sum.h>

#include <lldm/objective/normalize.hpp>
#include <lldm/plugin/plugin.hpp>

class SquaredMargin {
 public:
  struct Options {
    double goal = 1.0;
    static constexpr auto describe() {
      return std::tuple{lldm::field("goal", &Options::goal, "Margin aimed at.").unit("nat")};
    }
  };
  static constexpr std::string_view name() { return "squared_margin"; }
  static constexpr std::string_view description() { return "(margin - goal)^2"; }
  explicit SquaredMargin(const Options& options) : goal_(options.goal) {}

  [[nodiscard]] lldm::ObjectiveNeeds needs() const { return {.use = lldm::ScoreUse::difference}; }
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    const at::Tensor ratios = lldm::log_ratios(scores, lldm::Normalize::none);
    return {at::square(ratios.select(1, 0) - ratios.select(1, 1) - goal_).sum(),
            lldm::preference_metrics(scores, 1.0)};
  }

 private:
  double goal_;
};

LLDM_PLUGIN("test_objective", "0.1.0", registry) { registry.add<SquaredMargin>(); }
