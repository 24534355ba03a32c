// SPDX-License-Identifier: MIT
#include "lldm/forward/uniform.hpp"

#include "lldm/builtin/builtin.hpp"
#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/schedule/linear.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/services.hpp"
#include "support/toy_tokenizer.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct Setting {
  Registry registry;
  Setting() { register_builtin_components(registry); }
  [[nodiscard]] UniformProcess make(const UniformProcess::Options& options, bool tokenizer) const {
    const TestServices base(registry);
    Services services = base.get();
    if (tokenizer) services.tokenizer = std::make_shared<ToyTokenizer>();
    return {options, services};
  }
};

}  // namespace

TEST_CASE("UniformProcess takes its states from the tokenizer, without the mask",
          "[forward][uniform]") {
  const Setting setting;
  const ToyTokenizer tokenizer;
  const UniformProcess process = setting.make({}, true);
  CHECK(process.num_states() == tokenizer.vocabulary_size() - 1);
  CHECK(!process.is_state(tokenizer.special().mask));
  CHECK(process.is_state(tokenizer.special().end_of_text));  // it fills canvases
  CHECK(setting.make({.last_token = 4}, false).num_states() == 5);
}

TEST_CASE("UniformProcess refuses states that cannot be", "[forward][uniform]") {
  const Setting setting;
  CHECK_THROWS_WITH(setting.make({}, false), contains("last_token is not known"));
  CHECK_THROWS_WITH(setting.make({.last_token = 100000}, true),
                    contains("last_token = 100000 is no token of the tokenizer"));
  CHECK_THROWS_WITH(UniformProcess(3, 3, -1, LinearSchedule()),
                    contains("token ids 3 to 3 without the mask token are fewer than two states"));
  CHECK_THROWS_AS(UniformProcess(3, 4, 4, LinearSchedule()), ConfigError);
  const UniformProcess process(0, 2, -1, LinearSchedule());
  CHECK_THROWS_AS(process.reverse_step(0.2, 0.5, 0, 0, 0), ShapeError);  // s after t
  CHECK_THROWS_AS(process.reverse_step(0.5, 0.2, 3, 0, 0), ShapeError);
  CHECK_THROWS_AS(process.reverse_step(0.5, 0.5, 1, 0, 0), ShapeError);
}

TEST_CASE("A process without a posterior says so", "[forward][uniform]") {
  struct Plain {
    double alpha(double t) const { return 1.0 - t; }
    double inverse_alpha(double a) const { return 1.0 - a; }
    double elbo_weight(double t) const { return 1.0 / t; }
    double reveal_probability(double s, double t) const { return 1.0 - s / t; }
    void noise(std::span<std::int64_t>, std::span<const std::int64_t>, Stream&) const {}
    bool is_absorbing() const { return true; }
    Readout readout() const { return Readout::log_probability; }
  };
  const AnyForwardProcess process = Plain();
  CHECK(!process.has_posterior());
  CHECK(process.block_size() == 0);
  CHECK_THROWS_AS(process.reverse_step(0.5, 0.2, 0, 0, 0), ShapeError);
  CHECK_THROWS_AS(process.prior_divergence(0.2), ShapeError);
}
