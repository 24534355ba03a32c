// SPDX-License-Identifier: MIT
#include "report/report_runs.hpp"

#include <algorithm>
#include <set>

#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/storage/files.hpp"
#include "report/folder_checks.hpp"
#include "report/line_labels.hpp"
#include "report/report_notes.hpp"
#include "storage/sealed_folder.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json read_report(const fs::path& folder) {
  const auto path = folder / "report.json";
  if (!fs::exists(path))
    throw DataError(message(folder.string(),
                            ": no report.json\n  lldm run writes it; give the folder of a run"));
  return parse_ordered_json(read_sealed(path), path.string());
}

/// Last parts of the folders' paths, as many as tell them apart.
std::vector<std::string> run_names(const std::vector<fs::path>& folders) {
  std::vector<fs::path> whole;
  for (const fs::path& folder : folders) {
    fs::path path = fs::absolute(folder).lexically_normal();
    whole.push_back(path.has_filename() ? path : path.parent_path());
  }
  std::vector<fs::path> names, rest = whole;
  for (fs::path& path : rest) {
    names.push_back(path.filename());
    path = path.parent_path();
  }
  for (int depth = 0; depth < 32 && std::set<fs::path>(names.begin(), names.end()).size() <
                                        std::set<fs::path>(whole.begin(), whole.end()).size();
       ++depth)
    for (std::size_t i = 0; i < names.size(); ++i) {
      names[i] = rest[i].filename() / names[i];
      rest[i] = rest[i].parent_path();
    }
  std::vector<std::string> texts;
  for (const fs::path& name : names) texts.push_back(name.generic_string());
  return texts;
}

/// The figures of a row that do not depend on the clock.
Json figures_of(const ReportRow& row, const std::vector<std::string>& measured) {
  Json figures = row.source.at("metrics");
  for (const std::string& name : measured) figures.erase(name);
  return figures;
}

/// What two runs hold of the same work is kept once: with what both say of its axes, and with items
/// that can be read.
void unite(ReportRow& kept, const ReportRow& row, const std::string& run, ReportData& all) {
  kept.axes = common_axes(kept.axes, row.axes);
  kept.runs.push_back(run);
  if (!row.items.empty() && !fs::is_regular_file(kept.items) && fs::is_regular_file(row.items))
    kept.items = row.items;
  if (kept.role != row.role)
    all.notes.push_back(message(run, " and ", kept.runs.front(), " give ", row.stage, " (",
                                row.hash.substr(0, 12), ") other roles, ", row.role, " and ",
                                kept.role, ": that of the latter is shown"));
  if (figures_of(kept, all.measured) != figures_of(row, all.measured))
    all.notes.push_back(message(run, " and ", kept.runs.front(), " measured the same work of ",
                                row.stage, " (", row.hash.substr(0, 12),
                                ") with other figures: those of the latter are shown"));
}

/// Adds what `one` holds and `all` does not: of equal hash it is one measurement that both hold.
void add_run(ReportData& all, ReportData one, const std::string& run) {
  const auto known = [](auto& list, const auto& entry) {
    return std::find_if(list.begin(), list.end(), [&](const auto& other) {
      return !entry.hash.empty() && other.hash == entry.hash;
    });
  };
  for (const auto list : {&ReportData::rows, &ReportData::training})
    for (ReportRow& row : one.*list)
      if (const auto kept = known(all.*list, row); kept != (all.*list).end()) {
        unite(*kept, row, run, all);
      } else {
        if (row.runs.empty()) row.runs = {run};
        (all.*list).push_back(std::move(row));
      }
  for (ReportWork& work : one.work)
    if (const auto kept = known(all.work, work); kept != all.work.end()) {
      kept->axes = common_axes(kept->axes, work.axes);
    } else {
      work.run = run;
      work.folder = run + "/" + work.folder;
      all.work.push_back(std::move(work));
    }
  for (ReportWork& failure : one.failed) {
    failure.run = run;
    all.failed.push_back(std::move(failure));
  }
  for (const std::string& note : one.notes)
    all.notes.push_back(run + (note == kNothingEvaluated ? ": " : "/") + note);  // of a stage
  for (MetricsLine& line : one.lines) {
    line.stage = run + "/" + line.stage;
    all.lines.push_back(std::move(line));
  }
  all.is_whole = all.is_whole && one.is_whole;
  all.name += (all.name.empty() ? "" : ", ") + run;
}

