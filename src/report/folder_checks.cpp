// SPDX-License-Identifier: MIT
#include "report/folder_checks.hpp"

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kItemsName = "items.jsonl";

void note_once(ReportData& data, const std::string& note) {
  if (std::find(data.notes.begin(), data.notes.end(), note) == data.notes.end())
    data.notes.push_back(note);
}

/// Whether the folder is bound.
bool require_whole(const fs::path& folder) {
  const SealedFolder sealed(folder);
  std::string problems;
  for (const auto& [name, entry] : sealed.files()) {
    const bool may_be_gone = name == kItemsName || name == kMetricsName;
    if (may_be_gone && !fs::exists(folder / name)) continue;
    if (const auto problem = problem_of(folder, name, entry)) problems += "\n  " + *problem;
  }
  if (!problems.empty())
    throw DataError(message(folder.string(), ": damaged since it was written", problems,
                            "\n  to do this work again, remove ", folder.string()));
  return sealed.has_manifest();
}

}  // namespace

void check_folder(ReportData& data, const fs::path& folder) {
  std::string unbound, gone;
  bool holds_work = false;
  for (const ReportWork& work : data.work) {
    const fs::path of_work = folder / work.folder;
    if (work.folder.empty()) continue;
    if (!fs::is_directory(of_work)) {
      gone += (gone.empty() ? "" : ", ") + work.folder;
      continue;
    }
    holds_work = true;
    if (!require_whole(of_work)) unbound += (unbound.empty() ? "" : ", ") + work.folder;
  }
  if (!gone.empty() && holds_work)  // a report alone may have been moved
    note_once(data, message("not there: ", gone, ": what the report says of it cannot be checked"));
  if (!unbound.empty())
    note_once(data, message(kManifestName, " is missing in ", unbound,
                            ": nothing says whether what lies there is what was written"));
  if (holds_work && !data.training.empty() && !fs::exists(folder / kMetricsName))
    note_once(data, message(kMetricsName, " is not there: no learning curve is drawn"));
}

void note_missing_items(ReportData& data) {
  std::string missing;
  for (const ReportRow& row : data.rows)
    if (!row.items.empty() && !fs::is_regular_file(row.items))
      missing += message(missing.empty() ? "" : ", ", row.stage, " (", row.evaluated_by, ", seed ",
                         row.seed, ")");
  if (!missing.empty())
    note_once(data, message(kItemsName, " is not there of ", missing,
                            ": what is said of their changes has no interval of items and no exact "
                            "test"));
}

}  // namespace lldm
