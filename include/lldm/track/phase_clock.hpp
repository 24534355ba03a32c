// SPDX-License-Identifier: MIT
// Where the seconds of a training step go.  A scope costs one look at a thread-local pointer while
// no clock runs.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

namespace lldm {

/// The parts of an optimizer step.
enum class StepPhase : std::uint8_t {
  other,      // what no scope names: checks, metrics, statistics
  plans,      // rows chosen, noised copies drawn
  reference,  // everything that asks the frozen reference
  forward,    // of the policy's blocks, packing included
  head,       // of the policy, in both directions
  backward,
  optimizer,
};
inline constexpr std::array<std::string_view, 7> kStepPhaseNames = {
    "other", "plans", "reference", "forward", "head", "backward", "optimizer"};

/// Seconds by phase.
using PhaseSeconds = std::array<double, kStepPhaseNames.size()>;

/// Counts the scopes of the thread that made it while it lives, each second once: an inner scope
/// takes its time out of the outer one's.  What runs inside `reference` is the reference's.  The
/// backward pass of a CPU runs on the thread that asked for it, and its scopes count; on a GPU
/// autograd has threads of its own, and all of it is `backward`.
class PhaseClock {
 public:
  /// `wait` is called at every change of phase: a device that runs behind the host catches up.
  explicit PhaseClock(std::function<void()> wait = {});
  ~PhaseClock();
  PhaseClock(const PhaseClock&) = delete;
  PhaseClock& operator=(const PhaseClock&) = delete;

  /// Seconds by phase since construction or the last call.
  PhaseSeconds take();

 private:
  friend class PhaseScope;
  using Clock = std::chrono::steady_clock;
  /// From now on `phase` is counted; returns what was.
  StepPhase enter(StepPhase phase);

  std::function<void()> wait_;
  PhaseClock* before_;
  StepPhase phase_ = StepPhase::other;
  Clock::time_point since_;
  PhaseSeconds seconds_{};
};

/// Names what this thread does.
class PhaseScope {
 public:
  explicit PhaseScope(StepPhase phase);
  ~PhaseScope();
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  PhaseClock* clock_;  // null: no clock runs, or the reference is being asked
  StepPhase previous_ = StepPhase::other;
};

}  // namespace lldm
