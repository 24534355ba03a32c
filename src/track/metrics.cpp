// SPDX-License-Identifier: MIT
#include "lldm/track/metrics.hpp"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "lldm/text/utf8.hpp"
#include "storage/input_file.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

bool is_reserved(std::string_view name) {
  return name == "stage" || name == "step" || name == "wall_time";
}

void check_name(const std::string& name) {
  const bool has_empty_group = name.empty() || name.front() == '/' || name.back() == '/' ||
                               name.find("//") != std::string::npos;
  bool has_control = false;
  for (const unsigned char c : name) has_control = has_control || c < 0x20 || c == 0x7f;
  if (!is_reserved(name) && !has_empty_group && !has_control) return;
  throw Error(message("metric \"", name, "\" cannot be logged under this name\n",
                      "  a name is like \"train/loss\"; stage, step and wall_time are taken"));
}

std::string number_text(double value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  if (value == 0 && std::signbit(value)) return "-0.0";  // "-0" reads back as the integer 0
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string quoted(const std::string& text) {
  try {
    return Json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(message("metric or stage name is not UTF-8: ",
                        Json(text).dump(-1, ' ', true, Json::error_handler_t::replace)));
  }
}

double number_of(const Json& value) {
  if (value.is_number()) return value.get<double>();
  const auto text = value.get<std::string>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  throw Error(message("\"", text, "\" is no number"));
}

MetricsLine parse_line(const std::string& raw) {
  const auto json = Json::parse(raw);
  if (!json.is_object()) throw Error("not an object");
  MetricsLine line;
  line.stage = json.at("stage").get<std::string>();
  line.step = json.at("step").get<std::int64_t>();
  line.wall_time = json.at("wall_time").get<double>();
  for (const auto& [name, value] : json.items())
    if (!is_reserved(name)) line.values.emplace_back(name, number_of(value));
  return line;
}

std::ifstream lines_of(const std::filesystem::path& path) {
  try {
    return open_input(path);
  } catch (const InputError& error) {
    if (error.code() == 0) throw;
    throw FileError(message("cannot read \"", path.string(), "\": ", std::strerror(error.code())),
                    path, error.code());
  }
}

}  // namespace

double system_wall_time() {
  using namespace std::chrono;
  return duration<double>(system_clock::now().time_since_epoch()).count();
}

std::string metrics_text(const MetricsLine& line) {
  std::string text =
      message("{\"stage\":", quoted(line.stage), ",\"step\":", line.step,
              ",\"wall_time\":", number_text(std::round(line.wall_time * 1000) / 1000));
  std::set<std::string_view> seen;
  for (const auto& [name, value] : line.values) {
    check_name(name);
    if (!seen.insert(name).second)
      throw Error(message("metric \"", name, "\" is given twice in one line"));
    text += message(",", quoted(name), ":", number_text(value));
  }
  return text + "}";
}

MetricsReader::MetricsReader(std::filesystem::path path)
    : path_(std::move(path)), in_(lines_of(path_)) {}

bool MetricsReader::next(MetricsLine& line) {
  if (!std::getline(in_, raw_)) return false;
  ++line_number_;
  if (in_.eof()) {  // no line end
    has_torn_line_ = true;
    return false;
  }
  try {
    line = parse_line(raw_);
  } catch (const std::exception&) {
    throw DataError(message(
        path_.string(), ":", line_number_, ": not a line of metrics.jsonl\n  ",
        excerpt(raw_, 0, 80),
        "\n  a line is like {\"stage\":\"sft\",\"step\":1,\"wall_time\":0.5,\"train/loss\":1}"));
  }
  return true;
}

std::vector<MetricsLine> read_metrics(const std::filesystem::path& path) {
  std::vector<MetricsLine> lines;
  MetricsReader reader(path);
  for (MetricsLine line; reader.next(line);) lines.push_back(std::move(line));
  return lines;
}

bool holds_whole_metrics(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return false;
  try {
    static_cast<void>(read_sealed(file));
  } catch (const DataError& error) {
    throw DataError(message(error.what(),
                            "\n  every finished stage keeps its own rows: remove the file, and "
                            "`lldm grid collect ",
                            file.parent_path().string(), "` puts it together again"));
  }
  return true;
}

MetricsWriter::MetricsWriter(std::filesystem::path path, FileOps& ops, WallClock clock)
    : path_(std::move(path)), ops_(ops), clock_(std::move(clock)) {
  if (!std::filesystem::exists(path_)) {
    file_ = std::make_unique<OutputFile>(ops_, path_, WriteMode::append);
    ops_.sync_folder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
    return;
  }
  reopen([](const MetricsLine&) { return true; }, false);
}

void MetricsWriter::reopen(const std::function<bool(const MetricsLine&)>& keep, bool must_rewrite) {
  stages_.clear();
  std::string kept;
  MetricsReader reader(path_);
  for (MetricsLine line; reader.next(line);) {
    if (!keep(line)) continue;
    note(line);
    kept += reader.raw() + "\n";
  }
  removed_torn_line_ = removed_torn_line_ || reader.has_torn_line();
  if (must_rewrite || reader.has_torn_line()) write_file_atomically(path_, kept, ops_);
  file_ = std::make_unique<OutputFile>(ops_, path_, WriteMode::append);
}

void MetricsWriter::note(const MetricsLine& line) {
  auto& progress = stages_[line.stage];
  if (line.step != progress.step) progress = {line.step, {}};
  for (const auto& [name, value] : line.values) progress.names.insert(name);
}

void MetricsWriter::log(std::string_view stage, std::int64_t step,
                        const std::vector<Metric>& values) {
  const MetricsLine line{std::string(stage), step, clock_(), values};
  const auto text = metrics_text(line) + "\n";
  if (const auto found = stages_.find(stage); found != stages_.end()) {
    const auto& [last, names] = found->second;
    if (step < last)
      throw Error(message(path_.string(), ": stage \"", stage, "\" logs step ", step,
                          " after step ", last, "\n  a resumed stage calls truncate_after first"));
    for (const auto& [name, value] : values)
      if (step == last && names.contains(name))
        throw Error(message(path_.string(), ": stage \"", stage, "\" logs \"", name,
                            "\" twice at step ", step));
  }
  if (step < 0)
    throw Error(message(path_.string(), ": stage \"", stage, "\" logs step ", step,
                        "; steps are at least 0"));
  file_->write(text);
  note(line);
}

void MetricsWriter::sync() { file_->sync(); }

std::int64_t MetricsWriter::truncate_after(std::string_view stage, std::int64_t step) {
  std::int64_t removed = 0;
  file_.reset();
  reopen(
      [&](const MetricsLine& line) {
        const bool is_later = line.stage == stage && line.step > step;
        removed += is_later;
        return !is_later;
      },
      true);
  return removed;
}

}  // namespace lldm
