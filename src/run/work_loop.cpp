// SPDX-License-Identifier: MIT
#include "run/work_loop.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "experiment/work_names.hpp"
#include "experiment/work_seal.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/published_folder.hpp"
#include "memory/device_trouble.hpp"
#include "run/claimed_progress.hpp"
#include "run/lost_work.hpp"
#include "run/several_processes.hpp"
#include "run/stored_work.hpp"
#include "run/work_claim.hpp"
#include "run/work_metrics.hpp"
#include "track/not_finite.hpp"

namespace lldm {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

/// How long lost work is left to the process that started its worker (it looks every second).
constexpr std::chrono::milliseconds kJudgement(2500);

/// Memory that no scope says the purpose of is in no plan: ours has one everywhere.
void note_unscoped(const RunContext& run, const Work& work, const MemoryManager::Watch& watch,
                   Result& result) {
  constexpr std::int64_t kFew = 65536;
  const auto device = run.device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu;
  const std::int64_t bytes = watch.peak_bytes(device, MemoryPurpose::unscoped);
  if (bytes == 0) return;
  result["unscoped_bytes"] = bytes;
  if (bytes < kFew) return;
  std::string plugins;
  for (const auto& [name, file] : run.experiment(work).plugin_files)
    plugins += (plugins.empty() ? "" : ", ") + name;
  run.logger.warning(
      message("stage ", run.label(work), ": up to ", bytes_text(bytes),
              " were allocated outside every purpose scope (unscoped): they count for the budget, "
              "and no plan knows them\n  ",
              plugins.empty() ? std::string("no plugin is loaded: this is a mistake of lldm")
                              : message("from plugins: ", plugins,
                                        "; lldm::PurposeScope around an allocation says what it is "
                                        "for (docs/plugins.md)")));
}

void complete(const RunContext& run, const Work& work) {
  const auto begin = steady_clock::now();
  make_folders(work.folder);
  clean_partials(work.folder);
  if (std::filesystem::exists(work.folder / "checkpoints"))
    clean_partials(work.folder / "checkpoints");
  unseal_work(work.folder);
  write_work_record(run.schedule, work);
  const Stage& stage = run.schedule.stage_of(work);
  announce(run.options.group.get(), run, work, run.logger);
  const MemoryManager::Watch watch(run.memory);
  // What has no purpose of its own passes; a plugin says itself what its memory is for.
  const bool is_plugin = run.experiment(work).plugin_files.contains(std::string(stage.kind.name()));
  const PurposeScope purpose(is_plugin ? MemoryPurpose::unscoped : MemoryPurpose::workspace);
  Result details = stage.kind.run(stage.options.get(), run, work);
  Result result = {{"hash", work.hash},
                   {"stage", work.stage},
                   {"kind", stage.kind.name()},
                   {"seed", work.seed},
                   {"seconds", duration<double>(steady_clock::now() - begin).count()}};
  if (!work.model.empty()) result["model"] = work.model;
  for (auto& [key, value] : details.items()) result[key] = value;
  note_unscoped(run, work, watch, result);
  name_not_finite(result);
  run.metrics.sync();
  keep_metrics(run.metrics.path(), run.label(work), work.folder);
  seal_work(work.folder, result.dump(2) + "\n");
  StoredWork(run.schedule, run.options.out, run.options.store, run.logger).publish(work);
}

/// The other processes of a group hear of what ended it.
void complete_or_tell(const RunContext& run, const Work& work) {
  try {
    complete(run, work);
  } catch (...) {
    if (run.options.group) run.options.group->tell_failure();
    throw;
  }
}

void warn_of_torn_line(const MetricsWriter& metrics, Logger& logger) {
  if (metrics.removed_torn_line())
    logger.warning("metrics.jsonl: a half-written last line was removed");
}

enum class Standing : std::uint8_t { open, done, failed };

/// One process's view of a grid.
class Sharing {
 public:
  Sharing(const Workshop& shop, const std::vector<bool>& needed)
      : shop_(shop),
        needed_(needed),
        names_(shop.schedule),
        store_(shop.schedule, shop.options.out, shop.options.store, shop.logger),
        standing_(shop.schedule.work.size(), Standing::open) {}

