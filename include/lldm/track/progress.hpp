// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lldm {

/// How far a piece of work is.
struct ProgressState {
  std::string label;                 // "sft"
  std::int64_t done = 0, total = 0;  // total 0: not known
  std::string unit = "steps";
  double units_per_second = 0;  // 0: not known yet
  std::vector<std::pair<std::string, double>> metrics;
};

/// One line: "sft   42 %  420/1000 steps  0:47 left  12.3 steps/s  loss 1.234".  Nothing but the
/// text, no terminal codes.  Metrics that do not fit in `width` columns are left out, whole, last
/// first; then the rate and the time left.
[[nodiscard]] std::string progress_text(const ProgressState& state, int width);

/// "0:07", "12:05", "3:04:05", "2 d 3 h".
[[nodiscard]] std::string duration_text(double seconds);

enum class OutputKind { terminal, pipe };

/// Shows progress on a stream that the caller owns.  On a terminal one line is rewritten in place,
/// at most ten times a second, and only for work of more than two seconds; on a pipe a plain line
/// comes at most every ten seconds, and one at the end of work that has shown a line.
class ProgressLine {
 public:
  using Clock = std::function<double()>;  // seconds, steady
  static double steady_seconds();

  /// `done` is where the work starts: the steps that a resumed run has behind it do not count for
  /// the rate.
  ProgressLine(std::ostream& out, OutputKind kind, ProgressState start, int width = 100,
               Clock clock = steady_seconds);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();  // ends the line

  void update(std::int64_t done, std::vector<std::pair<std::string, double>> metrics = {});
  /// Takes the line off the terminal, for other output; the next update shows it again.
  void clear();
  /// Shows the last state and ends the line.
  void finish();

 private:
  void show();

  std::ostream& out_;
  OutputKind kind_;
  ProgressState state_;
  int width_;
  Clock clock_;
  double start_time_, last_shown_;
  std::int64_t start_done_;
  bool has_shown_ = false, is_on_screen_ = false, is_finished_ = false;
};

}  // namespace lldm
