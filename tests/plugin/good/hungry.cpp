// SPDX-License-Identifier: MIT
// Takes memory that no scope says the purpose of: HUNGRY_BYTES in the environment, from the call
// HUNGRY_FROM on (0: the first).
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sum.h>

#include <cstdlib>
#include <lldm/objective/normalize.hpp>
#include <lldm/plugin/plugin.hpp>

namespace {

std::int64_t from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::atoll(text) : 0;
}

}  // namespace

class Hungry {
 public:
  struct Options {
    double goal = 1.0;
    static constexpr auto describe() {
      return std::tuple{lldm::field("goal", &Options::goal, "Margin aimed at.").unit("nat")};
    }
  };
  static constexpr std::string_view name() { return "hungry"; }
  static constexpr std::string_view description() { return "(margin - goal)^2, and much memory"; }
  explicit Hungry(const Options& options) : goal_(options.goal) {}

  [[nodiscard]] lldm::ObjectiveNeeds needs() const { return {.use = lldm::ScoreUse::difference}; }
  [[nodiscard]] lldm::ObjectiveResult evaluate(const lldm::ScoreSet& scores) const {
    static std::int64_t calls = 0;
    static at::Tensor held;
    const std::int64_t bytes = from_environment("HUNGRY_BYTES");
    if (bytes > 0 && calls++ >= from_environment("HUNGRY_FROM") && !held.defined())
      held = at::empty({bytes}, at::TensorOptions().dtype(at::kByte));
    const at::Tensor ratios = lldm::log_ratios(scores, lldm::Normalize::none);
    return {at::square(ratios.select(1, 0) - ratios.select(1, 1) - goal_).sum(),
            lldm::preference_metrics(scores, 1.0)};
  }

 private:
  double goal_;
};

LLDM_PLUGIN("bad_hungry", "0.1.0", registry) { registry.add<Hungry>(); }
