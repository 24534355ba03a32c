// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/render/svg_plot.hpp"
#include "lldm/render/table.hpp"
#include "render/svg_frame.hpp"

namespace lldm {
namespace {

using svg::Canvas;

struct Colour {
  double red, green, blue;  // 0 to 255
};

/// Ten colours of cividis at equal distances.
constexpr std::array<Colour, 10> kScale = {{{0, 34, 78},
                                            {18, 53, 112},
                                            {59, 73, 108},
                                            {87, 93, 109},
                                            {112, 113, 115},
                                            {138, 135, 121},
                                            {165, 156, 116},
                                            {195, 179, 105},
                                            {225, 204, 85},
                                            {254, 232, 56}}};

/// The colour at `position` in [0, 1].
Colour colour_at(double position) {
  const double place = std::clamp(position, 0.0, 1.0) * (kScale.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(place), kScale.size() - 2);
  const double share = place - static_cast<double>(below);
  const auto mix = [&](double a, double b) { return a + share * (b - a); };
  const Colour &a = kScale[below], &b = kScale[below + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

std::string hex(const Colour& colour) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", static_cast<int>(colour.red + 0.5),
                static_cast<int>(colour.green + 0.5), static_cast<int>(colour.blue + 0.5));
  return text;
}

/// Black or white, whichever the eye tells better from the colour (weights of ITU-R BT.709).
std::string_view ink_on(const Colour& colour) {
  const double light = 0.2126 * colour.red + 0.7152 * colour.green + 0.0722 * colour.blue;
  return light > 120 ? "#111" : "#fff";
}

void check(const HeatMap& plot, const std::string& where) {
  if (plot.rows.empty() || plot.columns.empty())
    throw ShapeError(message(where, ": it has no rows or no columns"));
  const auto is_shaped = [&](const std::vector<std::vector<double>>& values) {
    return values.size() == plot.rows.size() &&
           std::all_of(values.begin(), values.end(),
                       [&](const auto& row) { return row.size() == plot.columns.size(); });
  };
  if (!is_shaped(plot.values) || (!plot.spread.empty() && !is_shaped(plot.spread)))
    throw ShapeError(
        message(where, ": values are not ", plot.rows.size(), " rows of ", plot.columns.size()));
  bool has_value = false;
  for (const auto& row : plot.values)
    for (const double value : row) {
      if (std::isinf(value)) throw ShapeError(message(where, ": a value is infinite"));
      has_value = has_value || std::isfinite(value);
    }
  if (!has_value) throw ShapeError(message(where, ": it has no values"));
}

constexpr double kBarWidth = 11, kBarGap = 10;

struct Drawing {
  const HeatMap& plot;
  const svg::Axis& scale;
  svg::Frame frame;
  Canvas& canvas;

  [[nodiscard]] double width() const {
    return (frame.right - frame.left) / static_cast<double>(plot.columns.size());
  }
  [[nodiscard]] double height() const {
    return (frame.bottom - frame.top) / static_cast<double>(plot.rows.size());
  }
  [[nodiscard]] double left(std::size_t column) const {
    return frame.left + static_cast<double>(column) * width();
  }
  [[nodiscard]] double top(std::size_t row) const {
    return frame.bottom - static_cast<double>(row + 1) * height();
  }

  void text(double x, double y, const std::string& words, double size, std::string_view ink) {
    canvas.raw(message("<text x=\"", svg::coordinate(x), "\" y=\"", svg::coordinate(y),
                       "\" font-size=\"", svg::coordinate(size),
                       "\" text-anchor=\"middle\" fill=\"", ink, "\">", svg::escaped(words),
                       "</text>\n"));
  }

  void cell(std::size_t row, std::size_t column) {
    const double value = plot.values[row][column];
    const double x = left(column), y = top(row), middle = x + width() / 2;
    if (!std::isfinite(value)) {
      canvas.rectangle({x, y}, width(), height(), "fill=\"url(#none)\" stroke=\"#fff\"");
      text(middle, y + height() / 2 + 3, "n/a", 8, "#444");
      return;
    }
    const Colour colour = colour_at(scale.position(value));
    canvas.rectangle({x, y}, width(), height(),
                     message("fill=\"", hex(colour), "\" stroke=\"#fff\" stroke-width=\"0.8\""));
    const std::string words = rounded_text(value, 3);
    const double size = fitting(words, 10.5);
    const double spread = plot.spread.empty() ? NAN : plot.spread[row][column];
    const std::string behind =
        std::isfinite(spread) ? "\u00b1" + rounded_text(spread, spread < 0.095 ? 1 : 2) : "";
    const bool has_room = !behind.empty() && height() > 26 && fitting(behind, 8) >= 6;
    text(middle, y + height() / 2 + size * 0.35 - (has_room ? 4.5 : 0), words, size,
         ink_on(colour));
    if (has_room) text(middle, y + height() / 2 + 10, behind, fitting(behind, 8), ink_on(colour));
  }

  [[nodiscard]] double fitting(const std::string& words, double size) const {
    return std::min(size, size * (width() - 3) / svg::text_width(words, size));
  }

