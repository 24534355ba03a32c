// SPDX-License-Identifier: MIT
#include "lldm/track/phase_clock.hpp"

#include <chrono>
#include <thread>

#include "support/catch.hpp"

using namespace lldm;

namespace {

constexpr double kNap = 0.02;  // seconds

void nap() { std::this_thread::sleep_for(std::chrono::duration<double>(kNap)); }

double of(const PhaseSeconds& seconds, StepPhase phase) {
  return seconds[static_cast<std::size_t>(phase)];
}

}  // namespace

TEST_CASE("PhaseClock counts every second once: an inner scope's time is not the outer one's",
          "[track][phase_clock]") {
  PhaseClock clock;
  const auto begin = std::chrono::steady_clock::now();
  {
    const PhaseScope outer(StepPhase::backward);
    nap();
    {
      const PhaseScope inner(StepPhase::head);
      nap();
      nap();
    }
    nap();
  }
  nap();
  const PhaseSeconds seconds = clock.take();
  const double whole =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(of(seconds, StepPhase::backward) >= 2 * kNap);
  CHECK(of(seconds, StepPhase::head) >= 2 * kNap);
  CHECK(of(seconds, StepPhase::other) >= kNap);
  CHECK(of(seconds, StepPhase::forward) == 0);
  double sum = 0;
  for (const double part : seconds) sum += part;
  CHECK(sum == Approx(whole).epsilon(0.05));
}

TEST_CASE("PhaseClock counts all that runs for the reference as the reference's",
          "[track][phase_clock]") {
  PhaseClock clock;
  {
    const PhaseScope reference(StepPhase::reference);
    const PhaseScope head(StepPhase::head);
    nap();
  }
  {
    const PhaseScope head(StepPhase::head);
    nap();
  }
  const PhaseSeconds seconds = clock.take();
  CHECK(of(seconds, StepPhase::reference) >= kNap);
  CHECK(of(seconds, StepPhase::head) >= kNap);
  CHECK(of(seconds, StepPhase::head) < 2 * kNap + of(seconds, StepPhase::reference));
  CHECK(of(clock.take(), StepPhase::reference) == 0);  // taken
}

TEST_CASE("PhaseClock hears the thread that made it, and waits for its device at every change",
          "[track][phase_clock]") {
  int waits = 0;
  PhaseClock clock([&] { ++waits; });
  std::thread([] {
    const PhaseScope elsewhere(StepPhase::plans);
    nap();
  }).join();
  CHECK(waits == 0);
  {
    const PhaseScope here(StepPhase::plans);
  }
  CHECK(waits == 2);
  CHECK(of(clock.take(), StepPhase::plans) < kNap);
}

TEST_CASE("PhaseScope does nothing where no clock runs", "[track][phase_clock]") {
  {
    const PhaseScope nobody(StepPhase::plans);
  }
  PhaseClock outer;
  {
    PhaseClock inner;
    const PhaseScope scope(StepPhase::plans);
    nap();
    CHECK(of(inner.take(), StepPhase::plans) >= kNap);
  }
  CHECK(of(outer.take(), StepPhase::plans) == 0);  // the inner clock's
}
