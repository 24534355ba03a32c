// SPDX-License-Identifier: MIT
#include "lldm/experiment/report.hpp"

#include <nlohmann/json.hpp>

#include "experiment/report_plots.hpp"
#include "experiment/report_rows.hpp"
#include "experiment/report_table.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/table.hpp"
#include "lldm/track/files.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

Json read_report(const std::filesystem::path& out) {
  const auto path = out / "report.json";
  if (!std::filesystem::exists(path))
    throw DataError(
        message(out.string(), ": no report.json\n  lldm run writes it; give the folder of a run"));
  try {
    return Json::parse(read_file(path));
  } catch (const nlohmann::json::exception& error) {
    throw DataError(message(path.string(), ": ", error.what()));
  }
}

/// Answers of the same prompts, model by model; of several seeds the first.
std::string examples_text(const Json& report) {
  std::vector<std::pair<std::string, std::string>> seen;  // prompt -> lines
  for (const ReportGroup& group : group_rows(report)) {
    const Json& row = *group.rows.front();
    if (!row.contains("examples")) continue;
    for (const Json& item : row.at("examples")) {
      const auto prompt = item.at("prompt").get<std::string>();
      auto at =
          std::find_if(seen.begin(), seen.end(), [&](const auto& s) { return s.first == prompt; });
      if (at == seen.end()) at = seen.insert(seen.end(), {prompt, ""});
      at->second += message("- ", group.label, " (seed ", row.at("seed").get<std::int64_t>(), ", ",
                            item.at("correct").get<bool>() ? "right): `" : "wrong): `",
                            item.at("output").get<std::string>(), "`\n");
    }
  }
  std::string text = seen.empty() ? "" : "\n## Answers\n";
  for (const auto& [prompt, lines] : seen) text += "\n> " + prompt + "\n\n" + lines;
  return text;
}

std::string markdown(const Json& report, const std::vector<std::string>& plots) {
  std::string text = "# " + report.at("name").get<std::string>() + "\n\n";
  if (const auto description = report.at("description").get<std::string>(); !description.empty())
    text += description + "\n\n";
  if (!report.at("is_whole").get<bool>()) text += "**Partial: not every stage has been run.**\n\n";
  for (const ReportTable& table : report_tables(report)) {
    text += "## " + table.title + "\n\n" + markdown_table(table.table) + "\n" + table.note + "\n";
  }
  text += "\n" + findings(report);
  if (!plots.empty()) text += "\n## Plots\n\n";
  for (const std::string& plot : plots) text += "![" + plot + "](" + plot + ")\n";
  if (!plots.empty())
    text +=
        "\nBars: the tables' means and intervals.  Curves: means over seeds, the band from the "
        "smallest to the largest.\n";
  return text + examples_text(report);
}

void write_texts(const Json& report, const std::filesystem::path& out) {
  const std::vector<std::string> plots = write_plots(report, out);
  write_file_atomically(out / "report.md", markdown(report, plots));
}

}  // namespace

void write_report(const RunSchedule& schedule, const std::filesystem::path& out, bool is_whole) {
  const Json report = collect_rows(schedule, out, is_whole);
  write_file_atomically(out / "report.json", report.dump(2) + "\n");
  write_texts(report, out);
}

void rewrite_report(const std::filesystem::path& out) { write_texts(read_report(out), out); }

std::string report_text(const std::filesystem::path& out, int width) {
  const Json report = read_report(out);
  std::string text;
  for (const ReportTable& table : report_tables(report))
    text += table.title + "\n" + text_table(table.table, width) + table.note + "\n\n";
  return text + findings(report);
}

}  // namespace lldm
