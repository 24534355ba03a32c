// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "lldm/errors.hpp"
#include "lldm/render/svg_plot.hpp"
#include "render/svg_frame.hpp"
#include "render/svg_marker.hpp"

namespace lldm {
namespace {

using svg::Canvas;
using svg::Point;

constexpr double kNameSize = 8;

bool can_draw(const PlotAxis& axis, double value) {
  return std::isfinite(value) && (axis.scale == PlotScale::linear || value > 0);
}

struct Box {
  double left, top, right, bottom;
  [[nodiscard]] bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

/// Where names go: no two on one another, on a point, or out of the frame.
class Names {
 public:
  Names(const svg::Frame& frame, const std::vector<Point>& points) : frame_(frame) {
    for (const Point& point : points)
      taken_.push_back({point.x - 4, point.y - 4, point.x + 4, point.y + 4});
  }

  /// Names keep off error bars too.
  void keep_off(const Box& box) { taken_.push_back(box); }

  /// The baseline's start, or nothing where there is no room.
  std::optional<Point> place(Point point, const std::string& name) {
    const double width = svg::text_width(name, kNameSize), height = kNameSize;
    const double gaps[] = {6, 12, 20};
    for (const double gap : gaps)
      for (const Point& at :
           {Point{point.x + gap, point.y + 3}, Point{point.x - gap - width, point.y + 3},
            Point{point.x - width / 2, point.y - gap},
            Point{point.x - width / 2, point.y + gap + 6},
            Point{point.x + gap - 2, point.y - gap + 2},
            Point{point.x - gap + 2 - width, point.y - gap + 2},
            Point{point.x + gap - 2, point.y + gap + 4},
            Point{point.x - gap + 2 - width, point.y + gap + 4}}) {
        const Box box{at.x - 1, at.y - height, at.x + width + 1, at.y + 1.5};
        if (box.left < frame_.left || box.right > frame_.right || box.top < frame_.top - 2 ||
            box.bottom > frame_.bottom + 2)
          continue;
        if (std::any_of(taken_.begin(), taken_.end(),
                        [&](const Box& other) { return box.meets(other); }))
          continue;
        taken_.push_back(box);
        return at;
      }
    return std::nullopt;
  }

 private:
  const svg::Frame& frame_;
  std::vector<Box> taken_;
};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) { low = std::min(low, value), high = std::max(high, value); }
};

PlotStyle style_of(const ScatterPlot& plot, std::size_t series) {
  return series < plot.styles.size() ? plot.styles[series] : PlotStyle{series, series};
}

void error_bars(Canvas& canvas, const ScatterPlot& plot, const ScatterPoint& point,
                const svg::Axis& x, const svg::Axis& y, const svg::Frame& frame) {
  const auto style = message("stroke=\"", svg::colour(style_of(plot, point.series).colour),
                             "\" stroke-width=\"0.9\" stroke-opacity=\"0.7\"");
  const double centre_x = frame.x(x.position(point.x)), centre_y = frame.y(y.position(point.y));
  if (point.y_low < point.y_high && y.can_draw(point.y_low))
    canvas.line({centre_x, frame.y(y.position(point.y_low))},
                {centre_x, frame.y(y.position(point.y_high))}, style);
  if (point.x_low < point.x_high && x.can_draw(point.x_low))
    canvas.line({frame.x(x.position(point.x_low)), centre_y},
                {frame.x(x.position(point.x_high)), centre_y}, style);
}

/// Names the points that lie on one place, once each place.
void add_coinciding(std::vector<std::string>& notes, const std::vector<const ScatterPoint*>& shown,
                    const std::vector<Point>& places) {
  std::vector<bool> is_named(shown.size(), false);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    std::string names;
    for (std::size_t j = i; j < shown.size(); ++j)
      if (!is_named[j] && std::hypot(places[i].x - places[j].x, places[i].y - places[j].y) < 2) {
        is_named[j] = j > i || is_named[j];
        names += (names.empty() ? "" : "; ") +
                 (shown[j]->label.empty() ? "a point without name" : shown[j]->label);
      }
    if (names.find("; ") != std::string::npos) notes.push_back("at one place: " + names);
  }
}

