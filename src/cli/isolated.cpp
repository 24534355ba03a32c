// SPDX-License-Identifier: MIT
#include "cli/isolated.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "lldm/errors.hpp"

namespace lldm::cli {
namespace {

constexpr char kField = '\x1f', kRecord = '\x1e';

std::string ending_of(int status) {
  if (WIFSIGNALED(status))
    return message("it died of signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  return message("it ended the process with exit code ", WEXITSTATUS(status));
}

std::vector<std::string> fields_of(const std::string& record) {
  std::vector<std::string> fields{""};
  for (const char c : record)
    if (c == kField)
      fields.emplace_back();
    else
      fields.back() += c;
  return fields;
}

/// Takes what a child says apart.
class Listener {
 public:
  void hear(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      if (bytes[i] != kRecord) {
        record_ += bytes[i];
        continue;
      }
      take(fields_of(record_));
      record_.clear();
    }
  }
  [[nodiscard]] bool is_done() const { return is_done_; }
  [[nodiscard]] const std::string& doing() const { return doing_; }
  Isolated heard;

 private:
  void take(const std::vector<std::string>& fields) {
    if (fields[0] == "D") {
      is_done_ = true;
    } else if (fields[0] == "B") {
      doing_ = fields.at(1);
    } else if (fields[0] == "T") {
      heard.texts.push_back(fields.at(1));
    } else {
      heard.results.push_back(
          {fields.at(1),
           {static_cast<laws::Outcome>(fields.at(2)[0] - '0'), fields.at(3), fields.at(4)}});
    }
  }
  std::string record_, doing_ = "it starts";
  bool is_done_ = false;
};

/// Nobody would stop it once its parent is gone: it ends with the parent, or by its own alarm.
[[noreturn]] void be_child(pid_t parent, int out, std::chrono::milliseconds limit,
                           const std::function<void(const Report&)>& body) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it died before the line above
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);  // a crash is expected here
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL, SIGTERM, SIGINT, SIGALRM})
    std::signal(signal, SIG_DFL);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  sigset_t alarm_signal;
  sigemptyset(&alarm_signal);
  sigaddset(&alarm_signal, SIGALRM);
  sigprocmask(SIG_UNBLOCK, &alarm_signal, nullptr);
  constexpr std::chrono::seconds kGrace{5};  // the parent, which says why, stops it first
  const Report report(out, std::chrono::ceil<std::chrono::seconds>(limit) + kGrace);
  try {
    body(report);
    report.done();
  } catch (const std::exception& error) {
    report.found({"it is made", laws::fails(error.what(), "")});
    report.done();
  } catch (...) {
    report.found(
        {"it is made", laws::fails("it threw something that is not a std::exception", "")});
    report.done();
  }
  _exit(0);  // no destructor of the parent's runs twice
}

/// Reads until the child has closed its end; false if it said nothing for `limit`.
bool listen(int in, std::chrono::milliseconds limit, Listener& listener) {
  char buffer[4096];
  for (;;) {
    pollfd waiting{in, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(limit.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return false;
    const ssize_t size = read(in, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return true;
    listener.hear(buffer, static_cast<std::size_t>(size));
    if (listener.is_done()) return true;  // what it started may hold the pipe open
  }
}

}  // namespace

Report::Report(int descriptor, std::chrono::seconds patience)
    : descriptor_(descriptor), patience_(patience) {
  alarm(static_cast<unsigned>(patience_.count()));
}

void Report::write(char kind, const std::vector<std::string>& fields) const {
  alarm(static_cast<unsigned>(patience_.count()));
  std::string record(1, kind);
  for (const std::string& field : fields) {
    record += kField;
    for (const char c : field) record += c == kField || c == kRecord ? '?' : c;
  }
  record += kRecord;
  for (std::size_t at = 0; at < record.size();) {
    const ssize_t size = ::write(descriptor_, record.data() + at, record.size() - at);
    if (size < 0 && errno != EINTR) _exit(1);  // nobody listens any more
    if (size > 0) at += static_cast<std::size_t>(size);
  }
}

void Report::begin(const std::string& what) const { write('B', {what}); }
void Report::text(const std::string& text) const { write('T', {text}); }
void Report::done() const { write('D', {}); }
void Report::found(const laws::LawResult& result) const {
  write('R', {result.law, std::to_string(static_cast<int>(result.finding.outcome)),
              result.finding.seen, result.finding.right});
}
void Report::check(const laws::Law& law) const {
  begin(law.name);
  found(laws::check_law(law));
}

Isolated run_isolated(const std::function<void(const Report&)>& body,
                      std::chrono::milliseconds limit) {
  int ends[2];
  if (pipe(ends) != 0) throw Error(message("run_isolated: no pipe: ", std::strerror(errno)));
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    close(ends[0]), close(ends[1]);
    throw Error(message("run_isolated: no process: ", std::strerror(errno)));
  }
  if (child == 0) {
    close(ends[0]);
    setpgid(0, 0);
    be_child(parent, ends[1], limit, body);
  }
  close(ends[1]);
  Listener listener;
  const bool has_ended = listen(ends[0], limit, listener);
  close(ends[0]);
  if (!has_ended || listener.is_done()) kill(child, SIGKILL);
  kill(-child, SIGKILL);  // and what it started
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Isolated& heard = listener.heard;
  if (listener.is_done()) return std::move(heard);
  heard.crash = has_ended
                    ? ending_of(status)
                    : message("it was stopped after ", static_cast<double>(limit.count()) / 1e3,
                              " s without an answer");
  heard.results.push_back(
      {listener.doing(), laws::fails(heard.crash, "it returns, or throws a std::exception")});
  return std::move(heard);
}

}  // namespace lldm::cli
