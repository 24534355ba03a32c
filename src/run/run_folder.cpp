// SPDX-License-Identifier: MIT
#include "run/run_folder.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "experiment/input_files.hpp"
#include "experiment/work_names.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/plugin/loader.hpp"
#include "lldm/storage/files.hpp"
#include "run/work_claim.hpp"

namespace lldm {
namespace {

/// A long line cut to the part where it departs from the line of the same key in `others`.
std::string around_difference(const std::string& line, const std::multiset<std::string>& others) {
  constexpr std::size_t kWidth = 150;
  if (line.size() <= kWidth) return line;
  const std::string key = line.substr(0, line.find('=') + 1);
  std::size_t same = key.size();
  for (const std::string& other : others)
    if (other.starts_with(key)) {
      const auto at = std::mismatch(line.begin(), line.end(), other.begin(), other.end()).first;
      same = std::max(same, static_cast<std::size_t>(at - line.begin()));
    }
  // From the beginning of the key inside the table that differs.
  const std::size_t comma = line.rfind(", ", same);
  const std::size_t begin = comma == std::string::npos || comma < key.size() ? key.size() : comma;
  return key + (begin > key.size() ? " ..." : "") + line.substr(begin, kWidth - key.size()) +
         (line.size() > begin + kWidth - key.size() ? "..." : "");
}

/// Lines of `before` and `after` that differ, as far as a terminal has room.
std::string difference(const std::string& before, const std::string& after) {
  std::multiset<std::string> old_lines, new_lines;
  const auto split = [](const std::string& text, std::multiset<std::string>& lines) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.insert(line);
  };
  split(before, old_lines);
  split(after, new_lines);
  std::string text;
  int shown = 0;
  const auto show = [&](const char* mark, const std::multiset<std::string>& mine,
                        const std::multiset<std::string>& other) {
    for (const std::string& line : mine)
      if (!other.contains(line) && shown++ < 12)
        text += message("\n  ", mark, " ", around_difference(line, other));
  };
  show("-", old_lines, new_lines);
  show("+", new_lines, old_lines);
  if (shown > 12) text += message("\n  and ", shown - 12, " more lines");
  return text;
}

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

/// Whether a result or a checkpoint lies anywhere below.
bool holds_work(const std::filesystem::path& out) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
    const std::string name = entry.path().filename().string();
    if (name == kResultName || entry.path().parent_path().filename() == "checkpoints") return true;
  }
  return false;
}

}  // namespace

namespace {

void claim_config(const std::filesystem::path& out, const config::Value& resolved, Logger& logger) {
  const auto path = out / "config.resolved.toml";
  const std::string text = with_header(resolved);
  if (std::filesystem::exists(path)) {
    const std::string before = read_file(path);
    const bool is_other = body_of(before) != body_of(text);
    if (is_other && holds_work(out))
      throw ConfigError(message(out.string(),
                                ": this folder belongs to another config or to other input files",
                                difference(body_of(before), body_of(text)),
                                "\n  use another --out, or start over with --fresh"));
    if (is_other) {
      logger.info(message(out.string(), ": nothing was finished here under another config"));
      write_file_atomically(path, text);
      return;
    }
    if (before != text)
      logger.warning(message(path.string(),
                             ": begun by another build of lldm; what is finished stays as it is"));
    return;
  }
  write_file_atomically(path, text);
}

}  // namespace

void claim_folder(const std::filesystem::path& out, const config::Value& resolved,
                  const RunSchedule& schedule, Logger& logger) {
  claim_config(out, resolved, logger);
  const std::string index = index_of(schedule, out).dump(1) + "\n";
  const auto path = out / kIndexName;
  if (!std::filesystem::exists(path) || read_file(path) != index)
    write_file_atomically(path, index);
}

void remove_run(const std::filesystem::path& out, const LoadedExperiment& loaded,
                const RunSchedule& schedule) {
  if (!std::filesystem::exists(out / "config.resolved.toml")) return;  // no run's folder
  for (const Work& work : schedule.work)
    if (const auto claim = claim_of(out, work))
      throw Error(message(out.string(), ": --fresh would remove what a worker is at\n  ",
                          claim->label, ", host ", claim->host, ", pid ", claim->process));
  for (const char* name :
       {"config.resolved.toml", "index.json", "metrics.jsonl", "report.md", "report.json",
        "costs.json", "costs.md", "cells", "shared", "claims", "workers", "tensorboard"})
    lldm::remove_all(out / name);
  for (const Stage& stage : loaded.experiments.front().stages) lldm::remove_all(out / stage.name);
  for (const auto& entry : std::filesystem::directory_iterator(out))
    if (entry.path().extension() == ".svg") lldm::remove_all(entry.path());
}

}  // namespace lldm