/// An entry as it was read, with what putting reports together changed of it.
Json written(const ReportRow& row) {
  Json entry = row.source;
  entry["axes"] = row.axes;
  if (!row.items.empty()) entry["items"] = row.items;
  if (!row.runs.empty()) entry["runs"] = row.runs;
  return entry;
}
Json written(const ReportWork& work) {
  Json entry = work.source;
  entry["axes"] = work.axes;
  if (!work.folder.empty()) entry["folder"] = work.folder;
  if (!work.run.empty()) entry["run"] = work.run;
  return entry;
}

/// The folders as they lie on the disk, each once, in the order of their names: what is shown does
/// not depend on the order in which they were given, nor on how their paths were written.
std::vector<fs::path> each_once(const std::vector<fs::path>& given, ReportData& data) {
  std::vector<fs::path> folders;
  for (const fs::path& folder : given) {
    const fs::path whole = fs::weakly_canonical(folder);
    if (std::find(folders.begin(), folders.end(), whole) == folders.end())
      folders.push_back(whole);
    else
      data.notes.push_back(message(folder.string(), " is given twice and counts once"));
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

ReportData report_of(const Json& report, const fs::path& folder) {
  ReportData data;
  with_json_errors((folder / "report.json").string(), [&] {
    data.name = report.at("name").get<std::string>();
    data.description = report.at("description").get<std::string>();
    data.is_whole = report.at("is_whole").get<bool>();
    for (const Json& row : report.at("rows").get_ref<const Json::array_t&>())
      data.rows.push_back(row_of(row));
    for (const Json& row : report.value("training", Json::array()))
      data.training.push_back(row_of(row));
    for (const Json& work : report.at("work").get_ref<const Json::array_t&>())
      data.work.push_back(work_of(work));
    for (const Json& failure : report.value("failed", Json::array()))
      data.failed.push_back(work_of(failure));
    for (const auto& [list, key] :
         {std::pair(&data.notes, "notes"), std::pair(&data.measured, "measured")})
      *list = report.value(key, std::vector<std::string>());
  });
  for (ReportRow& row : data.rows)
    if (!row.items.empty()) row.items = (folder / row.items).lexically_normal().string();
  if (holds_whole_metrics(folder / kMetricsName)) data.lines = read_metrics(folder / kMetricsName);
  return data;
}

ReportData read_runs(const std::vector<fs::path>& given) {
  ReportData data;
  const std::vector<fs::path> folders = each_once(given, data);
  const auto read = [](const fs::path& folder) {
    ReportData one = report_of(read_report(folder), folder);
    check_folder(one, folder);
    return one;
  };
  if (folders.size() == 1) {
    ReportData one = read(folders.front());
    note_missing_items(one);
    one.notes.insert(one.notes.begin(), data.notes.begin(), data.notes.end());
    return one;
  }
  const std::vector<std::string> names = run_names(folders);
  for (std::size_t i = 0; i < folders.size(); ++i) {
    ReportData one = read(folders[i]);
    if (i == 0) data.measured = one.measured;
    add_run(data, std::move(one), names[i]);
  }
  note_missing_items(data);
  return data;
}

Json to_json(const ReportData& data) {
  Json report = {{"name", data.name},         {"description", data.description},
                 {"is_whole", data.is_whole}, {"measured", data.measured},
                 {"rows", Json::array()},     {"training", Json::array()},
                 {"work", Json::array()},     {"notes", data.notes},
                 {"failed", Json::array()}};
  for (const ReportRow& row : data.rows) report["rows"].push_back(written(row));
  for (const ReportRow& row : data.training) report["training"].push_back(written(row));
  for (const ReportWork& work : data.work) report["work"].push_back(written(work));
  for (const ReportWork& work : data.failed) report["failed"].push_back(written(work));
  return report;
}

}  // namespace lldm
