// SPDX-License-Identifier: MIT
#include "cli/grid_display.hpp"

#include <unistd.h>

#include <iostream>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "lldm/track/progress.hpp"

namespace lldm::cli {
namespace {

constexpr int kMostWorkers = 16;  // lines of the block

std::string cut(const std::string& text, int width) {
  const auto room = static_cast<std::size_t>(width);
  return text.size() <= room ? text : shortened(text, room - 3);
}

std::string worker_line(const RunningWork& work, int width) {
  ProgressState state;
  state.label = message("  ", work.process, "  ", cut(work.name, width / 2));
  state.unit = work.unit;
  state.done = work.done;
  state.total = work.total;
  state.metrics = work.metrics;
  return work.unit.empty() ? state.label : progress_text(state, width);
}

}  // namespace

std::string time_left_text(std::size_t finished, std::size_t left, double seconds) {
  if (finished == 0 || left == 0) return "";
  return "  about " +
         duration_text(seconds * static_cast<double>(left) / static_cast<double>(finished)) +
         " left";
}

GridDisplay::GridDisplay(std::string name, int width)
    : name_(std::move(name)), width_(width), is_terminal_(isatty(STDERR_FILENO) != 0) {}

GridDisplay::~GridDisplay() { finish(); }

std::string GridDisplay::summary(const GridStatus& status) const {
  std::string text = message(name_, "  ", status.work_done, "/", status.work_total, " pieces  ",
                             status.count(CellState::done), "/", status.cells.size(), " cells");
  if (status.work_failed > 0) text += message("  ", status.work_failed, " failed");
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  return text + time_left_text(status.work_done - first_done_,
                               status.work_total - status.work_done - status.work_failed, seconds);
}

void GridDisplay::clear() {
  if (lines_ > 0) std::cerr << "\x1b[" << lines_ << "A\x1b[J" << std::flush;
  lines_ = 0;
}

void GridDisplay::say(const std::string& text) {
  clear();
  std::cerr << text << std::endl;
}

void GridDisplay::show(const GridStatus& status) {
  const auto now = Clock::now();
  if (!has_begun_) {
    has_begun_ = true;
    begin_ = now;
    last_ = now - std::chrono::seconds(is_terminal_ ? 10 : 0);
    first_done_ = last_done_ = status.work_done;
  }
  if (!is_terminal_) {
    if (status.work_done == last_done_ || now - last_ < std::chrono::seconds(10)) return;
    std::cerr << summary(status) << std::endl;
  } else {
    clear();
    std::cerr << cut(summary(status), width_ - 1) << "\n";
    lines_ = 1;
    for (const RunningWork& work : status.running) {
      if (lines_ > kMostWorkers) break;
      std::cerr << worker_line(work, width_ - 1) << "\n";
      ++lines_;
    }
    std::cerr << std::flush;
  }
  last_ = now;
  last_done_ = status.work_done;
}

void GridDisplay::finish() { lines_ = 0; }

}  // namespace lldm::cli
