// SPDX-License-Identifier: MIT
// metrics.jsonl, the source of truth of a run's numbers: one JSON object per line,
//   {"stage":"sft","step":10,"wall_time":1700000000.25,"train/loss":1.5,"train/grad_norm":"NaN"}
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/storage/files.hpp"

namespace lldm {

/// One number under its name; '/' groups: "train/loss".
using Metric = std::pair<std::string, double>;

/// Seconds since 1970; a test passes its own.
using WallClock = std::function<double()>;
double system_wall_time();

/// One line of metrics.jsonl.
struct MetricsLine {
  std::string stage;
  std::int64_t step = 0;
  double wall_time = 0;  // seconds since 1970
  std::vector<Metric> values;
  bool operator==(const MetricsLine&) const = default;
};

/// The line as written, without line end.  Numbers are the shortest text that reads back to the
/// same double; "NaN", "Infinity" and "-Infinity" are strings.
///
/// Errors  Error if a name is empty, reserved (stage, step, wall_time), given twice, has an empty
///         group, a control character or is not UTF-8.
[[nodiscard]] std::string metrics_text(const MetricsLine& line);

/// Reads metrics.jsonl line by line.  A last line without line end (the process was killed while
/// writing it) is not returned but told by `has_torn_line`.
class MetricsReader {
 public:
  /// Errors  FileError if the file cannot be read.
  explicit MetricsReader(std::filesystem::path path);
  /// False at the end.
  /// Errors  DataError with file:line for a line that lldm did not write.
  bool next(MetricsLine& line);
  /// The line last returned, byte for byte.
  const std::string& raw() const { return raw_; }
  bool has_torn_line() const { return has_torn_line_; }

 private:
  std::filesystem::path path_;
  std::ifstream in_;
  std::string raw_;
  std::int64_t line_number_ = 0;
  bool has_torn_line_ = false;
};

/// All whole lines of a file.
[[nodiscard]] std::vector<MetricsLine> read_metrics(const std::filesystem::path& path);

/// Whether a run folder's metrics.jsonl is there.
///
/// Errors  DataError, naming file and row, if it was bound when the last report was written and is
///         not what was bound.
bool holds_whole_metrics(const std::filesystem::path& file);

/// Appends to metrics.jsonl.  Every line is in the file when `log` returns, and safe from a loss of
/// power after `sync`; the trainer syncs before it publishes a checkpoint.
///
/// Within a stage steps never go back and a name comes once per step; both are errors, so that a
/// resumed run cannot repeat itself unnoticed.  Resume at a checkpoint of step s:
/// `truncate_after(stage, s)` first.
class MetricsWriter {
 public:
  /// Opens or makes the file.  A torn last line is removed (see `removed_torn_line`).
  /// Errors  FileError; DataError if the file holds what lldm did not write.
  explicit MetricsWriter(std::filesystem::path path, FileOps& ops = real_file_ops(),
                         WallClock clock = system_wall_time);

  /// Errors  as metrics_text; Error if the step goes back or a name repeats; FileError.
  void log(std::string_view stage, std::int64_t step, const std::vector<Metric>& values);

  void sync();

  /// Removes the lines of `stage` with a step above `step` (-1: all of them), in one step.  Returns
  /// their number.
  std::int64_t truncate_after(std::string_view stage, std::int64_t step);

  /// Whether a half-written last line was found and removed when the file was opened: tell the
  /// user.
  bool removed_torn_line() const { return removed_torn_line_; }

  const std::filesystem::path& path() const { return path_; }

 private:
  struct Progress {
    std::int64_t step = -1;
    std::set<std::string> names;  // logged at `step`
  };
  void note(const MetricsLine& line);
  void reopen(const std::function<bool(const MetricsLine&)>& keep, bool must_rewrite);

  std::filesystem::path path_;
  FileOps& ops_;
  WallClock clock_;
  std::unique_ptr<OutputFile> file_;
  std::map<std::string, Progress, std::less<>> stages_;
  bool removed_torn_line_ = false;
};

}  // namespace lldm
