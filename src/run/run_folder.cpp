// SPDX-License-Identifier: MIT
#include "run/run_folder.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "experiment/folder_index.hpp"
#include "experiment/growth.hpp"
#include "experiment/input_files.hpp"
#include "experiment/settled_steps.hpp"
#include "experiment/work_names.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/plugin/loader.hpp"
#include "lldm/storage/files.hpp"
#include "run/work_claim.hpp"
#include "storage/file_digests.hpp"

namespace lldm {
namespace {

std::string with_header(const config::Value& resolved) {
  std::string text = message("# Written by lldm: the experiment as it is run.  Build: ", build_id(),
                             "\n", config::write_toml(resolved));
  std::istringstream inputs(InputFiles().digests(resolved));
  for (std::string line; std::getline(inputs, line);) text += "# input " + line + "\n";
  return text;
}

/// Without the first line, which names the build.
std::string body_of(const std::string& resolved) {
  return resolved.substr(std::min(resolved.find('\n'), resolved.size()));
}

/// Keeps what config.resolved.toml said until now: config.history/0001.toml, 0002, ...
void keep_config(const std::filesystem::path& out, const std::string& text) {
  const auto history = out / "config.history";
  make_folders(history);
  std::size_t number = 1;  // one past the last: what the user removed is not written over
  for (const auto& entry : std::filesystem::directory_iterator(history))
    if (const std::string name = entry.path().stem().string();
        !name.empty() && name.size() < 10 &&
        name.find_first_not_of("0123456789") == std::string::npos)
      number = std::max<std::size_t>(number, std::stoul(name) + 1);
  std::string name = std::to_string(number);
  name.insert(0, 4 - std::min<std::size_t>(4, name.size()), '0');
  write_file_atomically(history / (name + ".toml"), text);
}

void write_config(const std::filesystem::path& out, const config::Value& resolved, Logger& logger) {
  const auto path = out / "config.resolved.toml";
  const std::string text = with_header(resolved);
  const std::string before = std::filesystem::exists(path) ? read_file(path) : "";
  if (before == text) return;
  if (!before.empty() && body_of(before) == body_of(text)) {
    logger.warning(message(path.string(),
                           ": begun by another build of lldm; what is finished stays as it is"));
    return;
  }
  if (!before.empty() && holds_work(out))
    keep_config(out, before);
  else if (!before.empty())
    logger.info(message(out.string(), ": nothing was finished here under another config"));
  write_file_atomically(path, text);
}

/// The plots that the reports of the folder show: other pictures there are the user's.
std::vector<std::filesystem::path> plots_of(const std::filesystem::path& out) {
  std::string shown;
  for (const char* name : {"report.md", "costs.md"})
    if (std::filesystem::exists(out / name)) shown += read_file(out / name);
  std::vector<std::filesystem::path> plots;
  for (const auto& entry : std::filesystem::directory_iterator(out))
    if (entry.path().extension() == ".svg" &&
        shown.find("(" + entry.path().filename().string() + ")") != std::string::npos)
      plots.push_back(entry.path());
  return plots;
}

}  // namespace

std::size_t require_growth(const RunSchedule& schedule, const FolderIndex& before) {
  require_own_scheme(before);
  const Growth growth = growth_of(schedule, before);
  if (growth.changes.empty()) return growth.others;
  std::string text =
      message(before.out.string(), ": work of this folder would be another by this file");
  for (const std::string& change : growth.changes) text += "\n  " + change;
  throw ConfigError(text + "\n  use another --out, or start over with --fresh");
}

std::size_t claim_folder(const std::filesystem::path& out, const config::Value& resolved,
                         const RunSchedule& schedule, Logger& logger) {
  const FolderIndex before = read_index(out);
  const std::size_t others = require_growth(schedule, before);
  nlohmann::ordered_json index = index_of(schedule, out);
  index["kept"] = kept_work(before, index);
  const std::string text = index_text(index);
  const auto path = out / kIndexName;
  // The index first: it means the same work under the old config.
  if (!std::filesystem::exists(path) || read_file(path) != text) write_file_atomically(path, text);
  write_config(out, with_settled(resolved, schedule), logger);
  keep_digests(out / kDigestsName);
  return others;
}

void remove_run(const std::filesystem::path& out, const LoadedExperiment& loaded,
                const RunSchedule& schedule) {
  if (!std::filesystem::exists(out / "config.resolved.toml")) return;  // no run's folder
  for (const Work& work : schedule.work)
    if (const auto claim = claim_of(out, work))
      throw Error(message(out.string(), ": --fresh would remove what a worker is at\n  ",
                          claim->label, ", host ", claim->host, ", pid ", claim->process));
  const FolderIndex before = read_index(out);
  for (const std::filesystem::path& plot : plots_of(out)) lldm::remove_all(plot);
  for (const char* name : {"config.history", "digests.json", "metrics.jsonl", "report.md",
                           "report.json", "MANIFEST.json", "costs.json", "costs.md", "cells",
                           "shared", "claims", "workers", "tensorboard"})
    lldm::remove_all(out / name);
  std::set<std::string> folders;
  for (const Stage& stage : loaded.experiments.front().stages) folders.insert(stage.name);
  for (const auto& [hash, folder] : before.folders)
    if (!folder.empty() && folder.front() != '/' && folder.find("..") == std::string::npos)
      folders.insert(folder);
  // A folder with a stage's name that no run made stays.
  for (const std::string& folder : folders)
    if (before.is_taken(folder) || std::filesystem::exists(out / folder / kWorkName))
      lldm::remove_all(out / folder);
  // Last what says that a run's folder is here, and what lies in it: a removal may be killed.
  for (const char* name : {"index.json", "config.resolved.toml"}) lldm::remove_all(out / name);
}

}  // namespace lldm
