// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/render/svg_plot.hpp"
#include "render/svg_frame.hpp"
#include "render/svg_marker.hpp"

namespace lldm {
namespace {

using svg::Canvas;
using svg::draw_marker;
using svg::Point;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) { low = std::min(low, value), high = std::max(high, value); }
};

bool can_draw(const PlotAxis& axis, double value) {
  return std::isfinite(value) && (axis.scale == PlotScale::linear || value > 0);
}

bool can_draw_point(const LinePlot& plot, const PlotSeries& series, std::size_t i) {
  return can_draw(plot.x, series.x[i]) && can_draw(plot.y, series.y[i]);
}

bool has_interval(const LinePlot& plot, const PlotSeries& series, std::size_t i) {
  return !series.low.empty() && can_draw_point(plot, series, i) &&
         can_draw(plot.y, series.low[i]) && can_draw(plot.y, series.high[i]);
}

void check(const LinePlot& plot, const std::string& where) {
  if (plot.series.empty()) throw ShapeError(message(where, ": it has no series"));
  for (const auto& series : plot.series) {
    const auto name = message(where, ", series \"", series.name, "\": ");
    if (series.x.size() != series.y.size())
      throw ShapeError(message(name, series.x.size(), " x values, ", series.y.size(), " y values"));
    const bool has_interval = !series.low.empty() || !series.high.empty();
    if (has_interval &&
        (series.low.size() != series.y.size() || series.high.size() != series.y.size()))
      throw ShapeError(message(name, series.y.size(), " y values, ", series.low.size(),
                               " lower and ", series.high.size(), " upper bounds"));
    std::size_t count = 0;
    for (std::size_t i = 0; i < series.x.size(); ++i) count += can_draw_point(plot, series, i);
    if (count == 0)
      throw ShapeError(message(name, "none of its ", series.x.size(), " points can be drawn"));
  }
}

PlotStyle style_of(const LinePlot& plot, std::size_t series) {
  return plot.series[series].style.value_or(PlotStyle{series, series});
}

std::string line_style(const PlotStyle& style) {
  return message("stroke=\"", svg::colour(style.colour),
                 "\" stroke-width=\"1.5\" stroke-linejoin=\"round\" stroke-dasharray=\"",
                 svg::dashes(style.pattern), "\"");
}

/// One plot being drawn.
struct Drawing {
  const LinePlot& plot;
  const svg::Axis &x, &y;
  const svg::Frame& frame;
  Canvas& canvas;
  std::vector<Point> marked = {};
  std::vector<std::size_t> marked_series = {};

  Point at(double x_value, double y_value) const {
    return {frame.x(x.position(x_value)), frame.y(y.position(y_value))};
  }

  /// Runs of neighbouring points of which `is_in` holds.
  template <class IsIn, class Draw>
  static void for_each_run(std::size_t size, const IsIn& is_in, const Draw& draw) {
    for (std::size_t start = 0; start < size; ++start) {
      std::size_t end = start;
      while (end < size && is_in(end)) ++end;
      if (end > start) draw(start, end);
      start = end;
    }
  }

  void intervals(std::size_t index) {
    const auto& series = plot.series[index];
    const auto is_in = [&](std::size_t i) { return has_interval(plot, series, i); };
    for_each_run(series.x.size(), is_in, [&](std::size_t start, std::size_t end) {
      if (series.interval == PlotSeries::Interval::bars) return bars(index, start, end);
      std::vector<Point> outline;
      for (std::size_t i = start; i < end; ++i) outline.push_back(at(series.x[i], series.high[i]));
      for (std::size_t i = end; i-- > start;) outline.push_back(at(series.x[i], series.low[i]));
      canvas.polygon(outline, message("fill=\"", svg::colour(style_of(plot, index).colour),
                                      "\" fill-opacity=\"0.16\""));
    });
  }

  void bars(std::size_t index, std::size_t start, std::size_t end) {
    const auto& series = plot.series[index];
    const auto style =
        message("stroke=\"", svg::colour(style_of(plot, index).colour), "\" stroke-width=\"1\"");
    for (std::size_t i = start; i < end; ++i) {
      const auto low = at(series.x[i], series.low[i]), high = at(series.x[i], series.high[i]);
      canvas.line(low, high, style);
      for (const auto& end_point : {low, high})
        canvas.line({end_point.x - 2.5, end_point.y}, {end_point.x + 2.5, end_point.y}, style);
    }
  }

