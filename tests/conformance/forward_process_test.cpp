// SPDX-License-Identifier: MIT
// The laws of concepts/forward_process.hpp, on the concrete and the erased process.
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
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

TEMPLATE_TEST_CASE("ForwardProcess: reveal probabilities chain into the forward law",
                   "[conformance][forward]", Concrete, Erased) {
  for (const NamedSchedule& named : all_schedules()) {
    const auto process = TestType::make(named.schedule);
    for (const double t : {0.2, 0.5, 0.9, 1.0}) {
      CHECK(process.reveal_probability(t, t) == 0.0);
      double before = 0.0;
      for (int i = 20; i >= 0; --i) {  // the further back, the likelier revealed
        const double s = t * i / 20.0;
        const double revealed = process.reveal_probability(s, t);
        CHECK(revealed >= before - 1e-15);
        CHECK(revealed <= 1.0 + 1e-15);
        before = revealed;
        // P(clean at s) = P(clean at t) + P(noised at t) P(revealed between).
        CHECK(process.alpha(t) + (1 - process.alpha(t)) * revealed ==
              Approx(process.alpha(s)).epsilon(1e-12));
        // Two steps are one: not revealed by r and not from r to s.
        const double r = (s + t) / 2;
        CHECK((1 - process.reveal_probability(r, t)) * (1 - process.reveal_probability(s, r)) ==
              Approx(1 - revealed).margin(1e-12));
      }
    }
  }
}

TEMPLATE_TEST_CASE("ForwardProcess: the ELBO weight is the rate at which noised positions appear",
                   "[conformance][forward]", Concrete, Erased) {
  for (const NamedSchedule& named : all_schedules()) {
    const auto process = TestType::make(named.schedule);
    for (int i = 1; i < 100; ++i) {
      const double t = i / 100.0, h = 1e-6;
      // -alpha' / (1 - alpha) = lim reveal_probability(t - h, t) / h.
      CHECK(process.elbo_weight(t) ==
            Approx((process.reveal_probability(t - h, t) - process.reveal_probability(t + h, t)) /
                   (2 * h))
                .epsilon(1e-5));
    }
  }
  const auto linear = TestType::make(LinearSchedule());
  for (const double t : {1e-3, 0.25, 1.0})
    CHECK(linear.elbo_weight(t) == Approx(1.0 / t).epsilon(1e-12));
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
