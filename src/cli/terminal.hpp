// SPDX-License-Identifier: MIT
// What the command line gives to a run: a logger, progress, signals, plugins.
#pragma once

#include <signal.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/run/run.hpp"
#include "lldm/track/logger.hpp"
#include "lldm/track/progress.hpp"

namespace lldm::cli {

/// The file of a plugin that the command line names: that file if it is there, else as
/// `plugin_file` finds it.
std::filesystem::path plugin_argument(const std::string& name);

/// The registry with all built-in components, the file's plugins and those of --plugin.
/// `file` may be empty.
Registry make_registry(const Arguments& arguments, const std::filesystem::path& file = {});

/// Writes to stderr, and shows progress there: one rewritten line on a terminal, sparse lines when
/// piped.  Listens to SIGINT, SIGTERM, SIGUSR1 and SIGHUP (unless it was ignored: nohup) while it
/// lives: the first asks to stop, a second SIGINT exits at once with 130.
class TerminalObserver final : public RunObserver, public Logger {
 public:
  TerminalObserver();
  ~TerminalObserver() override;

  void info(std::string_view text) override;
  void warning(std::string_view text) override;
  void begin(std::string_view label, std::string_view unit, std::int64_t done,
             std::int64_t total) override;
  void progress(std::int64_t done,
                const std::vector<std::pair<std::string, double>>& metrics) override;
  void end() override;
  bool should_stop() override;
  /// From now on `opened` writes one line to stdout: "reused 5, to do 3".
  void announce_reuse() { announces_ = true; }
  void opened(const ReusedWork& work) override;

 private:
  static constexpr std::array<int, 4> kStops = {SIGINT, SIGTERM, SIGUSR1, SIGHUP};

  std::unique_ptr<ProgressLine> line_;
  bool announces_ = false;
  std::array<struct sigaction, kStops.size()> before_ = {};
};

/// Prints the line of `TerminalObserver::opened`.  ConfigError if a run would not take the folder.
void tell_outlook(const Outlook& outlook);

/// ConfigError for a folder above model folders (a run, a stage), which names them.
void require_model_folder(const std::filesystem::path& folder);
/// "cpu" or "cuda" of --device; what `auto` chose, and why, goes to stderr.
/// Errors  as select_device.
std::string device_of(const Arguments& arguments);

/// runs/<file name without .toml>, unless --out says otherwise.
std::filesystem::path out_folder(const Arguments& arguments, const std::filesystem::path& file);

}  // namespace lldm::cli