  std::vector<WorkFailure> run() {
    for (double pause = 0.05; has_open();) {
      if (shop_.options.observer->should_stop())
        throw Stopped("stopped on request between two stages");
      if (do_first_free()) {
        pause = 0.05;
        continue;
      }
      if (!has_open()) break;
      std::this_thread::sleep_for(duration<double>(pause));  // others are at work
      pause = std::min(1.0, 1.5 * pause);
    }
    return std::move(failures_);
  }

 private:
  [[nodiscard]] bool has_open() const {
    for (std::size_t w = 0; w < standing_.size(); ++w)
      if (needed_[w] && standing_[w] == Standing::open) return true;
    return false;
  }

  /// True if a piece was done here.  What a process died at comes last: it may kill this one too.
  bool do_first_free() { return do_first_free(false) || do_first_free(true); }

  /// Notes what is done or failed on the way.
  bool do_first_free(bool takes_lost) {
    for (std::size_t w = 0; w < standing_.size(); ++w) {
      if (!needed_[w] || standing_[w] != Standing::open) continue;
      const Work& work = shop_.schedule.work[w];
      if (!inputs_are_done(w) || is_settled(w) || is_left(w, takes_lost)) continue;
      const std::optional<WorkClaim> claim = WorkClaim::take(shop_.options.out, work);
      if (!claim || is_settled(w)) continue;  // settled between the look and the claim
      if (claim->dead() && has_failed_by(w, *claim->dead())) continue;
      if (store_.take(work)) return is_settled(w);
      attempt(w, *claim);
      return true;
    }
    return false;
  }

  bool inputs_are_done(std::size_t w) {
    bool are_done = true;
    for (const auto& [name, input] : shop_.schedule.work[w].inputs) {
      if (standing_[input] == Standing::failed) standing_[w] = Standing::failed;
      are_done = are_done && standing_[input] == Standing::done;
    }
    return are_done;
  }

  bool is_settled(std::size_t w) {
    const Work& work = shop_.schedule.work[w];
    if (is_done(work)) {
      standing_[w] = Standing::done;
      return true;
    }
    if (const std::string error = failure_of(work); !error.empty()) {
      standing_[w] = Standing::failed;
      failures_.push_back({names_.of(work) + ": " + error, failure_code(work)});
      return true;
    }
    return false;
  }

  /// A process died at it: left for later, and for whoever started that process, who may yet
  /// record why.
  bool is_left(std::size_t w, bool takes_lost) {
    if (!last_holder_of(shop_.options.out, shop_.schedule.work[w])) return false;
    if (!takes_lost) return true;
    const auto since = lost_since_.try_emplace(w, steady_clock::now()).first->second;
    return shop_.has_siblings && steady_clock::now() - since < kJudgement;
  }

  /// Records the work of a process that died if it is not to be done again; says it if it is.
  bool has_failed_by(std::size_t w, const ClaimState& dead) {
    const Work& work = shop_.schedule.work[w];
    if (const std::string error = failure_by_death(dead); !error.empty()) {
      record_failure(work, error, 1);
      shop_.logger.warning(names_.of(work) + ": " + error);
      return is_settled(w);
    }
    shop_.logger.warning(message(names_.of(work), ": the process that worked at it (host ",
                                 dead.host, ", pid ", dead.process,
                                 ") was killed; it is done again, from its last checkpoint"));
    return false;
  }

