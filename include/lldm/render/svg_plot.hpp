// SPDX-License-Identifier: MIT
// Plots of a report as self-contained SVG: readable in a paper's column, in black and white and by
// colour-blind eyes (Okabe-Ito colours, and dashes, markers and hatches besides).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace lldm {

enum class PlotScale { linear, logarithmic };

struct PlotAxis {
  std::string label;  // with its unit: "score standard deviation [nats]"
  PlotScale scale = PlotScale::linear;
  std::optional<double> min = {}, max = {};  // else from the data
};

/// Which colour, and which dashes and marker; 0, 1, 2 ... of each, used again when there are no
/// more.  Plots that belong together give the same thing the same style.
struct PlotStyle {
  std::size_t colour = 0, pattern = 0;
};

/// A line; points in the order of the line.
struct PlotSeries {
  enum class Interval { band, bars };
  std::string name;
  std::vector<double> x, y;
  std::vector<double> low = {}, high = {};  // empty, or the interval of each y
  Interval interval = Interval::band;
  std::optional<PlotStyle> style = {};  // else by its place among the series
};

struct LinePlot {
  std::string title;
  PlotAxis x, y;
  std::vector<PlotSeries> series;
  std::vector<std::string> notes = {};  // below the plot
};

/// Bars of one colour, one for each group; a NaN has no bar and reads "n/a".
struct BarSeries {
  std::string name;
  std::vector<double> values;
  std::vector<double> low = {}, high = {};  // empty, or the interval of each value (NaN: none)
};

/// What the colours of a plot's single series of bars mean.
struct BarColours {
  std::vector<std::string> names;  // for the legend
  std::vector<PlotStyle> styles;   // one a name
  std::vector<std::size_t> of;     // one a group: index into names
};

struct BarPlot {
  std::string title;
  PlotAxis y;  // linear
  std::vector<std::string> groups;
  std::vector<BarSeries> series;
  std::optional<BarColours> colours = {};  // of one series; else a colour for every series
  std::vector<std::string> notes = {};     // below the plot
};

/// A point with a name.
struct ScatterPoint {
  std::string label;
  std::size_t series = 0;  // colour and marker
  double x = 0, y = 0;
  double x_low = 0, x_high = 0, y_low = 0, y_high = 0;  // bars where low < high
};

struct ScatterPlot {
  std::string title;
  PlotAxis x, y;
  std::vector<std::string> series;  // names, for the legend
  std::vector<ScatterPoint> points;
  std::vector<PlotStyle> styles = {};   // empty, or one a series
  std::vector<std::string> notes = {};  // below the plot
};

/// Values over two axes of a grid.
struct HeatMap {
  std::string title;
  std::string x_label, y_label;             // with their units
  std::string value_label;                  // of the legend's bar, with its unit
  std::vector<std::string> columns, rows;   // ticks: the axes' values; rows from the bottom
  std::vector<std::vector<double>> values;  // [rows][columns]; NaN: hatched, "n/a"
  std::vector<std::vector<double>> spread;  // empty, or what stands behind +- (NaN: nothing)
  std::vector<std::string> notes = {};      // below the plot
};

/// A point that cannot be drawn (not finite, or not positive on a logarithmic axis) breaks its
/// line and is counted in a note below the plot.  Markers at one place are drawn around one
/// another, and lines that are equal everywhere are named below.
///
/// Errors  ShapeError, naming plot and series: no series, no drawable point in a series, lengths
///         that differ, an axis whose min is not below its max.
[[nodiscard]] std::string svg_plot(const LinePlot& plot);

/// Errors  ShapeError, naming plot and series: no groups, no series, lengths that differ, no value
///         at all in a series, an infinite value, a logarithmic axis, limits that cut a bar.
[[nodiscard]] std::string svg_plot(const BarPlot& plot);

/// Names stand beside their points where there is room; where there is none, numbers, and the names
/// below.  A point that cannot be drawn is named below.  Points at one place are drawn around one
/// another, and named below.
///
/// Errors  ShapeError: no point that can be drawn, a series without a name.
[[nodiscard]] std::string svg_plot(const ScatterPlot& plot);

/// Colours from dark (low) to light (high) in a scale that colour-blind eyes and grey prints order
/// alike (cividis: Nunez, Anderton and Renslow 2018), with the value in every cell.
/// Errors  ShapeError: no rows or columns, sizes that differ, no finite value, an infinite one.
[[nodiscard]] std::string svg_plot(const HeatMap& plot);

}  // namespace lldm
