// SPDX-License-Identifier: MIT
// Objectives that break a law each.
#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sum.h>

#include <lldm/objective/normalize.hpp>
#include <lldm/plugin/plugin.hpp>

namespace {

struct Common {
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  explicit Common(const Options&) {}
  [[nodiscard]] lldm::ObjectiveNeeds needs() const { return {.use = lldm::ScoreUse::difference}; }
  static at::Tensor margins(const lldm::ScoreSet& scores) {
    const at::Tensor ratios = lldm::log_ratios(scores, lldm::Normalize::none);
    return (ratios.select(1, 0) - ratios.select(1, 1)) * 0.1;
  }
  static lldm::ObjectiveResult result(const lldm::ScoreSet& scores, const at::Tensor& losses) {
    return {losses.sum(), lldm::preference_metrics(scores, 0.1)};
  }
};

struct Detached : Common {
  static constexpr std::string_view name() { return "detached"; }
  static constexpr std::string_view description() { return "a loss without a graph"; }
  using Common::Common;
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    return result(scores, -at::log_sigmoid(margins(scores).detach()));
  }
};

struct HalfDetached : Common {
  static constexpr std::string_view name() { return "half_detached"; }
  static constexpr std::string_view description() { return "a slope of half the loss's"; }
  using Common::Common;
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    const at::Tensor margin = margins(scores);
    return result(scores, margin.detach() * margin);
  }
};

struct Mutating : Common {
  static constexpr std::string_view name() { return "mutating"; }
  static constexpr std::string_view description() { return "scales the reference in place"; }
  using Common::Common;
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    const at::Tensor losses = -at::log_sigmoid(margins(scores));
    if (scores.reference.defined()) at::Tensor(scores.reference).mul_(1.5);
    return result(scores, losses);
  }
};

struct Overflowing : Common {
  static constexpr std::string_view name() { return "overflowing"; }
  static constexpr std::string_view description() { return "log sigmoid by its formula"; }
  using Common::Common;
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    return result(scores, at::log(1.0 + at::exp(-10.0 * margins(scores))));
  }
};

struct Undeclared : Common {
  static constexpr std::string_view name() { return "undeclared"; }
  static constexpr std::string_view description() { return "each answer, called a difference"; }
  using Common::Common;
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    const at::Tensor ratios = lldm::log_ratios(scores, lldm::Normalize::none);
    return result(scores, -at::log_sigmoid(ratios.select(1, 0)));
  }
};

struct MeanOfSet : Common {
  static constexpr std::string_view name() { return "mean_of_set"; }
  static constexpr std::string_view description() { return "divided by the size of the set"; }
  using Common::Common;
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    return result(scores,
                  -at::log_sigmoid(margins(scores)) / static_cast<double>(scores.policy.size(0)));
  }
};

}  // namespace

LLDM_PLUGIN("wrong_objective", "0.1.0", registry) {
  registry.add<Detached>().add<HalfDetached>().add<Mutating>();
  registry.add<Overflowing>().add<Undeclared>().add<MeanOfSet>();
}