/// The points that can be drawn, and the ranges that hold them with their bars.
struct Shown {
  std::vector<const ScatterPoint*> points;
  Range x, y;
};

Shown shown_of(const ScatterPlot& plot, const std::string& where, std::vector<std::string>& notes) {
  Shown shown;
  for (const ScatterPoint& point : plot.points) {
    if (point.series >= plot.series.size())
      throw ShapeError(message(where, ": point \"", point.label, "\" is of a series without name"));
    if (!can_draw(plot.x, point.x) || !can_draw(plot.y, point.y)) {
      notes.push_back("not drawn (not finite, or not positive on a logarithmic axis): " +
                      point.label);
      continue;
    }
    shown.points.push_back(&point);
    shown.x.add(point.x), shown.y.add(point.y);
    if (point.y_low < point.y_high && can_draw(plot.y, point.y_low))
      shown.y.add(point.y_low), shown.y.add(point.y_high);
    if (point.x_low < point.x_high && can_draw(plot.x, point.x_low))
      shown.x.add(point.x_low), shown.x.add(point.x_high);
  }
  if (shown.points.empty()) throw ShapeError(message(where, ": it has no point that can be drawn"));
  return shown;
}

}  // namespace

std::string svg_plot(const ScatterPlot& plot) {
  const auto where = message("plot \"", plot.title, "\"");
  std::vector<std::string> notes;
  const auto [shown, x_range, y_range] = shown_of(plot, where, notes);
  const auto x = svg::fit_axis(plot.x, x_range.low, x_range.high, 5, where);
  const auto y = svg::fit_axis(plot.y, y_range.low, y_range.high, 5, where);

  Canvas canvas;
  const double top = svg::draw_head(canvas, plot.title, plot.y.label, plot.series,
                                    [&](Canvas& page, std::size_t i, Point at) {
                                      svg::draw_marker(page, style_of(plot, i), {at.x + 9, at.y});
                                    });
  const double right =
      svg::kWidth - std::max(8.0, svg::text_width(x.ticks.back().label, svg::kTickSize) / 2 + 2);
  const svg::Frame frame{svg::left_margin(y), right, top + 4, top + 4 + svg::kPlotHeight};
  svg::draw_y_axis(canvas, frame, y);
  double bottom = svg::draw_x_axis(canvas, frame, x);
  std::vector<Point> places;
  for (const ScatterPoint* point : shown) {
    error_bars(canvas, plot, *point, x, y, frame);
    places.push_back({frame.x(x.position(point->x)), frame.y(y.position(point->y))});
  }
  const std::vector<double> radii = svg::nested_radii(places);
  for (std::size_t i = 0; i < shown.size(); ++i)
    svg::draw_marker(canvas, style_of(plot, shown[i]->series), places[i], radii[i]);
  add_coinciding(notes, shown, places);
  Names names(frame, places);
  for (std::size_t i = 0; i < shown.size(); ++i)
    if (shown[i]->y_low < shown[i]->y_high && y.can_draw(shown[i]->y_low))
      names.keep_off({places[i].x - 1, frame.y(y.position(shown[i]->y_high)), places[i].x + 1,
                      frame.y(y.position(shown[i]->y_low))});
  int number = 0;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (shown[i]->label.empty()) continue;
    std::string text = shown[i]->label;
    std::optional<Point> at = names.place(places[i], text);
    if (!at) {
      text = std::to_string(++number);
      notes.push_back(text + ": " + shown[i]->label);
      at = names.place(places[i], text);
    }
    canvas.text(at.value_or(Point{places[i].x + 4, places[i].y - 4}), text,
                {.size = kNameSize, .anchor = "start"});
  }
  notes.insert(notes.end(), plot.notes.begin(), plot.notes.end());
  bottom = svg::draw_notes(canvas, bottom, notes);
  return canvas.document(svg::kWidth, bottom);
}

}  // namespace lldm
