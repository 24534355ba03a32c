// SPDX-License-Identifier: MIT
#include "lldm/track/progress.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

constexpr double kShowAfterSeconds = 2, kTerminalSeconds = 0.1, kPipeSeconds = 10;

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

std::string rate_text(const ProgressState& state) {
  const double rate = state.units_per_second;
  if (!(rate > 0)) return {};
  if (rate >= 0.995) return "  " + format(rate < 100 ? "%.1f " : "%.0f ", rate) + state.unit + "/s";
  const auto one =
      state.unit.ends_with('s') ? state.unit.substr(0, state.unit.size() - 1) : state.unit;
  return "  " + format("%.1f s/", 1 / rate) + one;
}

std::string time_left_text(const ProgressState& state) {
  if (!(state.units_per_second > 0) || state.total <= 0 || state.done >= state.total) return {};
  return "  " +
         duration_text(static_cast<double>(state.total - state.done) / state.units_per_second) +
         " left";
}

}  // namespace

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds > 1e9) return "?";
  const auto all = static_cast<long long>(std::llround(std::max(seconds, 0.0)));
  char text[64];
  if (all < 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld", all / 60, all % 60);
  } else if (all < 86400) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", all / 3600, all / 60 % 60, all % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld d %lld h", all / 86400, all / 3600 % 24);
  }
  return text;
}

std::string progress_text(const ProgressState& state, int width) {
  const auto limit = static_cast<std::size_t>(std::max(width, 1));
  std::string text = state.label;
  if (state.total > 0) {
    const auto percent =
        100 *
        std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
    text += format("  %3.0f %%", std::floor(percent));  // 100 % only when done
    text += message("  ", state.done, "/", state.total, " ", state.unit);
  } else {
    text += message("  ", state.done, " ", state.unit);
  }
  for (const auto& part :
       {time_left_text(state), rate_text(state)})  // in order of use to the reader
    if (text.size() + part.size() <= limit) text += part;
  for (const auto& [name, value] : state.metrics) {
    const auto part = "  " + name + format(" %.4g", value);
    if (text.size() + part.size() > limit) break;
    text += part;
  }
  return text.size() <= limit ? text : text.substr(0, character_start(text, limit));
}

double ProgressLine::steady_seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

ProgressLine::ProgressLine(std::ostream& out, OutputKind kind, ProgressState start, int width,
                           Clock clock)
    : out_(out),
      kind_(kind),
      state_(std::move(start)),
      width_(width),
      clock_(std::move(clock)),
      start_time_(clock_()),
      last_shown_(start_time_),
      start_done_(state_.done) {}

ProgressLine::~ProgressLine() {
  try {
    finish();
  } catch (...) {  // a stream that throws must not end the program from here
  }
}

void ProgressLine::update(std::int64_t done, std::vector<std::pair<std::string, double>> metrics) {
  const double now = clock_();
  state_.done = done;
  if (!metrics.empty()) state_.metrics = std::move(metrics);
  if (now > start_time_)
    state_.units_per_second = static_cast<double>(done - start_done_) / (now - start_time_);
  const double wait = kind_ == OutputKind::terminal
                          ? (has_shown_ ? kTerminalSeconds : kShowAfterSeconds)
                          : kPipeSeconds;
  if (now - last_shown_ < wait) return;
  last_shown_ = now;
  show();
}

void ProgressLine::show() {
  has_shown_ = true;
  if (kind_ == OutputKind::pipe) {
    out_ << progress_text(state_, 1000) << std::endl;
    return;
  }
  out_ << '\r' << progress_text(state_, width_ - 1) << "\x1b[K" << std::flush;
  is_on_screen_ = true;
}

void ProgressLine::clear() {
  if (is_on_screen_) out_ << "\r\x1b[K" << std::flush;
  is_on_screen_ = false;
}

void ProgressLine::finish() {
  if (is_finished_) return;
  is_finished_ = true;
  if (!has_shown_) return;
  show();
  if (is_on_screen_) out_ << std::endl;
}

}  // namespace lldm
