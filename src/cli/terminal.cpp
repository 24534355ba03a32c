// SPDX-License-Identifier: MIT
#include "cli/terminal.hpp"

#include <unistd.h>

#include <csignal>
#include <iostream>
#include <set>

#include "lldm/builtin/builtin.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/plugin/loader.hpp"
#include "model/foreign_folder.hpp"

namespace lldm::cli {
namespace {

volatile std::sig_atomic_t stop_requests = 0;  // a signal handler can reach nothing else

extern "C" void on_signal(int signal) {
  stop_requests = stop_requests + 1;
  if (signal == SIGINT && stop_requests > 1) _exit(130);
}

/// "reused 5, to do 3", and what lies there that the file no longer has.
std::string reuse_text(const ReusedWork& work) {
  std::string text = message("reused ", work.reused, ", to do ", work.to_do);
  if (work.from_store > 0) text += message(" (", work.from_store, " from the store)");
  if (work.others > 0)
    text += message("; ", work.others,
                    " of cells, stages or seeds that the file no longer has: they stay, the report "
                    "leaves them out");
  return text;
}

}  // namespace

std::filesystem::path plugin_argument(const std::string& name) {
  std::error_code ignored;
  const bool is_file =
      std::filesystem::exists(name, ignored) && !std::filesystem::is_directory(name, ignored);
  return plugin_file(is_file ? std::filesystem::absolute(name).string() : name, {});
}

Registry make_registry(const Arguments& arguments, const std::filesystem::path& file) {
  Registry registry;
  register_builtin_components(registry);
  std::vector<std::filesystem::path> paths;
  if (!file.empty()) {
    config::Diagnostics diagnostics;
    const auto document = config::load(
        file, {.overrides = arguments.values("set"), .top_level_keys = experiment_keys()},
        diagnostics);
    if (const config::Member* plugins = document.root.find("plugins");
        plugins && plugins->value.is_array())
      for (const config::Value& path : plugins->value.as_array())
        if (path.is_string()) {
          const auto& source = path.position().source;
          paths.push_back(
              plugin_file(path.as_string(), source ? source->folder : std::filesystem::path()));
        }
  }
  for (const std::string& path : arguments.values("plugin")) paths.push_back(plugin_argument(path));
  // A folder's config names what the command line that made it named: once is enough.
  std::set<std::filesystem::path> seen;
  for (const auto& path : paths)
    if (seen.insert(std::filesystem::weakly_canonical(path)).second) load_plugin(registry, path);
  return registry;
}

TerminalObserver::TerminalObserver() {
  stop_requests = 0;
  for (std::size_t i = 0; i < kStops.size(); ++i) {
    ::sigaction(kStops[i], nullptr, &before_[i]);
    // `nohup` starts a program with SIGHUP ignored: it is to go on.
    if (kStops[i] == SIGHUP && before_[i].sa_handler == SIG_IGN) continue;
    struct sigaction stop = {};
    stop.sa_handler = on_signal;
    stop.sa_flags = SA_RESTART;
    ::sigaction(kStops[i], &stop, nullptr);
  }
}

TerminalObserver::~TerminalObserver() {
  end();
  for (std::size_t i = 0; i < kStops.size(); ++i) ::sigaction(kStops[i], &before_[i], nullptr);
}

void TerminalObserver::info(std::string_view text) {
  if (line_) line_->clear();
  std::cerr << text << std::endl;
}

void TerminalObserver::warning(std::string_view text) {
  if (line_) line_->clear();
  std::cerr << "warning: " << text << std::endl;
}

void TerminalObserver::opened(const ReusedWork& work) {
  if (!announces_) return;
  if (line_) line_->clear();
  std::cout << reuse_text(work) << std::endl;
}

void TerminalObserver::begin(std::string_view label, std::string_view unit, std::int64_t done,
                             std::int64_t total) {
  end();
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  ProgressState state;
  state.label = std::string(label);
  state.unit = std::string(unit);
  state.done = done;
  state.total = total;
  line_ = std::make_unique<ProgressLine>(
      std::cerr, is_terminal ? OutputKind::terminal : OutputKind::pipe, state, terminal_width());
}

void TerminalObserver::progress(std::int64_t done,
                                const std::vector<std::pair<std::string, double>>& metrics) {
  if (line_) line_->update(done, metrics);
}

void TerminalObserver::end() {
  if (!line_) return;
  line_->finish();
  line_.reset();
}

bool TerminalObserver::should_stop() { return stop_requests > 0; }

void tell_outlook(const Outlook& outlook) {
  if (!outlook.refusal.empty()) throw ConfigError("a run would be refused: " + outlook.refusal);
  std::cout << reuse_text(outlook.counts) << "\n";
}

std::string device_of(const Arguments& arguments) {
  const std::string wanted = arguments.value("device", "cpu");
  const DeviceChoice choice = select_device(wanted);
  if (wanted == "auto") std::cerr << "device " << choice.device << ": " << choice.reason << "\n";
  return choice.device;
}

void require_model_folder(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder) || std::filesystem::exists(folder / "config.json"))
    return;  // what else is wrong, loading says
  refuse_foreign_folder(folder);
  std::string below;
  for (auto entry = std::filesystem::recursive_directory_iterator(folder);
       entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    if (entry->path().filename() == "checkpoints") entry.disable_recursion_pending();
    if (entry->path().filename() == "model" && entry.depth() < 3 &&
        std::filesystem::exists(entry->path() / "config.json"))
      below += "\n  " + entry->path().string();
  }
  if (!below.empty())
    throw ConfigError(
        message("model ", config::in_quotes(folder.string()),
                ": no model folder, it has no config.json\n  models below it:", below));
}

std::filesystem::path out_folder(const Arguments& arguments, const std::filesystem::path& file) {
  return arguments.value("out", (std::filesystem::path("runs") / file.stem()).string());
}

}  // namespace lldm::cli
