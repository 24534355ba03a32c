// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "lldm/errors.hpp"
#include "lldm/render/svg_plot.hpp"
#include "render/svg_frame.hpp"

namespace lldm {
namespace {

using svg::Canvas;
using svg::Point;

constexpr double kSlant = 35;  // degrees, of names that do not fit level

bool has_interval(const BarSeries& series, std::size_t i) {
  return !series.low.empty() && std::isfinite(series.low[i]) && std::isfinite(series.high[i]);
}

void check(const BarPlot& plot, const std::string& where) {
  if (plot.groups.empty()) throw ShapeError(message(where, ": it has no groups"));
  if (plot.series.empty()) throw ShapeError(message(where, ": it has no series"));
  if (plot.y.scale != PlotScale::linear)
    throw ShapeError(message(
        where, ": bars begin at 0, which a logarithmic axis does not have\n  draw it as lines"));
  for (const auto& series : plot.series) {
    const auto name = message(where, ", series \"", series.name, "\": ");
    if (series.values.size() != plot.groups.size())
      throw ShapeError(
          message(name, series.values.size(), " values for ", plot.groups.size(), " groups"));
    const bool has_interval = !series.low.empty() || !series.high.empty();
    if (has_interval &&
        (series.low.size() != series.values.size() || series.high.size() != series.values.size()))
      throw ShapeError(message(name, series.values.size(), " values, ", series.low.size(),
                               " lower and ", series.high.size(), " upper bounds"));
    const auto is_finite = [](double value) { return std::isfinite(value); };
    const auto is_infinite = [](double value) { return std::isinf(value); };
    if (std::none_of(series.values.begin(), series.values.end(), is_finite))
      throw ShapeError(message(name, "it has no values"));
    if (std::any_of(series.values.begin(), series.values.end(), is_infinite))
      throw ShapeError(message(name, "a value is infinite"));
  }
}

void check(const BarColours& colours, const BarPlot& plot, const std::string& where) {
  const bool are_named = std::all_of(colours.of.begin(), colours.of.end(),
                                     [&](std::size_t name) { return name < colours.names.size(); });
  if (plot.series.size() != 1 || colours.of.size() != plot.groups.size() || !are_named ||
      colours.styles.size() != colours.names.size())
    throw ShapeError(message(where,
                             ": colours need one series, a style for every name and a name "
                             "for every group"));
}

/// Hatches, so that series differ in black and white too.
void define_fills(Canvas& canvas, const std::vector<PlotStyle>& styles) {
  static constexpr std::array<std::string_view, 4> hatches = {
      "", "<path d=\"M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2\" stroke=\"#fff\" stroke-width=\"0.7\"/>",
      "<circle cx=\"3\" cy=\"3\" r=\"1\" fill=\"#fff\"/>",
      "<path d=\"M-1,5 l2,2 M0,0 l6,6 M5,-1 l2,2\" stroke=\"#fff\" stroke-width=\"0.7\"/>"};
  canvas.raw("<defs>\n");
  for (std::size_t i = 0; i < styles.size(); ++i)
    canvas.raw(message("<pattern id=\"fill", i,
                       "\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect "
                       "width=\"6\" height=\"6\" fill=\"",
                       svg::colour(styles[i].colour), "\"/>",
                       hatches[styles[i].pattern % hatches.size()], "</pattern>\n"));
  canvas.raw("</defs>\n");
}

std::string fill(std::size_t series) { return message("fill=\"url(#fill", series, ")\""); }

/// Largest text size at which every group's name fits level into its slot, in at most four lines; 0
/// if none does.
double level_size(const BarPlot& plot, double slot) {
  for (const double size : {10.0, 9.0, 8.0}) {
    const auto fits = [&](const std::string& name) {
      const auto lines = svg::wrapped(name, size, slot - 3);
      return lines.size() <= 4 &&
             std::all_of(lines.begin(), lines.end(), [&](const std::string& line) {
               return svg::text_width(line, size) <= slot - 3;
             });
    };
    if (std::all_of(plot.groups.begin(), plot.groups.end(), fits)) return size;
  }
  return 0;
}

constexpr double kMostLeft = 200;  // of the page's width, for names

/// How far left of the data's edge slanted names of that size reach, with `slot` a group.
double slanted_reach(const BarPlot& plot, double slot, double size) {
  double reach = 0;
  for (std::size_t i = 0; i < plot.groups.size(); ++i) {
    const double length =
        svg::text_width(plot.groups[i], size) * std::cos(kSlant * std::numbers::pi / 180);
    reach = std::max(reach, length - (static_cast<double>(i) + 0.5) * slot);
  }
  return reach + 12;
}

/// Size of slanted names such that they stay on the page, if 5.5 is small enough.
double slanted_size(const BarPlot& plot) {
  const double slot = (svg::kWidth - 8 - kMostLeft) / static_cast<double>(plot.groups.size());
  double size = svg::kTickSize;
  while (size > 5.5 && slanted_reach(plot, slot, size) > kMostLeft) size -= 0.5;
  return size;
}

/// Left edge of the data such that the axis and slanted names fit.
double left_edge(const BarPlot& plot, const svg::Axis& y) {
  const double left = svg::left_margin(y);
  const double slot = (svg::kWidth - 8 - left) / static_cast<double>(plot.groups.size());
  if (level_size(plot, slot) > 0) return left;
  return std::clamp(slanted_reach(plot, slot, slanted_size(plot)), left, kMostLeft);
}

struct Drawing {
  const BarPlot& plot;
  const svg::Axis& y;
  const svg::Frame& frame;
  Canvas& canvas;

