// SPDX-License-Identifier: MIT
#include "eval/checker_keeper.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace lldm::eval {
namespace {

constexpr int kStatusFile = 3;

void write_all(int file, const void* data, std::size_t size) {
  [[maybe_unused]] const ssize_t written = ::write(file, data, size);
}

[[noreturn]] void become_checker(const CheckerStart& start, pid_t keeper) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != keeper) ::_exit(127);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::close(kStatusFile);
  constexpr std::string_view kNoFolder = "its working folder cannot be entered\n",
                             kNoProgram = "the program cannot be started\n";
  const bool has_folder = ::chdir(start.folder) == 0;
  if (has_folder) ::execv(start.program, start.words);
  const std::string_view why = has_folder ? kNoProgram : kNoFolder;
  write_all(STDERR_FILENO, why.data(), why.size());
  ::_exit(127);
}

/// Kills the keeper's children; false where there are none, or where that cannot be seen.
bool kill_children() {
  std::array<char, 4096> text = {};
  const int file = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  const ssize_t length = file < 0 ? 0 : ::read(file, text.data(), text.size());
  if (file >= 0) ::close(file);
  bool has_any = false;
  pid_t child = 0;
  for (ssize_t i = 0; i < length; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c >= '0' && c <= '9') {
      child = child * 10 + (c - '0');
      continue;
    }
    if (child > 1) {
      ::kill(child, SIGKILL);
      has_any = true;
    }
    child = 0;
  }
  return has_any;
}

/// What the dead leave behind becomes the keeper's child in turn, until nothing is left.
void sweep() {
  constexpr int kMostRounds = 10'000;
  for (int round = 0; round < kMostRounds && kill_children(); ++round) {
    ::waitpid(-1, nullptr, 0);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
  }
}

}  // namespace

void keep_checker(const CheckerStart& start) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (::getppid() != start.parent) ::_exit(127);
  sigset_t heard;
  ::sigemptyset(&heard);
  for (const int number : {SIGCHLD, SIGTERM}) ::sigaddset(&heard, number);
  ::sigprocmask(SIG_SETMASK, &heard, nullptr);
  for (const int number :
       {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2, SIGCHLD, SIGTSTP})
    ::signal(number, SIG_DFL);
  ::dup2(start.input, STDIN_FILENO);
  ::dup2(start.output, STDOUT_FILENO);
  ::dup2(start.errors, STDERR_FILENO);
  ::dup2(start.status, kStatusFile);
  ::close_range(kStatusFile + 1, ~0U, 0);  // the run's lock and logs are not the checker's
  const pid_t keeper = ::getpid();
  const pid_t checker = ::_Fork();
  if (checker == 0) become_checker(start, keeper);
  if (checker < 0) ::_exit(127);
  ::setpgid(checker, checker);  // whoever comes first
  int status = 0;
  while (::waitpid(checker, &status, WNOHANG) == 0)
    if (::sigwaitinfo(&heard, nullptr) == SIGTERM) ::kill(-checker, SIGKILL);
  ::kill(-checker, SIGKILL);
  sweep();
  write_all(kStatusFile, &status, sizeof(status));
  ::_exit(0);
}

}  // namespace lldm::eval