  void attempt(std::size_t w, const WorkClaim& claim) {
    const Work& work = shop_.schedule.work[w];
    const std::string name = names_.of(work);
    ClaimedProgress progress(*shop_.options.observer, claim, name);
    RunOptions options = shop_.options;
    options.observer = &progress;
    try {
      make_folders(work.folder);
      MetricsWriter metrics(work.folder / kMetricsName);
      warn_of_torn_line(metrics, shop_.logger);
      complete_or_tell({shop_.schedule, shop_.registry, shop_.memory, shop_.logger, options,
                        metrics, shop_.device},
                       work);
      standing_[w] = Standing::done;
    } catch (const Stopped&) {
      throw;
    } catch (const LostRank&) {  // no fault of the work
      throw;
    } catch (const std::exception& error) {  // LibTorch's too
      // Not the work's failure: every other piece would fail with it.
      if (const std::string lost = memory::lost_device(error.what()); !lost.empty())
        throw Error(message(name, ": ", lost));
      standing_[w] = Standing::failed;
      failures_.push_back({name + ": " + error.what(), exit_code(error)});
      shop_.logger.warning(failures_.back().text);
      record_failure(work, error.what(), exit_code(error));
    }
  }

  const Workshop& shop_;
  const std::vector<bool>& needed_;
  WorkNames names_;
  StoredWork store_;
  std::vector<Standing> standing_;
  std::vector<WorkFailure> failures_;
  std::map<std::size_t, steady_clock::time_point> lost_since_;
};

}  // namespace

void do_alone(const Workshop& shop, const std::vector<bool>& needed) {
  join_metrics(shop.schedule, shop.options.out);
  const StoredWork store(shop.schedule, shop.options.out, shop.options.store, shop.logger);
  MetricsWriter metrics(shop.options.out / kMetricsName);
  warn_of_torn_line(metrics, shop.logger);
  const WorkNames names(shop.schedule);
  for (std::size_t w = 0; w < shop.schedule.work.size(); ++w) {
    const Work& work = shop.schedule.work[w];
    if (!needed[w] || is_done(work)) continue;
    if (shop.options.observer->should_stop())
      throw Stopped("stopped on request between two stages");
    const auto claim = WorkClaim::take(shop.options.out, work);  // shows who is at it
    if (!claim)
      throw Error(message(names.of(work), ": another process is at it\n  `lldm grid status ",
                          shop.options.out.string(), "` names it"));
    if (store.take(work)) continue;
    ClaimedProgress progress(*shop.options.observer, *claim, names.of(work));
    RunOptions options = shop.options;
    options.observer = &progress;
    try {
      complete_or_tell(
          {shop.schedule, shop.registry, shop.memory, shop.logger, options, metrics, shop.device},
          work);
    } catch (const OutOfMemory& error) {
      throw OutOfMemory(message(names.of(work), ": ", error.what()));
    }
  }
}

std::vector<WorkFailure> share_work(const Workshop& shop, const std::vector<bool>& needed) {
  return Sharing(shop, needed).run();
}

void throw_if_any(const std::vector<WorkFailure>& failures, std::size_t of) {
  if (failures.empty()) return;
  std::string text = message(failures.size(), " of ", of,
                             " pieces of work failed; --retry-failed tries them again");
  for (const WorkFailure& failure : failures) text += "\n  " + failure.text;
  const int code = failures.front().code;
  const bool is_one = std::all_of(failures.begin(), failures.end(),
                                  [&](const WorkFailure& other) { return other.code == code; });
  if (is_one && code == 2) throw DataError(text);
  if (is_one && code == 3) throw OutOfMemory(text);
  throw Error(text);
}

std::vector<WorkFailure> recorded_failures(const RunSchedule& schedule,
                                           const std::vector<bool>& needed) {
  const WorkNames names(schedule);
  std::vector<WorkFailure> failures;
  for (std::size_t w = 0; w < schedule.work.size(); ++w) {
    const Work& work = schedule.work[w];
    if (!needed[w] || is_done(work)) continue;
    if (const std::string error = failure_of(work); !error.empty())
      failures.push_back({names.of(work) + ": " + error, failure_code(work)});
  }
  return failures;
}

void forget_failures(const RunSchedule& schedule, const std::vector<bool>& needed) {
  for (std::size_t w = 0; w < schedule.work.size(); ++w)
    if (needed[w]) lldm::remove_all(schedule.work[w].folder / kFailureName);
}

}  // namespace lldm
