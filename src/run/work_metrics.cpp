// SPDX-License-Identifier: MIT
#include "run/work_metrics.hpp"

#include <algorithm>
#include <map>

#include "lldm/errors.hpp"
#include "lldm/track/metrics.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

/// Whole lines, by the name they were logged under; none if there is no file.
std::map<std::string, std::string> lines_by_label(const fs::path& file) {
  std::map<std::string, std::string> lines;
  if (!fs::exists(file)) return lines;
  MetricsReader reader(file);
  for (MetricsLine line; reader.next(line);) lines[line.stage] += reader.raw() + "\n";
  return lines;
}

std::string label_of(const fs::path& out, const Work& work) {
  return work.folder.lexically_relative(out).generic_string();
}

}  // namespace

std::string metrics_lines(const fs::path& file) {
  static_cast<void>(read_sealed(file));  // of finished work: as it was written
  std::string text;
  MetricsReader reader(file);
  for (MetricsLine line; reader.next(line);) text += reader.raw() + "\n";
  return text;
}

void share_metrics(const fs::path& out) {
  for (const auto& [label, text] : lines_by_label(out / kMetricsName)) {
    const fs::path folder = out / label;
    if (!fs::is_directory(folder) || fs::exists(folder / kMetricsName)) continue;
    if (folder.lexically_normal().lexically_relative(out).generic_string() != label) continue;
    write_file_atomically(folder / kMetricsName, text);
  }
}

void join_metrics(const RunSchedule& schedule, const fs::path& out) {
  const bool has_own =
      std::any_of(schedule.work.begin(), schedule.work.end(),
                  [](const Work& work) { return fs::exists(work.folder / kMetricsName); });
  if (!has_own) return;
  const auto whole = out / kMetricsName;
  const auto known = lines_by_label(whole);
  std::string text;
  for (const Work& work : schedule.work) {
    const auto found = known.find(label_of(out, work));
    if (const auto own = work.folder / kMetricsName; fs::exists(own))
      text += metrics_lines(own);
    else if (found != known.end())
      text += found->second;
  }
  // Those of work that the file no longer names stay beside that work.
  share_metrics(out);
  if (!fs::exists(whole) || read_file(whole) != text) write_file_atomically(whole, text);
  for (const Work& work : schedule.work)
    if (!is_done(work)) lldm::remove_all(work.folder / kMetricsName);
}

std::string metrics_of(const fs::path& out, const Work& work, const std::string& label) {
  if (const auto own = work.folder / kMetricsName; fs::exists(own)) return relabelled(own, label);
  std::string text;
  if (!fs::exists(out / kMetricsName)) return text;
  for (MetricsLine& line : read_metrics(out / kMetricsName)) {
    if (line.stage != label_of(out, work)) continue;
    line.stage = label;
    text += metrics_text(line) + "\n";
  }
  return text;
}

std::string relabelled(const fs::path& file, const std::string& label) {
  std::string text;
  static_cast<void>(read_sealed(file));
  for (MetricsLine& line : read_metrics(file)) {
    line.stage = label;
    text += metrics_text(line) + "\n";
  }
  return text;
}

}  // namespace lldm
