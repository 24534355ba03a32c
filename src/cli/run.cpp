// SPDX-License-Identifier: MIT
// lldm run, validate, plan, report.
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "cli/terminal.hpp"
#include "lldm/distributed/process_group.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/device_profile.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/report/report.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/storage/files.hpp"
#include "run/asked_device.hpp"
#include "run/check_tasks.hpp"
#include "run/check_texts.hpp"
#include "run/describe_choices.hpp"
#include "text/json.hpp"

namespace lldm::cli {
namespace {

LoadedExperiment load(const Arguments& arguments, const Registry& registry) {
  return load_experiment(arguments.positional.at(0), arguments.values("set"), registry);
}

/// What a file is told to need, below its missing files: "requires = "download"; hf download ...".
std::string requirement_text(const ExperimentOptions& file) {
  std::string text = "requires = ";
  for (const auto& choice : choices(std::type_identity<Requirement>{}))
    if (choice.value == *file.needs) text += config::in_quotes(choice.name);
  return text + (file.note ? ": " + *file.note : "");
}

/// ConfigError for files that cannot be used; what is missing is a note where the file says why.
/// Returns whether there is such a note; one of `loaded.notes` is not told here.
bool check_files(const LoadedExperiment& loaded, const Registry& registry) {
  const ExperimentOptions& file = loaded.experiments.front().options;
  std::string errors;
  bool is_noted = false;
  for (const FileProblem& problem : file_problems(loaded, registry)) {
    if (problem.is_missing && file.needs) {
      if (problem.variable.empty())  // the notes of the file's keys tell it
        std::cerr << "note: " << problem.text << "\n";
      is_noted = true;
    } else {
      errors += message(errors.empty() ? "" : "\n", problem.text,
                        problem.advice.empty() ? "" : "\n  ", problem.advice);
    }
  }
  if (!errors.empty()) throw ConfigError(errors);
  return is_noted;
}

/// What files and tasks hold, for stages that are asked for and not done.
void check_contents(const RunSchedule& schedule, const std::vector<bool>& needed,
                    const Registry& registry) {
  check_tasks(schedule, needed, registry);
  check_texts(schedule, needed, registry);
}

/// ConfigError for what a run of `stage` misses, with what the file says of it.
void check_required(const LoadedExperiment& loaded, const Registry& registry,
                    const std::string& stage) {
  const ExperimentOptions& file = loaded.experiments.front().options;
  if (!file.needs) return;
  check_fit(loaded, registry);
  std::vector<std::string> errors;
  bool is_missing = false;
  for (const FileProblem& problem : file_problems(loaded, registry, stage)) {
    errors.push_back(problem.text);
    is_missing = is_missing || problem.is_missing;
  }
  if (!is_missing) return;
  std::string text;
  for (const std::string& error : errors) text += error + "\n";
  throw ConfigError(text + requirement_text(file));
}

}  // namespace

/// `group` may be null: this process alone.
int run_file(const Arguments& arguments, const std::shared_ptr<ProcessGroup>& group) {
  const std::filesystem::path file = arguments.positional.at(0);
  const Registry registry = make_registry(arguments, file);
  const LoadedExperiment loaded = load(arguments, registry);
  const std::filesystem::path out = out_folder(arguments, file);
  RunOptions options;
  options.out = out;
  options.is_fresh = arguments.has("fresh");
  options.stage = arguments.value("stage", "all");
  options.strict_resume = arguments.has("strict-resume");
  options.resume = arguments.value("resume");
  options.store = arguments.value("store");
  if (arguments.has("dry-run")) {
    check_fit(loaded, registry);
    const Outlook outlook = look_ahead(loaded, options);
    std::cout << describe_plan(loaded, registry, outlook);
    check_required(loaded, registry, options.stage);
    check_runnable(loaded, registry, options.stage);
    std::vector<bool> needed;
    for (const std::string& state : outlook.states) needed.push_back(state != "not asked for");
    check_contents(outlook.schedule, needed, registry);
    tell_outlook(outlook);
    return 0;
  }
  check_required(loaded, registry, options.stage);
  MemoryManager memory;
  memory.install();
  TerminalObserver terminal;
  options.observer = &terminal;
  options.group = group;
  if (group && !group->is_first()) {  // rank 0 speaks for all
    run_experiment(loaded, registry, memory, null_logger(), options);
    return 0;
  }
  terminal.announce_reuse();
  run_experiment(loaded, registry, memory, terminal, options);
  std::cout << report_text(out, terminal_width());
  std::cout << "report: " << (out / "report.md").string() << "\n";
  return 0;
}

int run_run(const Arguments& arguments) {
  const std::optional<Rendezvous> meeting = find_rendezvous();
  if (!meeting) return run_file(arguments, nullptr);
  if (arguments.has("dry-run")) return meeting->rank == 0 ? run_file(arguments, nullptr) : 0;
  // Gloo writes to a connection whose other end may be gone: it is to be told, not killed.  A
  // handler and not SIG_IGN, which commands that check answers would inherit.
  std::signal(SIGPIPE, [](int) {});
  const std::shared_ptr<ProcessGroup> group = ProcessGroup::join(*meeting);
  set_own_gpu(group->local_rank());
  // In the middle of a long pass: nothing is lost but what a killed process loses.
  group->when_stuck([](const std::string& verdict) {
    std::cerr << "lldm: " << verdict << std::endl;
    std::_Exit(1);
  });
  try {
    const int code = run_file(arguments, group);
    group->leave(code, "");
    return code;
  } catch (const std::exception& error) {
    group->leave(exit_code(error), error.what());
    throw;
  }
}

int run_validate(const Arguments& arguments) {
  const std::filesystem::path file = arguments.positional.at(0);
  const Registry registry = make_registry(arguments, file);
  const LoadedExperiment loaded = load(arguments, registry);
  const std::vector<std::string> unread = check_fit(loaded, registry);
  const bool is_noted = check_files(loaded, registry);
  if (!is_noted) {  // of no folder: what has run there does not decide whether a file is right
    const RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, {});
    check_contents(schedule, std::vector<bool>(schedule.work.size(), true), registry);
  }
  for (const std::string& line : loaded.notes) std::cerr << "note: " << line << "\n";
  for (const std::string& line : unread) std::cerr << "note: " << line << "\n";
  if (is_noted)
    std::cerr << "note: " << requirement_text(loaded.experiments.front().options) << "\n";
  std::cout << file.string() << ": ok, " << loaded.experiments.front().stages.size() << " stages";
  if (loaded.cells.size() > 1) std::cout << ", " << loaded.cells.size() << " cells";
  std::cout << "\n";
  return 0;
}

