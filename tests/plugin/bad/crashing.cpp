// SPDX-License-Identifier: MIT
// Components that take the process with them, beside one that is sound.
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "component.hpp"

namespace {

struct Crashes : SmallSchedule {
  static constexpr std::string_view name() { return "crashes"; }
  static constexpr std::string_view description() { return "a segmentation fault"; }
  using SmallSchedule::SmallSchedule;
  [[nodiscard]] double inverse_alpha(double) const {
    std::raise(SIGSEGV);
    return 0;
  }
};

struct Hangs : SmallSchedule {
  static constexpr std::string_view name() { return "hangs"; }
  static constexpr std::string_view description() { return "never returns"; }
  using SmallSchedule::SmallSchedule;
  [[nodiscard]] double alpha_derivative(double) const {
    for (;;) pause();
  }
};

struct Exits : SmallSchedule {
  static constexpr std::string_view name() { return "exits"; }
  static constexpr std::string_view description() { return "ends the process"; }
  using SmallSchedule::SmallSchedule;
  [[nodiscard]] double alpha(double) const { _exit(0); }
};

struct CrashesEarly : SmallSchedule {
  static constexpr std::string_view name() { return "crashes_early"; }
  static constexpr std::string_view description() { return "aborts in its constructor"; }
  explicit CrashesEarly(const Options& options) : SmallSchedule(options) { std::abort(); }
};

struct Chatters : SmallSchedule {
  static constexpr std::string_view name() { return "chatters"; }
  static constexpr std::string_view description() { return "sound, and prints"; }
  using SmallSchedule::SmallSchedule;
  [[nodiscard]] double alpha(double t) const {
    std::cout << "pass  a line of its own" << std::endl;
    return SmallSchedule::alpha(t);
  }
};

}  // namespace

LLDM_PLUGIN("crashing", "0.1.0", registry) {
  registry.add<Crashes>().add<Hangs>().add<Exits>().add<CrashesEarly>().add<Chatters>();
}
