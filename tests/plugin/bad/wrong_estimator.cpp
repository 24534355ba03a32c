// SPDX-License-Identifier: MIT
// Estimators that break a law each.
#include <limits>
#include <memory>

#include <lldm/estimator/monte_carlo_elbo.hpp>
#include <lldm/plugin/plugin.hpp>

namespace {

struct NoOptions {
  static constexpr auto describe() { return std::tuple{}; }
};

/// monte_carlo_elbo with four draws, right in everything.
class Sound {
 public:
  using Options = NoOptions;
  explicit Sound(const Options&) {}
  [[nodiscard]] lldm::ScorePlan plan(const lldm::Text& text, const lldm::AnyForwardProcess& process,
                                     const lldm::TextDraws& draws) const {
    return inner_.plan(text, process, draws);
  }
  [[nodiscard]] lldm::Target target(std::int64_t scored) const { return inner_.target(scored); }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const {
    return inner_.nominal_copies(scored);
  }
  [[nodiscard]] bool reads_schedule() const { return inner_.reads_schedule(); }

 private:
  lldm::MonteCarloElbo inner_{{.draws = 4}};
};

struct Biased : Sound {
  static constexpr std::string_view name() { return "biased"; }
  static constexpr std::string_view description() { return "weights divided by the width"; }
  using Sound::Sound;
  [[nodiscard]] lldm::ScorePlan plan(const lldm::Text& text, const lldm::AnyForwardProcess& process,
                                     const lldm::TextDraws& draws) const {
    lldm::ScorePlan plan = Sound::plan(text, process, draws);
    for (lldm::Query& query : plan.queries)
      query.weight /= static_cast<double>(text.response.size());
    return plan;
  }
};

/// Counts its calls: two neighbouring rows have the same draws.
struct Neighbour : Sound {
  static constexpr std::string_view name() { return "neighbour"; }
  static constexpr std::string_view description() { return "draws with another row's numbers"; }
  using Sound::Sound;
  [[nodiscard]] lldm::ScorePlan plan(const lldm::Text& text, const lldm::AnyForwardProcess& process,
                                     const lldm::TextDraws&) const {
    const lldm::Draws own(1, "neighbour");
    return Sound::plan(text, process, {own, lldm::Purpose::noise, 0, (*calls_)++ / 2, 0});
  }
  std::shared_ptr<std::uint64_t> calls_ = std::make_shared<std::uint64_t>(0);
};

struct SameForAll : Sound {
  static constexpr std::string_view name() { return "same_for_all"; }
  static constexpr std::string_view description() { return "one mask for every row"; }
  using Sound::Sound;
  [[nodiscard]] lldm::ScorePlan plan(const lldm::Text& text, const lldm::AnyForwardProcess& process,
                                     const lldm::TextDraws&) const {
    const lldm::Draws own(1, "same");
    return Sound::plan(text, process, {own, lldm::Purpose::noise, 0, 0, 0});
  }
};

struct OutOfRange : Sound {
  static constexpr std::string_view name() { return "out_of_range"; }
  static constexpr std::string_view description() { return "asks behind the end of the text"; }
  using Sound::Sound;
  [[nodiscard]] lldm::ScorePlan plan(const lldm::Text& text, const lldm::AnyForwardProcess& process,
                                     const lldm::TextDraws& draws) const {
    lldm::ScorePlan plan = Sound::plan(text, process, draws);
    plan.queries.back().position = static_cast<std::int32_t>(plan.length);
    return plan;
  }
};

struct NotANumber : Sound {
  static constexpr std::string_view name() { return "not_a_number"; }
  static constexpr std::string_view description() { return "a weight that is not finite"; }
  using Sound::Sound;
  [[nodiscard]] lldm::ScorePlan plan(const lldm::Text& text, const lldm::AnyForwardProcess& process,
                                     const lldm::TextDraws& draws) const {
    lldm::ScorePlan plan = Sound::plan(text, process, draws);
    plan.queries.front().weight = std::numeric_limits<double>::quiet_NaN();
    return plan;
  }
};

}  // namespace

LLDM_PLUGIN("wrong_estimator", "0.1.0", registry) {
  registry.add<Biased>().add<Neighbour>().add<SameForAll>().add<OutOfRange>().add<NotANumber>();
}