  double slot() const {
    return (frame.right - frame.left) / static_cast<double>(plot.groups.size());
  }
  double middle(std::size_t group) const {
    return frame.left + (static_cast<double>(group) + 0.5) * slot();
  }
  double height(double value) const { return frame.y(y.position(value)); }

  void bar(std::size_t group, std::size_t index) {
    const auto& series = plot.series[index];
    const double value = series.values[group];
    const auto count = static_cast<double>(plot.series.size());
    const double width = std::min(0.8 * slot() / count, 34.0);
    const double left = middle(group) + (static_cast<double>(index) - count / 2) * width;
    const double centre = left + width / 2;
    if (!std::isfinite(value)) {
      canvas.text({centre, height(0) - 3}, "n/a", {.size = 8});
      return;
    }
    const double top = std::min(height(value), height(0)),
                 bottom = std::max(height(value), height(0));
    canvas.rectangle({left + 0.5, top}, std::max(width - 1, 0.5), bottom - top,
                     fill(plot.colours ? plot.colours->of[group] : index));
    if (!has_interval(series, group)) return;
    const double cap = std::min(0.25 * width, 3.0);
    const double low = height(series.low[group]), high = height(series.high[group]);
    // White below black: visible on dark bars and on the page.
    for (const auto* style :
         {"stroke=\"#fff\" stroke-width=\"2.6\"", "stroke=\"#222\" stroke-width=\"1.1\""}) {
      canvas.line({centre, low}, {centre, high}, style);
      for (const double end : {low, high})
        canvas.line({centre - cap, end}, {centre + cap, end}, style);
    }
  }

  /// Names of the groups below the axis: wrapped where they fit their slot, else slanted.  Returns
  /// the y below.
  double group_names() {
    const double size = level_size(plot, slot()), slanted = slanted_size(plot);
    double below = frame.bottom;
    for (std::size_t i = 0; i < plot.groups.size(); ++i) {
      double at = frame.bottom + 4;
      if (size > 0) {
        for (const auto& line : svg::wrapped(plot.groups[i], size, slot() - 3))
          canvas.text({middle(i), at += size + 1}, line, {.size = size});
        below = std::max(below, at);
      } else {
        canvas.text({middle(i) + 3, at + 7}, plot.groups[i],
                    {.size = slanted, .anchor = "end", .angle = -kSlant});
        const double length = svg::text_width(plot.groups[i], slanted);
        below = std::max(below, at + 8 + length * std::sin(kSlant * std::numbers::pi / 180));
      }
    }
    return below + 8;
  }
};

}  // namespace

std::string svg_plot(const BarPlot& plot) {
  const auto where = message("plot \"", plot.title, "\"");
  check(plot, where);
  if (plot.colours) check(*plot.colours, plot, where);
  double low = 0, high = 0;
  std::vector<std::string> names;
  for (const auto& series : plot.series) {
    names.push_back(series.name);
    for (std::size_t i = 0; i < plot.groups.size(); ++i) {
      if (std::isfinite(series.values[i]))
        low = std::min(low, series.values[i]), high = std::max(high, series.values[i]);
      if (has_interval(series, i))
        low = std::min(low, series.low[i]), high = std::max(high, series.high[i]);
    }
  }
  const auto y = svg::fit_axis(plot.y, low, high, 5, where);
  if (y.low > low || y.high < high)
    throw ShapeError(message(where, ": the axis from ", y.low, " to ", y.high, " cuts bars from ",
                             low, " to ", high));

  Canvas canvas;
  std::vector<PlotStyle> styles;
  for (std::size_t i = 0; i < plot.series.size(); ++i) styles.push_back({i, i});
  if (plot.colours) {
    names = plot.colours->names;
    styles = plot.colours->styles;
  }
  define_fills(canvas, styles);
  const double top = svg::draw_head(canvas, plot.title, plot.y.label, names,
                                    [](Canvas& page, std::size_t i, Point at) {
                                      page.rectangle({at.x + 3, at.y - 4}, 12, 8, fill(i));
                                    });
  const svg::Frame frame{left_edge(plot, y), svg::kWidth - 8, top + 4, top + 4 + svg::kPlotHeight};
  svg::draw_y_axis(canvas, frame, y);
  Drawing drawing{plot, y, frame, canvas};
  for (std::size_t group = 0; group < plot.groups.size(); ++group)
    for (std::size_t i = 0; i < plot.series.size(); ++i) drawing.bar(group, i);
  canvas.line({frame.left, drawing.height(0)}, {frame.right, drawing.height(0)}, svg::kAxisStyle);
  return canvas.document(svg::kWidth, svg::draw_notes(canvas, drawing.group_names(), plot.notes));
}

}  // namespace lldm
