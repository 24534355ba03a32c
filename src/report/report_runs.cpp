// SPDX-License-Identifier: MIT
#include "report/report_runs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/storage/files.hpp"
#include "report/line_labels.hpp"
#include "storage/sealed_folder.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// What a report must have for its rows to be put together.
void check_report(const Json& report, const std::string& where) {
  with_json_errors(where, [&] {
    for (const char* key : {"name", "description"})
      static_cast<void>(report.at(key).get_ref<const std::string&>());
    static_cast<void>(report.at("is_whole").get<bool>());
    for (const char* list : {"rows", "work"})
      for (const Json& entry : report.at(list).get_ref<const Json::array_t&>()) {
        static_cast<void>(entry.at("stage").get_ref<const std::string&>());
        static_cast<void>(entry.at("axes").get_ref<const Json::object_t&>());
        static_cast<void>(entry.value("hash", std::string()));
      }
    for (const Json& row : report.at("rows")) {
      static_cast<void>(json_integer(row.at("seed")));
      static_cast<void>(row.at("evaluated_by").get_ref<const std::string&>());
      static_cast<void>(row.at("metrics").get_ref<const Json::object_t&>());
    }
  });
}

Json read_report(const fs::path& folder) {
  const auto path = folder / "report.json";
  if (!fs::exists(path))
    throw DataError(message(folder.string(),
                            ": no report.json\n  lldm run writes it; give the folder of a run"));
  Json report = parse_ordered_json(read_sealed(path), path.string());
  check_report(report, path.string());
  return report;
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

using Seen = std::map<std::string, std::size_t>;

/// The figures of a row that do not depend on the clock.
Json figures_of(const Json& row, const Json& measured) {
  Json figures = row.value("metrics", Json::object());
  for (const Json& name : measured) figures.erase(name.get<std::string>());
  return figures;
}

/// What two runs hold of the same work is kept once: with what both say of its axes, and with items
/// that can be read.
void unite(Json& kept, const Json& row, const std::string& run, ReportData& all) {
  kept["axes"] = common_axes(kept.at("axes"), row.at("axes"));
  if (kept.contains("runs")) kept["runs"].push_back(run);
  if (row.contains("items") && !fs::is_regular_file(kept.value("items", std::string())) &&
      fs::is_regular_file(row.at("items").get<std::string>()))
    kept["items"] = row.at("items");
  const Json measured = all.report.value("measured", Json::array());
  if (figures_of(kept, measured) != figures_of(row, measured))
    all.notes.push_back(message(run, " and ", kept.at("runs").front().get<std::string>(),
                                " measured the same work of ", row.at("stage").get<std::string>(),
                                " (", row.at("hash").get<std::string>().substr(0, 12),
                                ") with other figures: those of the latter are shown"));
}

/// Adds what `one` holds and `all` does not.
void add_run(ReportData& all, Json one, const fs::path& folder, const std::string& run,
             Seen& seen) {
  // Of equal hash: one measurement that both runs hold.
  const auto known = [&](const Json& entry, const char* list) -> Json* {
    const auto hash = entry.value("hash", std::string());
    if (hash.empty()) return nullptr;
    const auto [at, is_new] = seen.emplace(list + hash, all.report.at(list).size());
    return is_new ? nullptr : &all.report.at(list).at(at->second);
  };
  for (Json& row : one.at("rows")) {
    if (row.contains("items"))
      row["items"] = (folder / row.at("items").get<std::string>()).lexically_normal().string();
    if (Json* kept = known(row, "rows")) {
      unite(*kept, row, run, all);
      continue;
    }
    if (!run.empty() && !row.contains("runs")) row["runs"] = Json::array({run});
    all.report["rows"].push_back(std::move(row));
  }
  for (Json& work : one.at("work")) {
    if (Json* kept = known(work, "work")) {
      if (kept->contains("axes") && work.contains("axes"))
        (*kept)["axes"] = common_axes(kept->at("axes"), work.at("axes"));
      continue;
    }
    if (!run.empty()) {
      work["run"] = run;
      work["folder"] = run + "/" + work.value("folder", std::string());
    }
    all.report["work"].push_back(std::move(work));
  }
  for (Json& failure : one.value("failed", Json::array())) {
    if (!run.empty()) failure["run"] = run;
    all.report["failed"].push_back(std::move(failure));
  }
  if (!fs::exists(folder / kMetricsName)) return;
  for (MetricsLine& line : read_metrics(folder / kMetricsName)) {
    if (!run.empty()) line.stage = run + "/" + line.stage;
    all.lines.push_back(std::move(line));
  }
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

ReportData read_runs(const std::vector<fs::path>& given) {
  ReportData data;
  const std::vector<fs::path> folders = each_once(given, data);
  const std::vector<std::string> names = run_names(folders);
  const bool are_several = folders.size() > 1;
  Seen seen;
  std::string titles;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    Json report = read_report(folders[i]);
    if (i == 0) {
      data.report = report;
      data.report["rows"] = data.report["work"] = data.report["failed"] = Json::array();
      data.report.erase("lines");
    }
    for (const Json& note : report.value("notes", Json::array()))
      data.notes.push_back((are_several ? names[i] + "/" : "") + note.get<std::string>());
    const bool is_whole =
        data.report.at("is_whole").get<bool>() && report.at("is_whole").get<bool>();
    data.report["is_whole"] = is_whole;
    titles += (i > 0 ? ", " : "") + names[i];
    add_run(data, std::move(report), folders[i], are_several ? names[i] : "", seen);
  }
  if (are_several) {
    data.report["name"] = titles;
    data.report["description"] = "";
  }
  return data;
}

}  // namespace lldm
