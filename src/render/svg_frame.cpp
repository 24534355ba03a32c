// SPDX-License-Identifier: MIT
#include "render/svg_frame.hpp"

#include <algorithm>
#include <array>

namespace lldm::svg {
namespace {

/// Width of the widest tick's label.
double tick_width(const Axis& axis) {
  double widest = 0;
  for (const auto& tick : axis.ticks) widest = std::max(widest, text_width(tick.label, kTickSize));
  return widest;
}

constexpr double kSample = 18, kSampleGap = 4, kEntryGap = 12, kLine = 14;

}  // namespace

std::string_view colour(std::size_t i) {
  static constexpr std::array<std::string_view, 7> colours = {
      "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
  return colours[i % colours.size()];
}

std::string_view dashes(std::size_t i) {
  static constexpr std::array<std::string_view, 5> patterns = {"none", "6 2.5", "2 2", "7 2 2 2",
                                                               "10 3"};
  return patterns[i % patterns.size()];
}

double draw_head(Canvas& canvas, const std::string& title, const std::string& y_label,
                 const std::vector<std::string>& names, const DrawSample& sample) {
  double y = 6;
  for (const auto& line : wrapped(title, kTitleSize * 1.2, kWidth - 16)) {
    y += kTitleSize + 2;
    canvas.text({kWidth / 2, y - 2}, line, {.size = kTitleSize, .is_bold = true});
  }
  y += 4;
  if (names.size() == 1 && (names[0].empty() || title.find(names[0]) != title.npos ||
                            y_label.find(names[0]) != y_label.npos))
    return y;
  // The longest name fits the page: a legend is set smaller rather than cut.
  const double room = kWidth - 16 - kSample - kSampleGap;
  double longest = 1;
  for (const std::string& name : names) longest = std::max(longest, text_width(name, kTickSize));
  const double size = std::min(kTickSize, kTickSize * room / longest);
  std::vector<std::vector<std::size_t>> rows;
  std::vector<double> widths;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double width = kSample + kSampleGap + text_width(names[i], size);
    if (rows.empty() || widths.back() + kEntryGap + width > kWidth - 16) {
      rows.push_back({i});
      widths.push_back(width);
    } else {
      rows.back().push_back(i);
      widths.back() += kEntryGap + width;
    }
  }
  for (std::size_t row = 0; row < rows.size(); ++row) {
    y += kLine;
    double x = std::max((kWidth - widths[row]) / 2, 2.0);
    for (const auto i : rows[row]) {
      sample(canvas, i, {x, y - 3.5});
      canvas.text({x + kSample + kSampleGap, y}, names[i], {.size = size, .anchor = "start"});
      x += kSample + kSampleGap + text_width(names[i], size) + kEntryGap;
    }
  }
  return y + 4;
}

double left_margin(const Axis& y) {
  return 5 + (y.label.empty() ? 0 : kLabelSize + 6) + tick_width(y) + 5;
}

void draw_y_axis(Canvas& canvas, const Frame& frame, const Axis& axis) {
  for (const auto& tick : axis.ticks) {
    const double y = frame.y(axis.position(tick.value));
    canvas.line({frame.left, y}, {frame.right, y}, kGridStyle);
    canvas.text({frame.left - 5, y + 3.5}, tick.label, {.size = kTickSize, .anchor = "end"});
  }
  canvas.line({frame.left, frame.top}, {frame.left, frame.bottom}, kAxisStyle);
  const auto lines = wrapped(axis.label, kLabelSize, frame.bottom - frame.top + 20);
  std::string label;
  for (const auto& line : lines) label += (label.empty() ? "" : " ") + line;
  const double room = frame.bottom - frame.top + 30;
  const double size =
      std::min(kLabelSize, kLabelSize * room / std::max(text_width(label, kLabelSize), 1.0));
  if (!label.empty())
    canvas.text({frame.left - 5 - tick_width(axis) - 8, (frame.top + frame.bottom) / 2}, label,
                {.size = size, .angle = -90});
}

double draw_x_axis(Canvas& canvas, const Frame& frame, const Axis& axis) {
  for (const auto& tick : axis.ticks) {
    const double x = frame.x(axis.position(tick.value));
    canvas.line({x, frame.top}, {x, frame.bottom}, kGridStyle);
    canvas.line({x, frame.bottom}, {x, frame.bottom + 3}, kAxisStyle);
    canvas.text({x, frame.bottom + 5 + kTickSize}, tick.label, {.size = kTickSize});
  }
  canvas.line({frame.left, frame.bottom}, {frame.right, frame.bottom}, kAxisStyle);
  double y = frame.bottom + 5 + kTickSize;
  for (const auto& line : wrapped(axis.label, kLabelSize, kWidth - 16)) {
    y += kLabelSize + 4;
    canvas.text(
        {std::clamp((frame.left + frame.right) / 2, text_width(line, kLabelSize) / 2 + 4, kWidth),
         y},
        line, {.size = kLabelSize});
  }
  return y + 6;
}

double draw_notes(Canvas& canvas, double y, const std::vector<std::string>& notes) {
  for (const auto& note : notes)
    for (const auto& line : wrapped(note, 8.5, kWidth - 16)) {
      y += 10;
      canvas.text({8, y}, line, {.size = 8.5, .anchor = "start"});
    }
  return notes.empty() ? y : y + 6;
}

}  // namespace lldm::svg
