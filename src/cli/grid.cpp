// SPDX-License-Identifier: MIT
// lldm grid plan, run, status, resume, collect, emit, work.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>

#include "cli/grid_workers.hpp"
#include "cli/terminal.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/render/table.hpp"
#include "lldm/report/report.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/run/slurm_script.hpp"
#include "lldm/storage/files.hpp"

namespace lldm::cli {
namespace {

/// A folder's run: its registry (plugins included) and its experiment.
struct FolderRun {
  std::filesystem::path folder;
  Registry registry;
  LoadedExperiment loaded;
};

FolderRun open_folder(const Arguments& arguments) {
  const std::filesystem::path folder = arguments.positional.at(0);
  const auto config = folder / "config.resolved.toml";
  // load_run says it where there is none.
  Registry registry =
      std::filesystem::exists(config) ? make_registry(arguments, config) : make_registry(arguments);
  LoadedExperiment loaded = load_run(folder, registry);
  return {folder, std::move(registry), std::move(loaded)};
}

std::int64_t available_bytes() {
  std::ifstream in("/proc/meminfo");
  std::string key;
  for (std::int64_t kib = 0; in >> key;)
    if (key == "MemAvailable:" && in >> kib) return kib * 1024;
  return 0;
}

/// `wanted` workers, or fewer where their memory or the work does not allow so many; says so once.
std::int64_t allowed_jobs(std::int64_t wanted, const LoadedExperiment& loaded,
                          const Registry& registry, Logger& logger) {
  std::int64_t jobs = wanted;
  std::string reason;
  const auto limit = [&](std::int64_t most, const std::string& what) {
    if (most >= jobs) return;
    jobs = std::max<std::int64_t>(1, most);
    reason = what;
  };
  limit(static_cast<std::int64_t>(loaded.cells.size()), "so many cells there are");
  const std::int64_t planned = planned_peak_bytes(loaded, registry);
  const auto limit_bytes = [&](std::int64_t bytes, const char* what) {
    if (bytes > 0 && planned > 0)
      limit(bytes / planned,
            message("a worker may hold ", bytes_text(static_cast<std::uint64_t>(planned)), ", ",
                    what, " is ", bytes_text(static_cast<std::uint64_t>(bytes))));
  };
  limit_bytes(loaded.experiments.front().options.memory.budget.bytes, "[memory] budget");
  limit_bytes(available_bytes(), "the machine's free memory");
  if (jobs < wanted)
    logger.warning(message("--jobs lowered from ", wanted, " to ", jobs, ": ", reason));
  const std::int64_t threads = loaded.experiments.front().options.threads;
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (jobs > 1 && cores > 0 && jobs * threads > cores)
    logger.warning(message(jobs, " workers of ", threads, " threads each share ", cores,
                           " cores; `threads` is the file's, since bits depend on it"));
  return jobs;
}

int finish(const std::filesystem::path& out) {
  std::cout << report_text(out, terminal_width());
  std::cout << "report: " << (out / "report.md").string() << "\n";
  return 0;
}

int run_cells(const Arguments& arguments, const LoadedExperiment& loaded, const Registry& registry,
              const std::filesystem::path& out) {
  const std::int64_t wanted = arguments.integer("jobs", 1, 1);
  MemoryManager memory;
  TerminalObserver terminal;
  terminal.announce_reuse();
  RunOptions options;
  options.out = out;
  options.is_fresh = arguments.has("fresh");
  options.retries_failed = arguments.has("retry-failed");
  options.store = arguments.value("store");
  options.strict_resume = arguments.has("strict-resume");
  options.observer = &terminal;
  const std::int64_t jobs = allowed_jobs(wanted, loaded, registry, terminal);
  if (jobs == 1) {
    memory.install();
    run_experiment(loaded, registry, memory, terminal, options);
    return finish(out);
  }
  const OpenedRun run = open_run(loaded, registry, terminal, options);
  run_workers(
      run,
      {.out = out, .jobs = jobs, .store = options.store, .strict_resume = options.strict_resume},
      terminal);
  collect_run(run.schedule, out);
  throw_recorded_failures(run);
  return finish(out);
}

/// "3-7" or "3".
WorkerShare cells_of(const std::string& text) {
  WorkerShare share;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, share.first_cell);
  share.last_cell = share.first_cell;
  auto last = first;
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '-')
    last = std::from_chars(first.ptr + 1, end, share.last_cell);
  if (last.ec != std::errc() || last.ptr != end || share.last_cell < share.first_cell)
    throw ConfigError(message("--cells got \"", text, "\"\n  legal: a number from 0, or 0-9"));
  return share;
}

}  // namespace

int run_grid_plan(const Arguments& arguments) {
  const std::filesystem::path file = arguments.positional.at(0);
  const Registry registry = make_registry(arguments, file);
  const LoadedExperiment loaded = load_experiment(file, arguments.values("set"), registry);
  check_fit(loaded, registry);
  const Outlook outlook = look_ahead(loaded, {.out = out_folder(arguments, file)});
  std::cout << describe_grid(loaded, registry, outlook);
  tell_outlook(outlook);
  return 0;
}

