// SPDX-License-Identifier: MIT
#include "report/report_runs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
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
  Json report = load_ordered_json(path);
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
    if (Json* kept = known(row, "rows")) {
      (*kept)["run"] = kept->at("run").get<std::string>() + ", " + run;
      continue;
    }
    if (row.contains("items")) row["items"] = (folder / row.at("items")).string();
    if (!run.empty()) row["run"] = run;
    all.report["rows"].push_back(std::move(row));
  }
  for (Json& work : one.at("work")) {
    if (known(work, "work")) continue;
    if (!run.empty()) {
      work["run"] = run;
      work["folder"] = run + "/" + work.value("folder", std::string());
    }
    all.report["work"].push_back(std::move(work));
  }
  if (!fs::exists(folder / kMetricsName)) return;
  for (MetricsLine& line : read_metrics(folder / kMetricsName)) {
    if (!run.empty()) line.stage = run + "/" + line.stage;
    all.lines.push_back(std::move(line));
  }
}

}  // namespace

ReportData read_runs(const std::vector<fs::path>& folders) {
  const std::vector<std::string> names = run_names(folders);
  const bool are_several = folders.size() > 1;
  ReportData data;
  Seen seen;
  std::string titles;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    Json report = read_report(folders[i]);
    if (i == 0) {
      data.report = report;
      data.report["rows"] = data.report["work"] = Json::array();
    }
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
