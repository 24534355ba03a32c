// SPDX-License-Identifier: MIT
#include "eval/checker_call.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "eval/checker_keeper.hpp"
#include "lldm/errors.hpp"

namespace lldm::eval {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::int64_t kMostOutput = 1 << 20;
constexpr std::int64_t kMostErrors = 2000;

/// A file in memory, for one of the three standard streams: nobody waits for a reader or a writer.
class MemoryFile {
 public:
  MemoryFile() {
    const int made = ::memfd_create("checker", MFD_CLOEXEC);
    // Above the numbers that the keeper gives to its own.
    file_ = made < 0 ? made : ::fcntl(made, F_DUPFD_CLOEXEC, 10);
    const int code = errno;
    if (made >= 0) ::close(made);
    if (file_ < 0) throw Error(message("no file in memory for a checker: ", std::strerror(code)));
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] int file() const { return file_; }
  [[nodiscard]] std::int64_t size() const {
    struct stat about = {};
    return ::fstat(file_, &about) == 0 ? about.st_size : 0;
  }
  void fill(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0)
        throw Error(message("a checker's input cannot be kept: ", std::strerror(errno)));
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    ::lseek(file_, 0, SEEK_SET);
  }
  /// The last `most` bytes.
  [[nodiscard]] std::string text(std::int64_t most) const {
    const std::int64_t whole = size(), length = std::min(whole, most);
    std::string bytes(static_cast<std::size_t>(length), '\0');
    std::size_t have = 0;
    while (have < bytes.size()) {
      const ssize_t got = ::pread(file_, bytes.data() + have, bytes.size() - have,
                                  whole - length + static_cast<std::int64_t>(have));
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
  }

 private:
  int file_ = -1;
};

/// Where a shell would find the program; empty if nowhere.
fs::path find_program(const std::string& word, const fs::path& folder) {
  const auto is_program = [](const fs::path& path) {
    std::error_code missing;
    return fs::is_regular_file(path, missing) && ::access(path.c_str(), X_OK) == 0;
  };
  if (word.find('/') != std::string::npos) {
    const fs::path path = folder / word;
    return is_program(path) ? path : fs::path();
  }
  const char* found = std::getenv("PATH");
  std::string_view places = found ? found : "/usr/local/bin:/usr/bin:/bin";
  while (!places.empty()) {
    const std::string_view place = places.substr(0, places.find(':'));
    if (!place.empty() && is_program(fs::path(place) / word)) return fs::path(place) / word;
    places.remove_prefix(std::min(places.size(), place.size() + 1));
  }
  return {};
}

bool has_ended(pid_t keeper) {
  int ignored = 0;
  const pid_t waited = ::waitpid(keeper, &ignored, WNOHANG);
  return waited == keeper || (waited < 0 && errno != EINTR);
}

/// Waits until the keeper has ended, or its checker is out of time or writes without end: then the
/// keeper is asked to end it, and killed if it does not within a few seconds.
CheckerEnd::Kind wait_for(pid_t keeper, Clock::time_point until, const MemoryFile& output,
                          const MemoryFile& errors) {
  constexpr auto kPatience = std::chrono::seconds(5);
  auto kind = CheckerEnd::Kind::exited;
  auto pause = std::chrono::microseconds(200);
  while (!has_ended(keeper)) {
    const auto now = Clock::now();
    const bool is_asked = kind != CheckerEnd::Kind::exited;
    if (is_asked && now >= until) ::kill(keeper, SIGKILL);
    if (!is_asked && (output.size() > kMostOutput || errors.size() > 16 * kMostOutput))
      kind = CheckerEnd::Kind::wrote_too_much;
    else if (!is_asked && now >= until)
      kind = CheckerEnd::Kind::timed_out;
    if (!is_asked && kind != CheckerEnd::Kind::exited) {
      ::kill(keeper, SIGTERM);
      until = now + kPatience;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::microseconds(10'000));
  }
  return kind;
}

}  // namespace

CheckerCommand::CheckerCommand(std::vector<std::string> words, fs::path folder,
                               double timeout_seconds)
    : words_(std::move(words)), folder_(std::move(folder)), timeout_seconds_(timeout_seconds) {
  if (folder_.empty()) folder_ = ".";
  folder_ = fs::absolute(folder_).lexically_normal();
  if (words_.empty()) throw ConfigError("the checker's command has no word");
  program_ = find_program(words_.front(), folder_);
  if (program_.empty())
    throw ConfigError(message("the checker's program \"", words_.front(),
                              words_.front().find('/') == std::string::npos
                                  ? "\" is in no folder of PATH"
                                  : "\" is no executable file",
                              "\n  it is looked up from ", folder_.string()));
}

CheckerEnd CheckerCommand::run(std::string_view input) const {
  MemoryFile in, out, errors, state;
  in.fill(input);
  std::vector<std::string> words = words_;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const CheckerStart start{::getpid(),   in.file(),       out.file(),       errors.file(),
                           state.file(), folder_.c_str(), program_.c_str(), pointers.data()};
  const auto until =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(timeout_seconds_));
  const pid_t keeper = ::fork();
  if (keeper == 0) keep_checker(start);
  if (keeper < 0) throw Error(message("a checker cannot be started: ", std::strerror(errno)));
  CheckerEnd end;
  end.kind = wait_for(keeper, until, out, errors);
  const std::string bytes = state.text(sizeof(int));
  if (end.kind == CheckerEnd::Kind::exited && bytes.size() != sizeof(int))
    throw Error("a checker cannot be started: no process can be made");
  int status = 0;
  std::memcpy(&status, bytes.data(), std::min(bytes.size(), sizeof(int)));
  if (end.kind == CheckerEnd::Kind::exited && out.size() > kMostOutput)
    end.kind = CheckerEnd::Kind::wrote_too_much;
  if (end.kind == CheckerEnd::Kind::exited && WIFSIGNALED(status)) {
    end.kind = CheckerEnd::Kind::signalled;
    end.code = WTERMSIG(status);
  } else if (end.kind == CheckerEnd::Kind::exited) {
    end.code = WEXITSTATUS(status);
  }
  end.output = out.text(kMostOutput);
  end.errors = errors.text(kMostErrors);
  return end;
}

}  // namespace lldm::eval
