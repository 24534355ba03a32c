// SPDX-License-Identifier: MIT
// lldm launch: several processes of one command on this machine.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iostream>
#include <thread>
#include <vector>

#include "cli/command.hpp"
#include "cli/launched_child.hpp"
#include "lldm/distributed/store_keeper.hpp"
#include "lldm/errors.hpp"

namespace lldm::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// The others have so long to see that one is gone, and to end by themselves.
constexpr std::chrono::seconds kGrace(30);

volatile std::sig_atomic_t last_signal = 0, num_signals = 0;
void on_signal(int signal) {
  last_signal = signal;
  num_signals = num_signals + 1;
}

class Launch {
 public:
  Launch(int size, std::vector<std::string> words)
      : run_(message("launch-", ::getpid())), keeper_(message("lldm/", run_, "/0")) {
    words.insert(words.begin(), "lldm");
    for (int rank = 0; rank < size; ++rank)
      children_.push_back(start_child({rank, size, keeper_.port(), run_}, words));
  }
  ~Launch() {
    for (const Child& child : children_)
      if (!child.has_ended) ::kill(child.process, SIGKILL), ::waitpid(child.process, nullptr, 0);
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  /// The exit code of the first that did not end well, 128 and its signal where one killed it.
  int wait() {
    while (std::any_of(children_.begin(), children_.end(),
                       [](const Child& child) { return !child.has_ended; })) {
      read(200);
      pass_signals();
      for (Child& child : children_) look_after(child);
      if (code_ != 0 && Clock::now() > first_end_ + kGrace) kill_rest();
    }
    // A child may have said more than one read takes just before it ended.
    while (read(100)) {
    }
    return code_;
  }

 private:
  /// Passes on what the children say, whole lines under their rank.  False: nothing came.
  bool read(int milliseconds) {
    std::vector<pollfd> waiting;
    std::vector<std::pair<Child*, Stream*>> who;
    for (Child& child : children_)
      for (Stream& stream : child.streams)
        if (stream.handle >= 0) {
          waiting.push_back({stream.handle, POLLIN, 0});
          who.emplace_back(&child, &stream);
        }
    if (::poll(waiting.data(), waiting.size(), milliseconds) <= 0) return false;
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (waiting[i].revents != 0) take(*who[i].first, *who[i].second);
    return true;
  }

  static void take(const Child& child, Stream& stream) {
    char buffer[8192];
    const ssize_t size = ::read(stream.handle, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) {
      if (!stream.line.empty()) say(child, stream, stream.line);
      ::close(stream.handle);
      stream.handle = -1;
      return;
    }
    stream.line.append(buffer, static_cast<std::size_t>(size));
    for (std::size_t end; (end = stream.line.find('\n')) != std::string::npos;) {
      say(child, stream, stream.line.substr(0, end));
      stream.line.erase(0, end + 1);
    }
  }

  static void say(const Child& child, const Stream& stream, const std::string& line) {
    *stream.to << "[" << child.rank << "] " << line << std::endl;
  }

  void pass_signals() {
    if (passed_ == num_signals) return;
    passed_ = num_signals;
    for (const Child& child : children_)
      if (!child.has_ended) ::kill(child.process, last_signal);
  }

  void look_after(Child& child) {
    int status = 0;
    if (child.has_ended || ::waitpid(child.process, &status, WNOHANG) != child.process) return;
    child.has_ended = true;
    const bool is_killed = WIFSIGNALED(status);
    const int code = is_killed ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (code == 0) return;
    const std::string how = is_killed ? message("was killed by signal ", WTERMSIG(status), " (",
                                                ::strsignal(WTERMSIG(status)), ")")
                                      : message("ended with exit code ", code);
    keeper_.tell_death(child.rank, how);
    if (code_ != 0) return;
    code_ = code;
    first_end_ = Clock::now();
    if (is_killed)
      std::cerr << "lldm launch: rank " << child.rank << " (pid " << child.process << ") " << how
                << "; the others end" << std::endl;
  }

  void kill_rest() {
    for (const Child& child : children_)
      if (!child.has_ended) {
        std::cerr << "lldm launch: rank " << child.rank << " (pid " << child.process
                  << ") did not end within " << kGrace.count() << " s and is killed" << std::endl;
        ::kill(child.process, SIGKILL);
      }
    first_end_ = Clock::now();
  }

  std::string run_;
  StoreKeeper keeper_;
  std::vector<Child> children_;
  int code_ = 0;
  int passed_ = 0;
  Clock::time_point first_end_;
};

}  // namespace

int run_launch(const Arguments& arguments) {
  constexpr std::int64_t kMost = 4096;
  const std::int64_t size = arguments.integer("processes", 0, 1, kMost);
  if (!arguments.has("processes"))
    throw ConfigError("lldm launch: how many processes?\n  give --processes N");
  const std::vector<std::string>& words = arguments.positional;
  if (words.front() != "run")
    throw ConfigError(message("lldm launch: \"", words.front(),
                              "\" is no command of several processes\n  lldm launch --processes ",
                              size,
                              " -- run FILE; a grid's cells by themselves: lldm grid run "
                              "--jobs ",
                              size));
  if (const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency()); size > cores)
    std::cerr << "lldm launch: " << size << " processes share " << cores
              << (cores == 1 ? " core" : " cores") << std::endl;
  for (const int signal : kPassedOn) {
    struct sigaction action = {};
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = on_signal;
    ::sigaction(signal, &action, nullptr);
  }
  return Launch(static_cast<int>(size), words).wait();
}

}  // namespace lldm::cli
