// SPDX-License-Identifier: MIT
// Processes that break a law each.
#include <algorithm>

#include <lldm/plugin/plugin.hpp>

namespace {

struct NoOptions {
  static constexpr auto describe() { return std::tuple{}; }
};

/// Masks with alpha(t) = 1 - t, right in everything.
class Sound {
 public:
  using Options = NoOptions;
  explicit Sound(const Options&) {}
  [[nodiscard]] double alpha(double t) const { return 1 - t; }
  [[nodiscard]] double inverse_alpha(double a) const { return 1 - a; }
  [[nodiscard]] double elbo_weight(double t) const { return 1 / t; }
  [[nodiscard]] double reveal_probability(double s, double t) const { return 1 - s / t; }
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             lldm::Stream&) const {
    for (const std::int64_t i : positions) tokens[static_cast<std::size_t>(i)] = 12;
  }
  [[nodiscard]] bool is_absorbing() const { return true; }
  [[nodiscard]] lldm::Readout readout() const { return lldm::Readout::log_probability; }
};

struct WrongShare : Sound {
  static constexpr std::string_view name() { return "wrong_share"; }
  static constexpr std::string_view description() { return "keeps t/2 more than alpha says"; }
  using Sound::Sound;
  [[nodiscard]] double reveal_probability(double s, double t) const { return 1 - s / (2 * t); }
};

struct WrongWeight : Sound {
  static constexpr std::string_view name() { return "wrong_weight"; }
  static constexpr std::string_view description() { return "an ELBO weight without its 1/t"; }
  using Sound::Sound;
  [[nodiscard]] double elbo_weight(double) const { return 1; }
};

struct Sticky : Sound {
  static constexpr std::string_view name() { return "sticky"; }
  static constexpr std::string_view description() { return "leaves a tenth as it was"; }
  using Sound::Sound;
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             lldm::Stream& draws) const {
    for (const std::int64_t i : positions)
      if (draws.uniform() > 0.1) tokens[static_cast<std::size_t>(i)] = 12;
  }
};

/// Uniform noise that keeps its token too often: only its frequencies show it.
struct StickyUniform : Sound {
  static constexpr std::string_view name() { return "sticky_uniform"; }
  static constexpr std::string_view description() { return "uniform noise that remembers"; }
  using Sound::Sound;
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             lldm::Stream& draws) const {
    for (const std::int64_t i : positions)
      if (draws.uniform() > 0.1) tokens[static_cast<std::size_t>(i)] = draws.below(10);
  }
  [[nodiscard]] bool is_absorbing() const { return false; }
};

struct Spilling : Sound {
  static constexpr std::string_view name() { return "spilling"; }
  static constexpr std::string_view description() { return "noises the first position too"; }
  using Sound::Sound;
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             lldm::Stream& draws) const {
    Sound::noise(tokens, positions, draws);
    if (!positions.empty()) tokens[0] = 12;
  }
};

}  // namespace

LLDM_PLUGIN("wrong_process", "0.1.0", registry) {
  registry.add<WrongShare>().add<WrongWeight>().add<Sticky>().add<StickyUniform>().add<Spilling>();
}
