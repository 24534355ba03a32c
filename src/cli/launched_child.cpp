// SPDX-License-Identifier: MIT
#include "cli/launched_child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "lldm/errors.hpp"

extern char** environ;

namespace lldm::cli {
namespace {

std::string variable(const char* name, const std::string& value) {
  return std::string(name) + "=" + value;
}

/// This process's environment, and what torchrun would add.
std::vector<std::string> environment_of(const ChildPlace& place) {
  const std::string rank = std::to_string(place.rank), size = std::to_string(place.size);
  std::vector<std::string> own = {variable("RANK", rank),
                                  variable("LOCAL_RANK", rank),
                                  variable("WORLD_SIZE", size),
                                  variable("LOCAL_WORLD_SIZE", size),
                                  variable("MASTER_ADDR", "127.0.0.1"),
                                  variable("MASTER_PORT", std::to_string(place.port)),
                                  variable("TORCHELASTIC_USE_AGENT_STORE", "True"),
                                  variable("TORCHELASTIC_RESTART_COUNT", "0"),
                                  variable("TORCHELASTIC_RUN_ID", place.run)};
  const std::size_t added = own.size();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name = std::string(*entry).substr(0, std::string(*entry).find('=') + 1);
    const auto is_same = [&](const std::string& other) { return other.starts_with(name); };
    if (std::none_of(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(added), is_same))
      own.emplace_back(*entry);
  }
  return own;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// What the child does between fork and exec: only calls that are safe there.
[[noreturn]] void become_child(pid_t parent, int out, int error, char* const* words,
                               char* const* environment) {
  ::setpgid(0, 0);  // the terminal's signals reach the parent alone, which passes them on once
  for (const int signal : kPassedOn) ::signal(signal, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  ::dup2(out, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  ::execve("/proc/self/exe", words, environment);
  ::_exit(127);
}

}  // namespace

Child start_child(const ChildPlace& place, std::vector<std::string> words) {
  std::vector<std::string> environment = environment_of(place);
  const std::vector<char*> word_pointers = pointers_to(words),
                           environment_pointers = pointers_to(environment);
  int out[2], error[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(error, O_CLOEXEC) != 0)
    throw Error(message("lldm launch: no pipe: ", std::strerror(errno)));
  const pid_t parent = ::getpid();
  Child child{.rank = place.rank};
  child.process = ::fork();
  if (child.process == 0)
    become_child(parent, out[1], error[1], word_pointers.data(), environment_pointers.data());
  const int failure = errno;
  ::close(out[1]), ::close(error[1]);
  if (child.process < 0)
    throw Error(message("lldm launch: cannot start a process: ", std::strerror(failure)));
  child.streams = {Stream{out[0], &std::cout}, Stream{error[0], &std::cerr}};
  return child;
}

}  // namespace lldm::cli
