// SPDX-License-Identifier: MIT
#include "lldm/track/phase_clock.hpp"

#include <utility>

namespace lldm {
namespace {

thread_local PhaseClock* running = nullptr;

}  // namespace

PhaseClock::PhaseClock(std::function<void()> wait)
    : wait_(std::move(wait)), before_(std::exchange(running, this)), since_(Clock::now()) {}

PhaseClock::~PhaseClock() { running = before_; }

StepPhase PhaseClock::enter(StepPhase phase) {
  if (wait_) wait_();
  const Clock::time_point now = Clock::now();
  seconds_[static_cast<std::size_t>(phase_)] += std::chrono::duration<double>(now - since_).count();
  since_ = now;
  return std::exchange(phase_, phase);
}

PhaseSeconds PhaseClock::take() {
  enter(phase_);
  return std::exchange(seconds_, {});
}

PhaseScope::PhaseScope(StepPhase phase) : clock_(running) {
  if (clock_ && clock_->phase_ == StepPhase::reference) clock_ = nullptr;
  if (clock_) previous_ = clock_->enter(phase);
}

PhaseScope::~PhaseScope() {
  if (!clock_) return;
  try {
    clock_->enter(previous_);
  } catch (...) {  // a device that is lost: whoever computes next is told
  }
}

}  // namespace lldm
