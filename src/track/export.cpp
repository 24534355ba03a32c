// SPDX-License-Identifier: MIT
#include "lldm/track/export.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lldm/storage/files.hpp"
#include "lldm/track/metrics.hpp"
#include "storage/json_file.hpp"
#include "text/json.hpp"
#include "track/replay_scripts.hpp"

namespace lldm {
namespace fs = std::filesystem;
namespace {

struct Run {
  std::vector<MetricsLine> lines;
  bool has_torn_line = false;
};

Run read_run(const fs::path& run_dir) {
  Run run;
  const fs::path file = run_dir / "metrics.jsonl";
  static_cast<void>(holds_whole_metrics(file));
  MetricsReader reader(file);
  for (MetricsLine line; reader.next(line);) run.lines.push_back(std::move(line));
  run.has_torn_line = reader.has_torn_line();
  return run;
}

std::string quoted_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

/// What index.json says of the folders that stages are named by; empty where there is no grid.
struct Cells {
  struct Work {
    std::string stage;
    std::map<std::string, std::string> columns;  // seed and axes
  };
  std::map<std::string, Work> by_folder;
  std::vector<std::string> columns;  // of all
};

std::string value_text(const nlohmann::ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Cells cells_of(const nlohmann::ordered_json& index) {
  Cells cells;
  if (!index.is_object() || !index.contains("work")) return cells;
  // A plain run's folders are its stages' names, unless it was a grid before.
  const auto is_of_grid = [](const auto& work) {
    const std::string folder = work.value("folder", "");
    return folder.starts_with("cells/") || folder.starts_with("shared/");
  };
  const auto& all = index.at("work");
  if (index.value("cells", index).size() < 2 && std::none_of(all.begin(), all.end(), is_of_grid))
    return cells;
  cells.columns = {"seed"};
  for (const auto& work : index.at("work")) {
    const auto model = work.value("model", "");
    Cells::Work entry{work.value("stage", "") + (model.empty() ? "" : "/" + model), {}};
    entry.columns["seed"] = value_text(work.at("seed"));
    for (const auto& [axis, value] : work.at("axes").items()) {
      entry.columns[axis] = value_text(value);
      if (std::find(cells.columns.begin(), cells.columns.end(), axis) == cells.columns.end())
        cells.columns.push_back(axis);
    }
    cells.by_folder[work.value("folder", "")] = std::move(entry);
  }
  return cells;
}

Cells read_cells(const fs::path& run_dir) {
  const auto path = run_dir / "index.json";
  if (!fs::exists(path)) return {};
  const auto index = load_ordered_json(path);
  return with_json_errors(path.string(), [&] { return cells_of(index); });
}

std::string number_cell(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// A JSON string in UTF-8 is a Python string literal too.
std::string python_literal(const fs::path& path) {
  try {
    return nlohmann::json(path.string()).dump();
  } catch (const nlohmann::json::exception&) {
    throw DataError(
        "the name of the run folder is not UTF-8; give the folder to the script as an argument "
        "instead");
  }
}

bool write_script(const fs::path& run_dir, const fs::path& out, std::string_view client_part) {
  const auto run =
      read_run(run_dir);  // a script over damaged metrics would fail later and elsewhere
  std::string script(kReplayHead);
  script += message("RUN_DIR = ", python_literal(fs::absolute(run_dir).lexically_normal()), "\n");
  script += kReplayRead;
  script += client_part;
  write_file_atomically(out, script);
  return run.has_torn_line;
}

}  // namespace

bool export_csv(const fs::path& run_dir, const fs::path& out) {
  const auto run = read_run(run_dir);
  const Cells grid = read_cells(run_dir);
  std::map<std::string, std::size_t> columns;
  std::string text = "stage,step,wall_time";
  for (const auto& column : grid.columns) text += "," + quoted_cell(column);
  for (const auto& line : run.lines)
    for (const auto& [name, value] : line.values)
      if (columns.emplace(name, columns.size()).second) text += "," + quoted_cell(name);
  text += "\n";
  for (const auto& line : run.lines) {
    std::vector<std::string> cells(columns.size());
    for (const auto& [name, value] : line.values) cells[columns.at(name)] = number_cell(value);
    const auto work = grid.by_folder.find(line.stage);
    const bool is_known = work != grid.by_folder.end();
    text += message(quoted_cell(is_known ? work->second.stage : line.stage), ",", line.step, ",",
                    number_cell(line.wall_time));
    for (const auto& column : grid.columns) {
      text += ",";
      if (!is_known) continue;
      const auto value = work->second.columns.find(column);
      if (value != work->second.columns.end()) text += quoted_cell(value->second);
    }
    for (const auto& cell : cells) text += "," + cell;
    text += "\n";
  }
  write_file_atomically(out, text);
  return run.has_torn_line;
}

bool export_wandb_script(const fs::path& run_dir, const fs::path& out) {
  return write_script(run_dir, out, kReplayWandb);
}

bool export_mlflow_script(const fs::path& run_dir, const fs::path& out) {
  return write_script(run_dir, out, kReplayMlflow);
}

}  // namespace lldm
