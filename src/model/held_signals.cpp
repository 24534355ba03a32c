// SPDX-License-Identifier: MIT
#include "model/held_signals.hpp"

#include <ATen/Parallel.h>

namespace lldm {
namespace {

thread_local int depth = 0;

sigset_t asynchronous() {
  sigset_t set;
  ::sigfillset(&set);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT})
    ::sigdelset(&set, fault);
  return set;
}

}  // namespace

HeldSignals::HeldSignals() {
  if (depth++ > 0) return;
  const sigset_t held = asynchronous();
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  const int threads = at::get_num_threads();
  if (threads == 1 || at::in_parallel_region()) return;
  at::parallel_for(0, threads, 1, [&](std::int64_t, std::int64_t) {
    ::pthread_sigmask(SIG_BLOCK, &held, nullptr);
  });
}

HeldSignals::~HeldSignals() {
  if (--depth == 0) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace lldm
