// SPDX-License-Identifier: MIT
// The process between lldm and a checker: it sees to it that nothing of the checker stays behind.
// Internal to src/eval.
#pragma once

#include <sys/types.h>

namespace lldm::eval {

/// All that the keeper and the checker need, made before the fork: from there to exec only what is
/// safe in a forked process with threads may be called.  The files are numbered 10 and above.
struct CheckerStart {
  pid_t parent;
  int input, output, errors;
  int status;  // file that gets the checker's wait status, an int
  const char* folder;
  const char* program;
  char* const* words;
};

/// Becomes the keeper, in a process just forked: starts the checker in a process group of its own,
/// waits until it ends (or SIGTERM asks to end it), kills what is left of it and of all it has
/// started, daemons too, writes its wait status and exits.  The end of its parent is such a wish
/// too.
[[noreturn]] void keep_checker(const CheckerStart& start);

}  // namespace lldm::eval