int run_grid_run(const Arguments& arguments) {
  const std::filesystem::path file = arguments.positional.at(0);
  const Registry registry = make_registry(arguments, file);
  return run_cells(arguments, load_experiment(file, arguments.values("set"), registry), registry,
                   out_folder(arguments, file));
}

int run_grid_resume(const Arguments& arguments) {
  const FolderRun run = open_folder(arguments);
  return run_cells(arguments, run.loaded, run.registry, run.folder);
}

int run_grid_work(const Arguments& arguments) {
  const FolderRun run = open_folder(arguments);
  WorkerShare share = arguments.has("cells") ? cells_of(arguments.value("cells")) : WorkerShare{};
  if (share.first_cell >= run.loaded.cells.size())
    throw ConfigError(message("--cells begins at ", share.first_cell,
                              "\n  the grid has cells 0 to ", run.loaded.cells.size() - 1));
  share.sharers = arguments.integer("sharers", 1, 1);
  MemoryManager memory;
  memory.install();
  TerminalObserver terminal;
  RunOptions options;
  options.out = run.folder;
  options.store = arguments.value("store");
  options.strict_resume = arguments.has("strict-resume");
  options.observer = &terminal;
  work_on_grid(run.loaded, run.registry, memory, terminal, options, share);
  return 0;
}

int run_grid_status(const Arguments& arguments) {
  const FolderRun run = open_folder(arguments);
  const RunSchedule schedule = make_schedule(run.loaded.cells, run.loaded.experiments, run.folder);
  const GridStatus status = GridWatch(schedule, run.folder).look();
  if (arguments.has("json")) {
    std::cout << status_json(status, schedule) << "\n";
    return 0;
  }
  Table table;
  table.columns = {{"id", Align::left}, {"cell", Align::left}, {"state", Align::left}, {"work"}};
  for (const CellStatus& cell : status.cells)
    table.rows.push_back({schedule.cell_ids[cell.cell], cell.name,
                          std::string(to_string(cell.state)),
                          message(cell.work_done, "/", cell.work_total)});
  std::cout << text_table(table, terminal_width());
  for (const RunningWork& work : status.running)
    std::cout << "running: " << work.name << "  " << work.done << "/" << work.total << " "
              << work.unit << "  (host " << work.host << ", pid " << work.process << ")\n";
  for (const CellStatus& cell : status.cells)
    if (!cell.error.empty())
      std::cout << "failed: " << schedule.cell_ids[cell.cell] << "  " << cell.error << "\n";
  for (const CellState state :
       {CellState::done, CellState::running, CellState::failed, CellState::waiting})
    std::cout << status.count(state) << " " << to_string(state) << ", ";
  std::cout << status.cells.size() << " cells; " << status.work_done << " of " << status.work_total
            << " pieces of work done\n";
  return 0;
}

int run_grid_collect(const Arguments& arguments) {
  const FolderRun run = open_folder(arguments);
  const RunSchedule schedule = make_schedule(run.loaded.cells, run.loaded.experiments, run.folder);
  collect_run(schedule, run.folder);
  return finish(run.folder);
}

int run_grid_emit(const Arguments& arguments) {
  if (!arguments.has("slurm"))
    throw ConfigError("lldm grid emit: for which scheduler?\n  legal: --slurm");
  const std::filesystem::path file = arguments.positional.at(0);
  const Registry registry = make_registry(arguments, file);
  const LoadedExperiment loaded = load_experiment(file, arguments.values("set"), registry);
  TerminalObserver terminal;
  RunOptions options;
  options.out = out_folder(arguments, file);
  options.observer = &terminal;
  options.retries_failed = false;
  options.store = arguments.value("store");
  open_run(loaded, registry, terminal, options);
  constexpr std::int64_t kMostTasks = 1000;  // SLURM's default MaxArraySize is 1001
  const auto cells = static_cast<std::int64_t>(loaded.cells.size());
  SlurmJob job;
  job.name = loaded.experiments.front().options.name;
  job.program = std::filesystem::read_symlink("/proc/self/exe");
  job.folder = std::filesystem::absolute(options.out).lexically_normal();
  if (arguments.has("store"))
    job.store = std::filesystem::absolute(arguments.value("store")).lexically_normal();
  job.num_cells = cells;
  job.cells_per_task =
      arguments.integer("cells-per-task", (cells + kMostTasks - 1) / kMostTasks, 1);
  job.threads = std::max<std::int64_t>(1, loaded.experiments.front().options.threads);
  job.memory_bytes = planned_peak_bytes(loaded, registry);
  job.needs_gpu = device_kind(loaded.experiments.front().options.device) == "cuda";
  const auto script = options.out / "grid.sbatch";
  write_file_atomically(script, slurm_script(job));
  std::cout << "sbatch " << shell_quoted(script.string()) << "\n"
            << "lldm grid status " << shell_quoted(options.out.string()) << "\n"
            << "lldm grid collect " << shell_quoted(options.out.string()) << "\n";
  return 0;
}

}  // namespace lldm::cli
