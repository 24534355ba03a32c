// SPDX-License-Identifier: MIT
#include "run/leftovers.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "experiment/folder_index.hpp"
#include "lldm/storage/published_folder.hpp"
#include "run/work_claim.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

/// This process has begun nothing yet: what has its number is of one that had it before.
bool is_gone(std::int64_t process) {
  if (process < 1 || process > std::numeric_limits<pid_t>::max()) return true;
  const auto number = static_cast<pid_t>(process);
  return number == ::getpid() || (::kill(number, 0) != 0 && errno == ESRCH);
}

/// In a folder of work every such name is lldm's.
void clean_below(const fs::path& folder) {
  clean_partials(folder, real_file_ops(),
                 [](const std::string&, std::int64_t process) { return is_gone(process); });
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.is_symlink() && entry.is_directory()) clean_below(entry.path());
}

}  // namespace

void clean_leftovers(const fs::path& out, const RunSchedule& schedule) {
  std::set<fs::path> folders, busy;
  for (const Work& work : schedule.work)
    (claim_of(out, work) ? busy : folders).insert(work.folder.lexically_normal());
  for (const auto& [hash, folder] : read_index(out).folders)  // of the file as it was before, too
    if (const fs::path path = (out / folder).lexically_normal(); !busy.contains(path))
      folders.insert(path);
  std::map<fs::path, std::set<std::string>> names;  // of what may stand in a folder
  names[out.lexically_normal()] = {
      "config.resolved.toml", "index.json", "digests.json", "metrics.jsonl", "report.md",
      "report.json",          "costs.md",   "costs.json",   "grid.sbatch",   "MANIFEST.json"};
  for (const fs::path& folder : folders)
    names[folder.parent_path()].insert(folder.filename().string());
  for (const auto& [folder, own] : names)
    clean_partials(folder, real_file_ops(), [&](const std::string& name, std::int64_t process) {
      return (own.contains(name) || name.ends_with(".svg")) && is_gone(process);
    });
  clean_partials(out / "config.history", real_file_ops(),
                 [](const std::string&, std::int64_t process) { return is_gone(process); });
  for (const fs::path& folder : folders)
    if (fs::is_directory(fs::symlink_status(folder))) clean_below(folder);
}

}  // namespace lldm