  /// Draws the line and adds its markers to those that are drawn above all lines.
  void line(std::size_t index) {
    const auto& series = plot.series[index];
    const auto is_in = [&](std::size_t i) { return can_draw_point(plot, series, i); };
    const bool is_alone =
        plot.series.size() == 1 && series.x.size() > 30;  // markers would only hide it
    const std::size_t stride =
        std::max<std::size_t>(1, (series.x.size() + 11) / 12);  // at most 12 markers
    for_each_run(series.x.size(), is_in, [&](std::size_t start, std::size_t end) {
      std::vector<Point> points;
      for (std::size_t i = start; i < end; ++i) points.push_back(at(series.x[i], series.y[i]));
      if (points.size() > 1) canvas.polyline(points, line_style(style_of(plot, index)));
      // Series mark different points, so that equal lines stay distinguishable.
      for (std::size_t i = start; i < end; ++i)
        if ((i % stride == index % stride && !is_alone) || points.size() == 1) {
          marked.push_back(points[i - start]);
          marked_series.push_back(index);
        }
    });
  }

  void markers() {
    const std::vector<double> radii = svg::nested_radii(marked);
    for (std::size_t i = 0; i < marked.size(); ++i)
      draw_marker(canvas, style_of(plot, marked_series[i]), marked[i], radii[i]);
  }
};

std::vector<std::string> notes_of(const LinePlot& plot) {
  std::vector<std::string> notes;
  for (const auto& series : plot.series) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < series.x.size(); ++i) count += !can_draw_point(plot, series, i);
    if (count > 0)
      notes.push_back(
          message(series.name, ": ", count, " of ", series.x.size(),
                  " points not drawn (not finite, or not positive on a logarithmic axis)"));
  }
  for (std::size_t a = 0; a < plot.series.size(); ++a)
    for (std::size_t b = a + 1; b < plot.series.size(); ++b)
      if (plot.series[a].x == plot.series[b].x && plot.series[a].y == plot.series[b].y)
        notes.push_back(
            message("equal everywhere: ", plot.series[a].name, " and ", plot.series[b].name));
  notes.insert(notes.end(), plot.notes.begin(), plot.notes.end());
  return notes;
}

}  // namespace

std::string svg_plot(const LinePlot& plot) {
  const auto where = message("plot \"", plot.title, "\"");
  check(plot, where);
  Range x_range, y_range;
  std::vector<std::string> names;
  for (const auto& series : plot.series) {
    names.push_back(series.name);
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!can_draw_point(plot, series, i)) continue;
      x_range.add(series.x[i]), y_range.add(series.y[i]);
      if (has_interval(plot, series, i)) y_range.add(series.low[i]), y_range.add(series.high[i]);
    }
  }
  const auto x = svg::fit_axis(plot.x, x_range.low, x_range.high, 6, where);
  const auto y = svg::fit_axis(plot.y, y_range.low, y_range.high, 5, where);

  Canvas canvas;
  const double top = svg::draw_head(canvas, plot.title, plot.y.label, names,
                                    [&](Canvas& page, std::size_t i, Point at) {
                                      const PlotStyle style = style_of(plot, i);
                                      page.line(at, {at.x + 18, at.y}, line_style(style));
                                      draw_marker(page, style, {at.x + 9, at.y});
                                    });
  const double right =
      svg::kWidth - std::max(8.0, svg::text_width(x.ticks.back().label, svg::kTickSize) / 2 + 2);
  const svg::Frame frame{svg::left_margin(y), right, top + 4, top + 4 + svg::kPlotHeight};
  svg::draw_y_axis(canvas, frame, y);
  double bottom = svg::draw_x_axis(canvas, frame, x);
  canvas.raw(message("<clipPath id=\"data\"><rect x=\"", svg::coordinate(frame.left - 4), "\" y=\"",
                     svg::coordinate(frame.top - 4), "\" width=\"",
                     svg::coordinate(frame.right - frame.left + 8), "\" height=\"",
                     svg::coordinate(frame.bottom - frame.top + 8),
                     "\"/></clipPath>\n<g clip-path=\"url(#data)\">\n"));
  Drawing drawing{plot, x, y, frame, canvas};
  for (std::size_t i = 0; i < plot.series.size(); ++i) drawing.intervals(i);
  // Full lines first: dashes above them leave both to be seen.
  for (const bool is_full : {true, false})
    for (std::size_t i = 0; i < plot.series.size(); ++i)
      if ((svg::dashes(style_of(plot, i).pattern) == "none") == is_full) drawing.line(i);
  drawing.markers();
  canvas.raw("</g>\n");
  bottom = svg::draw_notes(canvas, bottom, notes_of(plot));
  return canvas.document(svg::kWidth, bottom);
}

}  // namespace lldm
