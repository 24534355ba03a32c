// SPDX-License-Identifier: MIT
#include "run/sampler_canvas.hpp"

#include "lldm/concepts/any_sampler.hpp"
#include "lldm/config/field.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registration.hpp"
#include "lldm/sampler/fixed_length.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

/// A sampler whose canvas has another key.
class Blocks {
 public:
  struct Options {
    std::int64_t blocks = 3;
    static constexpr auto describe() {
      return std::tuple{field("blocks", &Options::blocks, "Blocks of eight tokens.").at_least(1)};
    }
  };
  static constexpr std::string_view name() { return "blocks"; }
  static constexpr std::string_view description() { return "a canvas of blocks"; }
  explicit Blocks(const Options& options) : blocks_(options.blocks) {}
  [[nodiscard]] std::vector<SampledText> sample(const AnyDenoiser&,
                                                std::span<const SampleRequest> requests,
                                                Trace) const {
    return std::vector<SampledText>(requests.size());
  }
  [[nodiscard]] std::int64_t response_length() const { return 8 * blocks_; }

 private:
  std::int64_t blocks_;
};

config::Value stage_with(const char* sampler, const char* key, std::int64_t value) {
  config::Value table, stage;
  table.set("type", config::Value::string(sampler));
  table.set(key, config::Value::integer(value));
  stage.set("sampler", table);
  return stage;
}

}  // namespace

TEST_CASE("sampler_canvas asks the sampler, whatever its keys are called", "[run][sampler]") {
  Registry registry;
  registry.add<FixedLength>().add<LowConfidence>().add<Blocks>();
  const Services services{registry, Draws(0, "test")};
  CHECK(sampler_canvas(stage_with("blocks", "blocks", 5), services) == 40);
  CHECK(sampler_canvas(stage_with("fixed_length", "response_length", 24), services) == 24);
  CHECK(sampler_canvas(config::Value(), services) == std::nullopt);
  CHECK_THROWS_AS(sampler_canvas(stage_with("blocks", "blocks", 0), services), ConfigError);
}
