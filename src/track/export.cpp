// SPDX-License-Identifier: MIT
#include "lldm/track/export.hpp"

#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lldm/track/files.hpp"
#include "lldm/track/metrics.hpp"
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
  MetricsReader reader(run_dir / "metrics.jsonl");
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
  std::map<std::string, std::size_t> columns;
  std::string text = "stage,step,wall_time";
  for (const auto& line : run.lines)
    for (const auto& [name, value] : line.values)
      if (columns.emplace(name, columns.size()).second) text += "," + quoted_cell(name);
  text += "\n";
  for (const auto& line : run.lines) {
    std::vector<std::string> cells(columns.size());
    for (const auto& [name, value] : line.values) cells[columns.at(name)] = number_cell(value);
    text += message(quoted_cell(line.stage), ",", line.step, ",", number_cell(line.wall_time));
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
