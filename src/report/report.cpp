// SPDX-License-Identifier: MIT
#include "lldm/report/report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/render/table.hpp"
#include "lldm/storage/files.hpp"
#include "report/lines.hpp"
#include "report/report_plots.hpp"
#include "report/report_rows.hpp"
#include "report/report_runs.hpp"
#include "report/report_table.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// Answers of the same prompts, model by model; of several seeds the first.
std::string examples_text(const ReportGroups& all) {
  const ReportGroups groups = lines_where(
      all, [](const ReportGroup& group) { return !group.rows.front()->examples.empty(); });
  std::vector<std::pair<std::string, std::string>> seen;  // prompt -> lines
  for (const ReportGroup& group : groups) {
    const ReportRow& row = *group.rows.front();
    for (const ShownAnswer& item : row.examples) {
      auto at = std::find_if(seen.begin(), seen.end(),
                             [&](const auto& s) { return s.first == item.prompt; });
      if (at == seen.end()) at = seen.insert(seen.end(), {item.prompt, ""});
      at->second += message("- ", group.name, " (",
                            group.seeds.empty() ? message("seed ", row.seed, ", ") : "",
                            item.is_correct ? "right): `" : "wrong): `", item.output, "`\n");
    }
  }
  std::string text = seen.empty() ? "" : "\n## Answers\n";
  for (const auto& [prompt, lines] : seen) text += "\n> " + prompt + "\n\n" + lines;
  return text;
}

std::string as_markdown(const ReportTable& table) {
  return "## " + table.title + "\n\n" + markdown_table(table.table) + "\n" + table.note + "\n";
}

std::string images(const std::vector<std::string>& plots) {
  std::string text;
  for (const std::string& plot : plots) text += "![" + plot + "](" + plot + ")\n";
  return text;
}

std::string listed(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& note : notes) text += "- " + note + "\n";
  return text;
}

/// The lines of a report: of what was measured, and of what training stages report.
struct Lines {
  ReportGroups measured, trained;
  explicit Lines(const ReportData& data)
      : measured(group_rows(data.rows, data.failed)),
        trained(group_rows(data.training, data.failed)) {}
};

std::string markdown(const ReportData& data, const Lines& lines, const ReportPlots& plots,
                     bool has_costs) {
  std::string text = "# " + data.name + "\n\n";
  if (!data.description.empty()) text += data.description + "\n\n";
  if (!data.is_whole) text += "**Partial: not every stage has been run.**\n\n";
  if (!data.notes.empty()) text += listed(data.notes) + "\n";
  for (const ReportTable& table : report_tables(lines.measured, lines.trained))
    text += as_markdown(table);
  if (const ReportTable failed = failed_table(data.failed, lines.measured);
      !failed.table.rows.empty())
    text += as_markdown(failed);
  text += "\n" + findings(lines.measured);
  if (has_costs) text += "\nSeconds and memory of the run itself: [costs.md](costs.md).\n";
  if (!plots.files.empty())
    text += "\n## Plots\n\n" + images(plots.files) +
            "\nBars and bands over axes: \u00b1 one standard deviation over seeds (one seed: the "
            "items' 95 % interval, Wilson's of a share, the bootstrap's of a mean).\nLearning "
            "curves: means over seeds, the band from the smallest to the largest.\nThe same "
            "estimator has the same colour in every plot.\n";
  if (!plots.notes.empty()) text += "\n" + listed(plots.notes);
  return text + examples_text(lines.measured);
}

/// report.json with the tables' lines, as they are in the tables: every figure and every change.
Json with_lines(Json report, const ReportData& data, const Lines& lines) {
  report["lines"] = report_lines(with_unmeasured(lines.measured, lines.trained));
  report["notes"] = data.notes;
  return report;
}

/// Everything but report.json.
void write_texts(const ReportData& data, const Lines& lines, const std::filesystem::path& out) {
  const ReportGroups& drawn = lines.measured.empty() ? lines.trained : lines.measured;
  const ReportPlots plots = write_plots(data, drawn, out);
  const ReportTable costs = costs_table(lines.measured, lines.trained);
  if (!costs.table.rows.empty())
    write_file_atomically(out / "costs.md", "# " + data.name + "\n\n" + as_markdown(costs) +
                                                images(plots.measured) +
                                                listed(plots.measured_notes));
  write_file_atomically(out / "report.md", markdown(data, lines, plots, !costs.table.rows.empty()));
}

}  // namespace

void write_report(const RunSchedule& schedule, const std::filesystem::path& out, bool is_whole) {
  Json report = collect_rows(schedule, out, is_whole);
  const ReportData data = report_of(report, std::filesystem::weakly_canonical(out));
  const Lines lines(data);
  write_sealed(out / "report.json", with_lines(std::move(report), data, lines).dump(2) + "\n");
  write_texts(data, lines, out);
}

void merge_reports(const std::vector<std::filesystem::path>& folders,
                   const std::filesystem::path& out) {
  const ReportData data = read_runs(folders);
  const Lines lines(data);
  make_folders(out);
  // A run's own report.json stays; elsewhere `items` are absolute paths.
  if (folders.size() > 1 ||
      std::filesystem::weakly_canonical(out) != std::filesystem::weakly_canonical(folders.front()))
    write_sealed(out / "report.json", with_lines(to_json(data), data, lines).dump(2) + "\n");
  write_texts(data, lines, out);
}

std::string report_text(const std::filesystem::path& out, int width) {
  const ReportData data = read_runs({out});
  const Lines lines(data);
  std::string text;
  const auto add = [&](const ReportTable& table) {
    if (!table.table.rows.empty())
      text += table.title + "\n" + text_table(table.table, width) + table.note + "\n\n";
  };
  for (const std::string& note : data.notes) text += "note: " + note + "\n";
  for (const ReportTable& table : report_tables(lines.measured, lines.trained)) add(table);
  add(failed_table(data.failed, lines.measured));
  add(costs_table(lines.measured, lines.trained));
  return text + findings(lines.measured);
}

}  // namespace lldm