  void legend() {
    const double x = frame.right + kBarGap;
    canvas.rectangle({x, frame.top}, kBarWidth, frame.bottom - frame.top,
                     "fill=\"url(#scale)\" stroke=\"#444\" stroke-width=\"0.5\"");
    for (const auto& tick : scale.ticks) {
      const double y = frame.y(scale.position(tick.value));
      canvas.line({x + kBarWidth, y}, {x + kBarWidth + 3, y}, svg::kAxisStyle);
      canvas.text({x + kBarWidth + 5, y + 3}, tick.label, {.size = 8.5, .anchor = "start"});
    }
  }
};

void define_fills(Canvas& canvas) {
  canvas.raw("<defs>\n<linearGradient id=\"scale\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">\n");
  for (std::size_t i = 0; i < kScale.size(); ++i)
    canvas.raw(message("<stop offset=\"", static_cast<double>(i) / (kScale.size() - 1),
                       "\" stop-color=\"", hex(kScale[i]), "\"/>\n"));
  canvas.raw(
      "</linearGradient>\n<pattern id=\"none\" width=\"6\" height=\"6\" "
      "patternUnits=\"userSpaceOnUse\"><rect width=\"6\" height=\"6\" fill=\"#eee\"/><path "
      "d=\"M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2\" stroke=\"#bbb\" "
      "stroke-width=\"0.7\"/></pattern>\n</defs>\n");
}

double widest(const std::vector<std::string>& texts, double size) {
  double width = 0;
  for (const std::string& text : texts) width = std::max(width, svg::text_width(text, size));
  return width;
}

/// The scale's range without the air that other axes have: the colours are for the data.
svg::Axis value_axis(const HeatMap& plot, const std::string& where) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const auto& row : plot.values)
    for (const double value : row)
      if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) {
    const double air = low != 0 ? 0.1 * std::abs(low) : 1.0;  // one value: the middle of the scale
    low -= air, high += air;
  }
  return svg::fit_axis({.label = plot.value_label, .min = low, .max = high}, low, high, 4, where);
}

}  // namespace

std::string svg_plot(const HeatMap& plot) {
  const auto where = message("plot \"", plot.title, "\"");
  check(plot, where);
  const svg::Axis scale = value_axis(plot, where);
  Canvas canvas;
  define_fills(canvas);
  double top =
      svg::draw_head(canvas, plot.title, "", {""}, [](Canvas&, std::size_t, svg::Point) {});
  std::vector<std::string> ticks;
  for (const auto& tick : scale.ticks) ticks.push_back(tick.label);
  const double right = svg::kWidth - 6 - widest(ticks, 8.5) - 5 - kBarWidth - kBarGap;
  const double left =
      5 + (plot.y_label.empty() ? 0 : svg::kLabelSize + 6) + widest(plot.rows, svg::kTickSize) + 6;
  for (const auto& line : svg::wrapped("colour: " + scale.label, 9, svg::kWidth - 16)) {
    top += 11;
    canvas.text({svg::kWidth - 6, top - 2}, line, {.size = 9, .anchor = "end"});
  }
  const double columns = static_cast<double>(plot.columns.size()),
               rows = static_cast<double>(plot.rows.size());
  const double height = std::clamp((right - left) / columns * 0.72, 18.0, 40.0);
  Drawing drawing{plot, scale, {left, right, top + 6, top + 6 + rows * height}, canvas};
  for (std::size_t row = 0; row < plot.rows.size(); ++row) {
    for (std::size_t column = 0; column < plot.columns.size(); ++column) drawing.cell(row, column);
    canvas.text({left - 5, drawing.top(row) + drawing.height() / 2 + 3.5}, plot.rows[row],
                {.size = svg::kTickSize, .anchor = "end"});
  }
  drawing.legend();
  double below = drawing.frame.bottom + 4 + svg::kTickSize;
  const double tick_size = std::min(svg::kTickSize, svg::kTickSize * (drawing.width() - 2) /
                                                        widest(plot.columns, svg::kTickSize));
  for (std::size_t column = 0; column < plot.columns.size(); ++column)
    canvas.text({drawing.left(column) + drawing.width() / 2, below}, plot.columns[column],
                {.size = tick_size});
  for (const auto& line : svg::wrapped(plot.x_label, svg::kLabelSize, svg::kWidth - 16)) {
    below += svg::kLabelSize + 4;
    canvas.text({(left + right) / 2, below}, line, {.size = svg::kLabelSize});
  }
  if (!plot.y_label.empty()) {
    const double room = rows * height + 20;
    const double size = std::min(
        svg::kLabelSize, svg::kLabelSize * room / svg::text_width(plot.y_label, svg::kLabelSize));
    canvas.text({5 + svg::kLabelSize, (drawing.frame.top + drawing.frame.bottom) / 2}, plot.y_label,
                {.size = size, .angle = -90});
  }
  return canvas.document(svg::kWidth, svg::draw_notes(canvas, below + 8, plot.notes));
}

}  // namespace lldm
