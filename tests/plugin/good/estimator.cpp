// SPDX-License-Identifier: MIT
#include <numeric>

#include <lldm/plugin/plugin.hpp>

/// Everything masked at once, every token asked once: one forward pass, no bound of anything.
class AllAtOnce {
 public:
  struct Options {
    double weight = 1.0;
    static constexpr auto describe() {
      return std::tuple{lldm::field("weight", &Options::weight, "Of every query.").above(0.0)};
    }
  };
  static constexpr std::string_view name() { return "all_at_once"; }
  static constexpr std::string_view description() { return "one fully noised copy"; }
  explicit AllAtOnce(const Options& options) : weight_(options.weight) {}

  [[nodiscard]] lldm::ScorePlan plan(const lldm::Text& text, const lldm::AnyForwardProcess& process,
                                     const lldm::TextDraws& draws) const {
    lldm::ScorePlan plan;
    plan.length = text.length();
    plan.num_prompt = static_cast<std::int64_t>(text.prompt.size());
    plan.num_scored = text.num_scored();
    plan.nominal_copies = 1;
    plan.readout = process.readout();
    plan.tokens = text.prompt;
    plan.tokens.insert(plan.tokens.end(), text.response.begin(), text.response.end());
    plan.replicate = {0};
    std::vector<std::int64_t> positions(static_cast<std::size_t>(plan.num_scored));
    std::iota(positions.begin(), positions.end(), plan.num_prompt);
    lldm::Stream noise = draws.stream(0);
    process.noise(plan.tokens, positions, noise);
    for (std::int64_t i = 0; i < plan.num_scored; ++i)
      plan.queries.push_back({.copy = 0,
                              .position = static_cast<std::int32_t>(plan.num_prompt + i),
                              .target = text.response[static_cast<std::size_t>(i)],
                              .weight = weight_});
    return plan;
  }
  [[nodiscard]] lldm::Target target(std::int64_t) const { return {"none", false}; }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const { return 1; }
  [[nodiscard]] bool reads_schedule() const { return false; }

 private:
  double weight_;
};

LLDM_PLUGIN("test_estimator", "0.1.0", registry) { registry.add<AllAtOnce>(); }
