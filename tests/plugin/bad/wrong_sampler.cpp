// SPDX-License-Identifier: MIT
// Samplers that break a law each.
#include <lldm/plugin/plugin.hpp>
#include <lldm/sampler/fixed_length.hpp>
#include <lldm/sampler/remasking/low_confidence.hpp>

namespace {

using lldm::SampledText;
using lldm::SampleRequest;

/// fixed_length over 8 tokens, right in everything.
class Sound {
 public:
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  explicit Sound(const Options&) : inner_(make()) {}
  [[nodiscard]] std::vector<SampledText> sample(const lldm::AnyDenoiser& denoiser,
                                                std::span<const SampleRequest> requests,
                                                lldm::Trace trace) const {
    return inner_.sample(denoiser, requests, trace);
  }
  [[nodiscard]] std::int64_t response_length() const { return inner_.response_length(); }

 private:
  static lldm::FixedLength make() {
    const lldm::SamplerOptions options{.canvas = {.response_length = 8}, .commit = {.steps = 4}};
    return {options,
            {.mask = 12, .end_of_text = 10, .end_of_turn = 11},
            lldm::Draws(1, "wrong"),
            lldm::AnyCommitRule(lldm::LowConfidence())};
  }
  lldm::FixedLength inner_;
};

struct LeavesMasks : Sound {
  static constexpr std::string_view name() { return "leaves_masks"; }
  static constexpr std::string_view description() { return "the last position stays masked"; }
  using Sound::Sound;
  [[nodiscard]] std::vector<SampledText> sample(const lldm::AnyDenoiser& denoiser,
                                                std::span<const SampleRequest> requests,
                                                lldm::Trace trace) const {
    auto texts = Sound::sample(denoiser, requests, trace);
    for (SampledText& text : texts) text.tokens.back() = 12;
    return texts;
  }
};

struct AltersPrompt : Sound {
  static constexpr std::string_view name() { return "alters_prompt"; }
  static constexpr std::string_view description() { return "puts another token first"; }
  using Sound::Sound;
  [[nodiscard]] std::vector<SampledText> sample(const lldm::AnyDenoiser& denoiser,
                                                std::span<const SampleRequest> requests,
                                                lldm::Trace trace) const {
    std::vector<SampleRequest> other(requests.begin(), requests.end());
    for (SampleRequest& request : other)
      if (!request.prompt.empty()) request.prompt[0] = (request.prompt[0] + 1) % 10;
    return Sound::sample(denoiser, other, trace);
  }
};

struct SeesNeighbours : Sound {
  static constexpr std::string_view name() { return "sees_neighbours"; }
  static constexpr std::string_view description() { return "the first token says how many ask"; }
  using Sound::Sound;
  [[nodiscard]] std::vector<SampledText> sample(const lldm::AnyDenoiser& denoiser,
                                                std::span<const SampleRequest> requests,
                                                lldm::Trace trace) const {
    auto texts = Sound::sample(denoiser, requests, trace);
    for (SampledText& text : texts) text.tokens[0] = static_cast<std::int64_t>(texts.size());
    return texts;
  }
};

struct TooShort : Sound {
  static constexpr std::string_view name() { return "too_short"; }
  static constexpr std::string_view description() { return "one token less than it says"; }
  using Sound::Sound;
  [[nodiscard]] std::vector<SampledText> sample(const lldm::AnyDenoiser& denoiser,
                                                std::span<const SampleRequest> requests,
                                                lldm::Trace trace) const {
    auto texts = Sound::sample(denoiser, requests, trace);
    for (SampledText& text : texts) text.tokens.pop_back();
    return texts;
  }
};

}  // namespace

LLDM_PLUGIN("wrong_sampler", "0.1.0", registry) {
  registry.add<LeavesMasks>().add<AltersPrompt>().add<SeesNeighbours>().add<TooShort>();
}
