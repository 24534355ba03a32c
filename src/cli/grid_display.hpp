// SPDX-License-Identifier: MIT
// The progress of all workers of a grid in one place.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lldm/run/grid_run.hpp"

namespace lldm::cli {

/// On a terminal a block that is rewritten in place: a summary, and a line for every worker.  On a
/// pipe one summary line, when work was finished, at most every ten seconds.
class GridDisplay {
 public:
  GridDisplay(std::string name, int width);
  ~GridDisplay();
  GridDisplay(const GridDisplay&) = delete;
  GridDisplay& operator=(const GridDisplay&) = delete;

  void show(const GridStatus& status);
  /// A line that stays, above the block.
  void say(const std::string& text);
  /// Leaves the last state on the screen.
  void finish();

 private:
  [[nodiscard]] std::string summary(const GridStatus& status) const;
  void clear();

  using Clock = std::chrono::steady_clock;
  std::string name_;
  int width_;
  bool is_terminal_;
  int lines_ = 0;  // of the block on the screen
  std::size_t first_done_ = 0, last_done_ = 0;
  bool has_begun_ = false;
  Clock::time_point begin_, last_;
};

/// `done` of `total` and the time left as `finished` pieces took `seconds`; "" before the first.
std::string time_left_text(std::size_t finished, std::size_t left, double seconds);

}  // namespace lldm::cli