namespace {

/// What a step may take; 0: any time.
double seconds_limit(const Arguments& arguments) {
  if (!arguments.has("seconds")) return 0;
  const std::string text = arguments.value("seconds");
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds > 0) ||
      !std::isfinite(seconds))
    throw ConfigError(message("--seconds got ", config::in_quotes(text),
                              "\n  legal: numbers above 0, such as 2.5"));
  return seconds;
}

/// What is wrong of --budget is read as a key of the file, and said of the option.
std::string of_option(const Arguments& arguments, std::string wrong) {
  constexpr std::string_view kKey = "\"budget\" ";
  const std::size_t at = wrong.find(kKey);
  if (arguments.has("budget") && wrong.starts_with("--set:") && at != std::string::npos)
    wrong.replace(0, at + kKey.size(), message("--budget ", arguments.value("budget"), " "));
  return wrong;
}

/// The choices of every training stage, on the device and in the budget that are asked for.
int plan_choices(const Arguments& arguments) {
  const std::filesystem::path file = arguments.positional.at(0);
  const Registry registry = make_registry(arguments, file);
  std::vector<std::string> overrides = arguments.values("set");
  const auto set = [&](const char* key, const std::string& value) {
    overrides.push_back(message(key, "=", config::in_quotes(value)));
  };
  if (arguments.has("budget")) set("memory.budget", arguments.value("budget"));
  if (arguments.has("device")) {
    const std::string named = arguments.value("device");
    set("memory.profile", named);
    set("device", find_profile(named).kind);
  }
  LoadedExperiment loaded = [&] {
    try {
      return load_experiment(file, overrides, registry);
    } catch (const ConfigError& error) {
      throw ConfigError(of_option(arguments, error.what()));
    }
  }();
  if (arguments.has("budget") && loaded.experiments.front().options.memory.budget.bytes == 0)
    throw ConfigError(
        message("--budget ", arguments.value("budget"),
                ": must be above 0\n  without the option a plan takes what the device "
                "has"));
  AskedDevice device = settle_device(loaded);
  device.out = out_folder(arguments, file);
  device.run = load_experiment(file, arguments.values("set"), registry);
  check_fit(loaded, registry);
  const double seconds = seconds_limit(arguments);
  if (arguments.has("json"))
    std::cout << choices_json(loaded, registry, device, seconds).dump(2) << "\n";
  else
    std::cout << choices_text(loaded, registry, device, seconds, terminal_width());
  return 0;
}

}  // namespace

int run_plan(const Arguments& arguments) {
  for (const char* option : {"budget", "device", "json", "seconds"})
    if (arguments.has(option)) return plan_choices(arguments);
  const std::filesystem::path file = arguments.positional.at(0);
  const Registry registry = make_registry(arguments, file);
  const LoadedExperiment loaded = load(arguments, registry);
  check_fit(loaded, registry);
  for (const std::string& line : loaded.notes) std::cerr << "note: " << line << "\n";
  if (const ExperimentOptions& options = loaded.experiments.front().options; options.needs)
    std::cerr << "note: " << requirement_text(options) << "\n";
  const Outlook outlook = look_ahead(loaded, {.out = out_folder(arguments, file)});
  std::cout << describe_plan(loaded, registry, outlook);
  tell_outlook(outlook);
  return 0;
}

int run_report(const Arguments& arguments) {
  std::vector<std::filesystem::path> folders(arguments.positional.begin(),
                                             arguments.positional.end());
  if (folders.size() > 1 && !arguments.has("out"))
    throw ConfigError("lldm report: where to, of several runs?\n  give --out DIR");
  const std::filesystem::path out = arguments.value("out", folders.front().string());
  if (folders.size() > 1)
    for (const std::filesystem::path& folder : folders)
      if (std::filesystem::weakly_canonical(folder) == std::filesystem::weakly_canonical(out))
        throw ConfigError(message("lldm report: --out ", out.string(),
                                  " is one of the runs\n  its own report would be lost"));
  std::string files;
  for (const std::filesystem::path& folder : folders)
    files += (files.empty() ? "" : ", ") + (folder / "report.json").string();
  with_json_errors(files, [&] { merge_reports(folders, out); });
  std::cout << report_text(out, terminal_width()) << "report: " << (out / "report.md").string()
            << "\n";
  return 0;
}

}  // namespace lldm::cli
