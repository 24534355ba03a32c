// SPDX-License-Identifier: MIT
// The laws of concepts/forward_process.hpp, on the concrete and the erased process.
#include "lldm/errors.hpp"
#include "lldm/forward/block_masked.hpp"
#include "lldm/forward/uniform.hpp"
#include "lldm/laws/forward_process_laws.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/laws.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct Concrete {
  static MaskedProcess make(const AnyNoiseSchedule& schedule) { return {7, schedule}; }
};
struct Erased {
  static AnyForwardProcess make(const AnyNoiseSchedule& schedule) {
    return MaskedProcess(7, schedule);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("ForwardProcess: alpha is the schedule's, its inverse comes back",
                   "[conformance][forward]", Concrete, Erased) {
  for (const NamedSchedule& named : all_schedules()) {
    const auto process = TestType::make(named.schedule);
    for (int i = 0; i <= 50; ++i) {
      const double t = i / 50.0;
      CHECK(process.alpha(t) == named.schedule.alpha(t));
      CHECK(process.alpha(process.inverse_alpha(process.alpha(t))) ==
            Approx(process.alpha(t)).margin(1e-12));
    }
  }
}

TEST_CASE("ForwardProcess: masks keep the laws under every schedule", "[conformance][forward]") {
  for (const NamedSchedule& named : all_schedules()) {
    INFO(named.name);
    // The posterior does not concern it.
    CHECK(check_laws("masked",
                     laws::forward_process_laws(MaskedProcess(7, named.schedule), 8, 7)) == 6);
  }
}

TEST_CASE("ForwardProcess: uniform and block-wise noise keep the laws", "[conformance][forward]") {
  const AnyForwardProcess uniform = UniformProcess(0, 4, -1, CosineSchedule());
  CHECK(check_laws("uniform", laws::forward_process_laws(uniform, 6, 5)) == 5);
  const AnyForwardProcess blocks = BlockMaskedProcess(2, MaskedProcess(7, CosineSchedule()));
  CHECK(check_laws("block_masked", laws::forward_process_laws(blocks, 8, 7)) == 6);
}

TEMPLATE_TEST_CASE("ForwardProcess: the ELBO weight of the linear schedule is 1 / t",
                   "[conformance][forward]", Concrete, Erased) {
  const auto linear = TestType::make(LinearSchedule());
  for (const double t : {1e-3, 0.25, 1.0})
    CHECK(linear.elbo_weight(t) == Approx(1.0 / t).epsilon(1e-12));
  CHECK(linear.reveal_probability(0.5, 0.5) == 0.0);
  CHECK_THROWS_WITH(linear.elbo_weight(0.0), contains("nothing is noised at t = 0"));
}

TEMPLATE_TEST_CASE("ForwardProcess: noise overwrites the given positions and nothing else",
                   "[conformance][forward]", Concrete, Erased) {
  const auto process = TestType::make(LinearSchedule());
  std::vector<std::int64_t> tokens{0, 1, 2, 3, 4};
  const std::vector<std::int64_t> positions{1, 4};
  Stream draws = Draws(1, "noise").stream(Purpose::noise);
  process.noise(tokens, positions, draws);
  CHECK(tokens == std::vector<std::int64_t>{0, 7, 2, 3, 7});
  process.noise(tokens, {}, draws);
  CHECK(tokens == std::vector<std::int64_t>{0, 7, 2, 3, 7});
  CHECK(process.is_absorbing());
  CHECK(process.readout() == Readout::log_probability);
}

TEST_CASE("MaskedProcess: a tokenizer without a mask is refused", "[conformance][forward]") {
  CHECK_THROWS_WITH(MaskedProcess(-1, LinearSchedule()), contains("name one in [tokenizer]"));
}
