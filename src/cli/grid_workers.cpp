// SPDX-License-Identifier: MIT
#include "cli/grid_workers.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "cli/command.hpp"
#include "cli/grid_display.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "run/lost_work.hpp"
#include "storage/input_file.hpp"

namespace lldm::cli {
namespace {

constexpr int kStopped = 75;

struct Worker {
  pid_t process = -1;
  std::int64_t number = 0;
  std::filesystem::path log;
  bool has_ended = false;
  int code = 0;    // exit code
  int signal = 0;  // that killed it
};

/// What the child does between fork and exec: only calls that are safe there.
[[noreturn]] void become_worker(pid_t parent, int log, char* const* words) {
  ::setpgid(0, 0);  // the terminal's signals reach the parent alone, which passes them on once
  for (const int stop : {SIGINT, SIGTERM, SIGUSR1}) ::signal(stop, SIG_DFL);  // before it can come
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kStopped);  // it died before the line above
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv("/proc/self/exe", words);
  ::_exit(127);
}

Worker start(const WorkerSettings& settings, std::int64_t number) {
  Worker worker{.number = number,
                .log = settings.out / "workers" / message("worker-", number, ".log")};
  std::vector<std::string> words = {
      "lldm", "grid", "work", settings.out.string(), "--sharers", std::to_string(settings.jobs)};
  if (!settings.store.empty()) {
    words.emplace_back("--store");
    words.push_back(settings.store.string());
  }
  if (settings.strict_resume) words.emplace_back("--strict-resume");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int log = ::open(worker.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (log < 0)
    throw FileError(message("cannot open \"", worker.log.string(), "\": ", std::strerror(errno)),
                    worker.log, errno);
  const pid_t parent = ::getpid();
  worker.process = ::fork();
  if (worker.process == 0) become_worker(parent, log, pointers.data());
  const int code = errno;
  ::close(log);
  if (worker.process < 0) throw Error(message("cannot start a worker: ", std::strerror(code)));
  return worker;
}

/// The last lines that a worker wrote: why it ended.
std::string last_words(const std::filesystem::path& log) {
  std::string text = read_file(log);
  constexpr std::size_t kMost = 600;
  if (text.size() > kMost) {
    text.erase(0, text.size() - kMost);
    text.erase(0, text.find('\n') + 1);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// Processes of this control group that the kernel has killed for memory; 0 where it does not say.
std::int64_t memory_kills() {
  std::error_code failure;
  if (!std::filesystem::exists("/sys/fs/cgroup/memory.events", failure)) return 0;
  std::ifstream in = open_input("/sys/fs/cgroup/memory.events");
  std::string key;
  for (std::int64_t count = 0; in >> key >> count;)
    if (key == "oom_kill") return count;
  return 0;
}

class Workers {
 public:
  Workers(const OpenedRun& run, const WorkerSettings& settings, RunObserver& observer)
      : run_(run),
        settings_(settings),
        observer_(observer),
        watch_(run.schedule, settings.out),
        display_(run.schedule.experiments.front().options.name, terminal_width()),
        pause_(run.schedule.work.size() > 1000 ? 1000 : 200) {
    make_folders(settings.out / "workers");
    try {
      for (std::int64_t k = 1; k <= settings.jobs; ++k) workers_.push_back(start(settings, k));
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Workers() {
    stop();
    for (Worker& worker : workers_)
      if (!worker.has_ended) ::waitpid(worker.process, nullptr, 0);
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void wait() {
    bool is_stopping = false;
    while (std::any_of(workers_.begin(), workers_.end(),
                       [](const Worker& worker) { return !worker.has_ended; })) {
      for (Worker& worker : workers_)
        if (!worker.has_ended) look_after(worker, is_stopping);
      if (!is_stopping && observer_.should_stop()) {
        is_stopping = true;
        display_.say("stopping: every worker saves what it is at");
        stop();
      }
      show();
      std::this_thread::sleep_for(std::chrono::milliseconds(pause_));
    }
    show();
    display_.finish();
    if (is_stopping || observer_.should_stop()) throw Stopped("stopped on request");
    if (std::any_of(workers_.begin(), workers_.end(),
                    [](const Worker& worker) { return worker.code == kStopped; }))
      throw Stopped("stopped: every worker saved what it was at");  // max_hours
  }

  /// Error if a worker ended in a way that left work undone.
  void check(const OpenedRun& run) {
    std::size_t left = 0;
    for (std::size_t w = 0; w < run.schedule.work.size(); ++w) {
      const Work& work = run.schedule.work[w];
      left += run.needed[w] && !is_done(work) && failure_of(work).empty();
    }
    if (left == 0 || watch_.look().work_failed > 0) return;
    std::string text = message(left, " pieces of work are not done; the same command goes on");
    for (const Worker& worker : workers_)
      text += worker.signal != 0
                  ? message("\n  worker ", worker.number, " was killed by signal ", worker.signal)
                  : message("\n  worker ", worker.number, " ended with ", worker.code, ": ",
                            last_words(worker.log));
    throw Error(text);
  }

 private:
  void stop() {
    for (const Worker& worker : workers_)
      if (!worker.has_ended) ::kill(worker.process, SIGTERM);
  }

  void look_after(Worker& worker, bool is_stopping) {
    int status = 0;
    if (::waitpid(worker.process, &status, WNOHANG) != worker.process) return;
    worker.has_ended = true;
    if (WIFEXITED(status)) worker.code = WEXITSTATUS(status);
    // What failed is recorded and told as such; a worker that could not work at all is told here.
    if (worker.code != 0 && !is_stopping && watch_.look().work_failed == 0)
      display_.say(message("warning: worker ", worker.number, " ended with ", worker.code, ": ",
                           last_words(worker.log)));
    if (!WIFSIGNALED(status)) return;
    worker.signal = WTERMSIG(status);
    if (is_stopping) return;
    const auto lost = work_lost_by(run_.schedule, settings_.out, worker.process);
    const std::string death =
        message("was killed by signal ", worker.signal, " (", ::strsignal(worker.signal), ")");
    const bool has_failed = lost && is_works_fault(*lost, worker.signal);
    display_.say(message("warning: worker ", worker.number, " (pid ", worker.process, ") ", death,
                         has_failed ? "; what it was at is recorded as failed"
                         : lost     ? "; the others take over its work"
                                    : ""));
    if (has_failed) {
      const Work& work = run_.schedule.work[*lost];
      const auto claim = WorkClaim::take(settings_.out, work);  // judged: nobody need do it again
      record_failure(work,
                     message("the process that worked at it ", death, "\n  its last words are in ",
                             worker.log.string()),
                     1);
    }
    if (lost) worker = start(settings_, worker.number);
  }

  /// Whether a death is taken for the doing of the work: a crash, a kill for memory, or a second
  /// kill.  One SIGKILL may be anybody's.
  bool is_works_fault(std::size_t work, int signal) {
    const bool is_stop = signal == SIGKILL || signal == SIGTERM || signal == SIGINT ||
                         signal == SIGHUP || signal == SIGUSR1;
    const std::int64_t before = std::exchange(memory_kills_, memory_kills());
    return !is_stop || memory_kills_ > before || ++kills_[work] > 1;
  }

  void show() {
    const GridStatus status = watch_.look();
    for (const CellStatus& cell : status.cells)
      if (!cell.error.empty() && told_.insert(cell.error).second)
        display_.say("failed: " + cell.error);
    display_.show(status);
  }

  const OpenedRun& run_;
  const WorkerSettings& settings_;
  RunObserver& observer_;
  GridWatch watch_;
  GridDisplay display_;
  int pause_;  // milliseconds
  std::vector<Worker> workers_;
  std::set<std::string> told_;
  std::map<std::size_t, int> kills_;  // of workers, by the work that they were at
  std::int64_t memory_kills_ = memory_kills();
};

}  // namespace

void run_workers(const OpenedRun& run, const WorkerSettings& settings, RunObserver& observer) {
  Workers workers(run, settings, observer);
  workers.wait();
  workers.check(run);
}

}  // namespace lldm::cli
