// SPDX-License-Identifier: MIT
#include "lldm/render/svg_plot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/xml_check.hpp"

using lldm::BarPlot;
using lldm::LinePlot;
using lldm::PlotScale;
using lldm::PlotSeries;
using lldm::svg_plot;
using lldm::testing::XmlElement;
using lldm::testing::XmlReader;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();
const double kInfinity = std::numeric_limits<double>::infinity();

LinePlot curves() {
  return {"Reward accuracy",
          {"optimizer step"},
          {"accuracy [share]"},
          {{"monte carlo", {0, 10, 20}, {0.5, 0.7, 0.8}, {0.4, 0.6, 0.75}, {0.6, 0.8, 0.9}},
           {"segmented", {0, 10, 20}, {0.5, 0.6, 0.7}, {}, {}}}};
}

BarPlot bars() {
  return {"Superfluous lines",
          {"lines per answer"},
          {"start", "tuned", "control"},
          {{"development", {2.1, 0.5, 2.2}, {2, 0.4, 2.1}, {2.2, 0.6, 2.3}},
           {"test", {2, kNaN, 2}, {}, {}}}};
}

std::vector<XmlElement> elements_of(const std::string& svg) { return XmlReader(svg).read(); }

std::vector<XmlElement> only(const std::vector<XmlElement>& elements, const std::string& name) {
  std::vector<XmlElement> found;
  for (const auto& element : elements)
    if (element.name == name) found.push_back(element);
  return found;
}

std::vector<double> numbers_in(std::string text) {
  std::replace(text.begin(), text.end(), ',', ' ');
  std::vector<double> numbers;
  const char* at = text.c_str();
  for (char* end = nullptr;; at = end) {
    const double value = std::strtod(at, &end);
    if (end == at) return numbers;
    numbers.push_back(value);
  }
}

/// Every coordinate is a finite number on the page; returns all texts in one.
std::string checked_texts(const std::string& svg) {
  const auto elements = elements_of(svg);
  const auto page = numbers_in(elements.at(0).attributes.at("viewBox"));
  REQUIRE(page.size() == 4);
  std::string texts = "|";
  for (const auto& element : elements) {
    for (const char* name : {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "points"}) {
      const auto found = element.attributes.find(name);
      if (found == element.attributes.end()) continue;
      const auto numbers = numbers_in(found->second);
      REQUIRE_FALSE(numbers.empty());
      for (const double number : numbers) {
        REQUIRE(std::isfinite(number));
        REQUIRE(number >= 0);
        REQUIRE(number <= std::max(page[2], page[3]));
      }
    }
    for (const char* name : {"width", "height"})
      if (element.attributes.contains(name) && element.name != "svg")
        REQUIRE(numbers_in(element.attributes.at(name)).at(0) >= 0);
    if (element.name == "text") texts += element.text + "|";
  }
  return texts;
}

/// Numbers on the axes, in document order: vertical first.
std::vector<std::string> tick_labels(const std::string& svg, const std::string& anchor) {
  std::vector<std::string> labels;
  for (const auto& element : only(elements_of(svg), "text"))
    if (element.attributes.at("text-anchor") == anchor &&
        element.text.find_first_of("0123456789") != std::string::npos)
      labels.push_back(element.text);
  return labels;
}

LinePlot simple(std::vector<double> x, std::vector<double> y) {
  return {"t", {"x"}, {"y"}, {{"s", std::move(x), std::move(y), {}, {}}}};
}

}  // namespace

TEST_CASE("A line plot is well-formed and shows every label", "[experiment][svg_plot]") {
  const auto texts = checked_texts(svg_plot(curves()));
  for (const char* label : {"|Reward accuracy|", "|optimizer step|", "|accuracy [share]|",
                            "|monte carlo|", "|segmented|", "|0|", "|20|", "|0.5|"})
    CHECK(texts.find(label) != texts.npos);
}

TEST_CASE("A bar plot is well-formed and shows every label, n/a for what is missing",
          "[experiment][svg_plot]") {
  const auto svg = svg_plot(bars());
  const auto texts = checked_texts(svg);
  for (const char* label : {"|Superfluous lines|", "|lines per answer|", "|development|", "|test|",
                            "|start|", "|tuned|", "|control|", "|n/a|", "|2.0|"})
    CHECK(texts.find(label) != texts.npos);
}

TEST_CASE("Names are escaped", "[experiment][svg_plot]") {
  auto plot = curves();
  plot.title = "a < b & \"c\" > 'd'";
  plot.series[0].name = "</text><script>x</script>";
  plot.series[1].name = "bad \xff byte \x01";
  const auto texts = checked_texts(svg_plot(plot));
  CHECK(texts.find("|a < b & \"c\" > 'd'|") != texts.npos);
  CHECK(texts.find("|</text><script>x</script>|") != texts.npos);
  CHECK(texts.find("|bad \xef\xbf\xbd byte \xef\xbf\xbd|") != texts.npos);
}

TEST_CASE("Points lie where their values say", "[experiment][svg_plot]") {
  auto plot = simple({0, 1, 4}, {0, 1, 4});
  plot.x.min = 0, plot.x.max = 4, plot.y.min = 0, plot.y.max = 4;
  const auto line = only(elements_of(svg_plot(plot)), "polyline").at(0);
  const auto at = numbers_in(line.attributes.at("points"));
  REQUIRE(at.size() == 6);
  CHECK(at[2] - at[0] == Approx((at[4] - at[0]) / 4).margin(0.02));
  CHECK(at[1] - at[3] == Approx((at[1] - at[5]) / 4).margin(0.02));
  CHECK(at[5] < at[1]);
}

TEST_CASE("Points on logarithmic axes lie where their logarithms say", "[experiment][svg_plot]") {
  auto plot = simple({1, 10, 1000}, {1, 100, 1000});
  plot.x.scale = plot.y.scale = PlotScale::logarithmic;
  const auto svg = svg_plot(plot);
  checked_texts(svg);
  const auto at = numbers_in(only(elements_of(svg), "polyline").at(0).attributes.at("points"));
  CHECK(at[2] - at[0] == Approx((at[4] - at[0]) / 3).margin(0.02));
  CHECK(at[1] - at[3] == Approx(2 * (at[1] - at[5]) / 3).margin(0.02));
  CHECK(tick_labels(svg, "end") == std::vector<std::string>{"1", "10", "100", "1000"});
  plot.y.max = 30, plot.series[0].y = {1, 10, 25};
  CHECK(tick_labels(svg_plot(plot), "end") == std::vector<std::string>{"1", "2", "5", "10", "20"});
}

TEST_CASE("Ticks are round numbers", "[experiment][svg_plot]") {
  CHECK(tick_labels(svg_plot(simple({0, 1}, {0.46, 0.95})), "end") ==
        std::vector<std::string>{"0.5", "0.6", "0.7", "0.8", "0.9"});
  CHECK(tick_labels(svg_plot(simple({0, 1}, {0, 5e-6})), "end") ==
        std::vector<std::string>{"0", "1", "2", "3", "4", "5"});
  CHECK(tick_labels(svg_plot(simple({0, 1}, {-3, 5})), "end") ==
        std::vector<std::string>{"\u22122", "0", "2", "4"});
  CHECK(checked_texts(svg_plot(simple({0, 1}, {0, 5e-6}))).find("|y (\u00d710\u207b\u2076)|") !=
        std::string::npos);
  CHECK(checked_texts(svg_plot(simple({0, 130000}, {0, 1}))).find("|x (\u00d710\u00b3)|") !=
        std::string::npos);
}

TEST_CASE("Any finite range can be drawn", "[experiment][svg_plot]") {
  for (const double low : {-1e300, -1e5, -1.0, 0.0, 1e-300, 0.999999, 1e12})
    for (const double range : {0.0, 1e-9, 1e-4, 1.0, 1e7, 1e200}) {
      INFO(low << " + " << range);
      checked_texts(svg_plot(simple({low, low + range}, {low, low + range})));
    }
  CHECK_THROWS_AS(svg_plot(simple({-1e308, 1e308}, {0, 1})), lldm::ShapeError);
}

TEST_CASE("Points that cannot be drawn break the line and are counted below the plot",
          "[experiment][svg_plot]") {
  auto plot = simple({1, 2, 3, 4, 5, 6, 7}, {1, 2, kNaN, 4, kInfinity, 6, -1});
  plot.y.scale = PlotScale::logarithmic;
  plot.series[0].low = {0.5, -1, 1, 1, 1, kNaN, 1};
  plot.series[0].high = {2, 3, 3, 5, 5, 7, 7};
  const auto svg = svg_plot(plot);
  auto texts = checked_texts(svg);
  std::replace(texts.begin(), texts.end(), '|', ' ');  // the note may be wrapped
  CHECK(texts.find(
            "s: 3 of 7 points not drawn (not finite, or not positive on a logarithmic axis)") !=
        texts.npos);
  CHECK(only(elements_of(svg), "polyline").size() == 1);  // 1-2; 4 and 6 stand alone as markers
  CHECK(only(elements_of(svg), "circle").size() == 1 + 4);
}

TEST_CASE("Series differ in colour, dashes and marker", "[experiment][svg_plot]") {
  LinePlot plot{"t", {"x"}, {"y"}, {}};
  for (int i = 0; i < 5; ++i)
    plot.series.push_back({"s" + std::to_string(i), {0, 1}, {0.0 + i, 1.0 + i}, {}, {}});
  std::set<std::string> colours, dashes;
  for (const auto& line : only(elements_of(svg_plot(plot)), "polyline")) {
    colours.insert(line.attributes.at("stroke"));
    dashes.insert(line.attributes.at("stroke-dasharray"));
  }
  CHECK(colours.size() == 5);
  CHECK(dashes.size() == 5);
}

TEST_CASE("Intervals are drawn as bands or bars", "[experiment][svg_plot]") {
  auto plot = curves();
  const auto count = [&](const char* name) {
    return only(elements_of(svg_plot(plot)), name).size();
  };
  const auto lines = count("line");
  const auto polygons = count("polygon");
  plot.series[0].interval = PlotSeries::Interval::bars;
  CHECK(count("line") == lines + 3 * 3);
  CHECK(count("polygon") == polygons - 1);
}

TEST_CASE("Bars are as long as their values and begin at zero", "[experiment][svg_plot]") {
  const BarPlot plot{"t", {"y"}, {"a", "b"}, {{"s", {2, -4}, {}, {}}}};
  std::vector<XmlElement> found;
  for (const auto& element : only(elements_of(svg_plot(plot)), "rect"))
    if (element.attributes.contains("x") && element.attributes.at("fill") == "url(#fill0)")
      found.push_back(element);
  REQUIRE(found.size() == 3);  // the legend's sample first
  const auto number = [&](std::size_t i, const char* name) {
    return std::stod(found[i].attributes.at(name));
  };
  CHECK(number(2, "height") == Approx(2 * number(1, "height")).margin(0.02));
  CHECK(number(2, "y") == Approx(number(1, "y") + number(1, "height")).margin(0.02));
}

TEST_CASE("Long and many names stay on the page", "[experiment][svg_plot]") {
  BarPlot plot{"A title that is so long that it has to be wrapped into two lines at the very least",
               {"accuracy"},
               {},
               {{"one", {}, {}, {}}, {"two", {}, {}, {}}}};
  for (int i = 0; i < 14; ++i) {
    plot.groups.push_back("tuned.score_estimator=monte_carlo_elbo " + std::to_string(i));
    for (auto& series : plot.series) series.values.push_back(i);
  }
  const auto texts = checked_texts(svg_plot(plot));
  for (const auto& group : plot.groups) CHECK(texts.find("|" + group + "|") != texts.npos);
  LinePlot lines{"t", {"x"}, {"y"}, {}};
  for (int i = 0; i < 12; ++i)
    lines.series.push_back(
        {"a rather long name of a series " + std::to_string(i), {0, 1}, {0, 1}, {}, {}});
  checked_texts(svg_plot(lines));
}

TEST_CASE("Line plots refuse what cannot be drawn", "[experiment][svg_plot]") {
  auto plot = curves();
  plot.series.clear();
  CHECK_THROWS_WITH(svg_plot(plot), "plot \"Reward accuracy\": it has no series");
  CHECK_THROWS_WITH(svg_plot(simple({}, {})),
                    "plot \"t\", series \"s\": none of its 0 points can be drawn");
  CHECK_THROWS_WITH(svg_plot(simple({1}, {kNaN})),
                    "plot \"t\", series \"s\": none of its 1 points can be drawn");
  CHECK_THROWS_WITH(svg_plot(simple({1, 2}, {1})),
                    "plot \"t\", series \"s\": 2 x values, 1 y values");
  plot = curves();
  plot.series[0].low.pop_back();
  CHECK_THROWS_WITH(
      svg_plot(plot),
      "plot \"Reward accuracy\", series \"monte carlo\": 3 y values, 2 lower and 3 upper bounds");
  plot = simple({1, 2}, {1, 2});
  plot.y.min = 3, plot.y.max = 2;
  CHECK_THROWS_WITH(svg_plot(plot), "plot \"t\", axis \"y\": min 3 is not below max 2");
  plot = simple({1, 2}, {1, 2});
  plot.y.scale = PlotScale::logarithmic, plot.y.min = 0;
  CHECK_THROWS_AS(svg_plot(plot), lldm::ShapeError);
}

TEST_CASE("Bar plots refuse what cannot be drawn", "[experiment][svg_plot]") {
  const auto without = [](auto change) {
    auto plot = bars();
    change(plot);
    return plot;
  };
  CHECK_THROWS_WITH(svg_plot(without([](BarPlot& p) { p.groups.clear(); })),
                    "plot \"Superfluous lines\": it has no groups");
  CHECK_THROWS_WITH(svg_plot(without([](BarPlot& p) { p.series.clear(); })),
                    "plot \"Superfluous lines\": it has no series");
  CHECK_THROWS_WITH(svg_plot(without([](BarPlot& p) { p.groups.pop_back(); })),
                    "plot \"Superfluous lines\", series \"development\": 3 values for 2 groups");
  CHECK_THROWS_WITH(svg_plot(without([](BarPlot& p) { p.series[1].values = {kNaN, kNaN, kNaN}; })),
                    "plot \"Superfluous lines\", series \"test\": it has no values");
  CHECK_THROWS_WITH(svg_plot(without([](BarPlot& p) { p.series[1].values[0] = kInfinity; })),
                    "plot \"Superfluous lines\", series \"test\": a value is infinite");
  CHECK_THROWS_AS(svg_plot(without([](BarPlot& p) { p.series[0].high.clear(); })),
                  lldm::ShapeError);
  CHECK_THROWS_AS(svg_plot(without([](BarPlot& p) { p.y.scale = PlotScale::logarithmic; })),
                  lldm::ShapeError);
  CHECK_THROWS_AS(svg_plot(without([](BarPlot& p) { p.y.max = 1; })), lldm::ShapeError);
  CHECK_THROWS_AS(svg_plot(without([](BarPlot& p) { p.y.min = 1; })), lldm::ShapeError);
}

namespace {

lldm::HeatMap map_of(std::vector<std::vector<double>> values) {
  lldm::HeatMap map{"Accuracy", "beta", "steps", "accuracy", {}, {}, std::move(values), {}};
  for (std::size_t c = 0; c < map.values[0].size(); ++c)
    map.columns.push_back("b" + std::to_string(c));
  for (std::size_t r = 0; r < map.values.size(); ++r) map.rows.push_back("s" + std::to_string(r));
  return map;
}

/// Light of a cell's colour, by the value printed in it.
double light_of(const std::string& svg, const std::string& value) {
  const auto elements = elements_of(svg);
  std::string fill;
  for (const auto& element : elements) {
    if (element.name == "rect" && element.attributes.at("fill")[0] == '#')
      fill = element.attributes.at("fill");
    if (element.name == "text" && element.text == value) break;
  }
  const auto part = [&](std::size_t at) { return std::stoi(fill.substr(at, 2), nullptr, 16); };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

}  // namespace

TEST_CASE("A heat map prints every value, darker where it is lower", "[experiment][svg_plot]") {
  auto map = map_of({{0.1, 0.2, 0.3}, {0.4, kNaN, 0.9}});
  map.spread = {{0.01, kNaN, 0.02}, {0.03, kNaN, 0.04}};
  const auto svg = svg_plot(map);
  const auto texts = checked_texts(svg);
  for (const char* label : {"|Accuracy|", "|beta|", "|steps|", "|colour: accuracy|", "|b0|", "|s1|",
                            "|0.100|", "|0.900|", "|n/a|", "|\u00b10.01|"})
    CHECK(texts.find(label) != texts.npos);
  double before = -1;
  for (const char* value : {"0.100", "0.200", "0.300", "0.400", "0.900"}) {
    const double light = light_of(svg, value);
    CHECK(light > before);
    before = light;
  }
  // Rows from the bottom: the first row's texts stand below the second's.
  double low_row = 0, high_row = 0;
  for (const auto& element : only(elements_of(svg), "text")) {
    if (element.text == "s0") low_row = std::stod(element.attributes.at("y"));
    if (element.text == "s1") high_row = std::stod(element.attributes.at("y"));
  }
  CHECK(low_row > high_row);
}

TEST_CASE("Heat maps of one value and of many columns stay on the page", "[experiment][svg_plot]") {
  checked_texts(svg_plot(map_of({{0.5}})));
  checked_texts(svg_plot(map_of(std::vector(14, std::vector(14, -123.456)))));
  auto labels = map_of({{1, 2}});
  labels.x_label =
      "a label that is a good deal longer than the plot is wide, so that it is wrapped";
  labels.y_label = labels.x_label;
  labels.title = labels.x_label;
  checked_texts(svg_plot(labels));
}

TEST_CASE("Heat maps refuse what cannot be drawn", "[experiment][svg_plot]") {
  auto map = map_of({{1, 2}, {3, 4}});
  map.values[1].pop_back();
  CHECK_THROWS_WITH(svg_plot(map), "plot \"Accuracy\": values are not 2 rows of 2");
  CHECK_THROWS_WITH(svg_plot(map_of({{kNaN}})), "plot \"Accuracy\": it has no values");
  CHECK_THROWS_WITH(svg_plot(map_of({{1, kInfinity}})), "plot \"Accuracy\": a value is infinite");
  map = map_of({{1, 2}});
  map.columns.clear();
  CHECK_THROWS_AS(svg_plot(map), lldm::ShapeError);
}

TEST_CASE("A scatter plot names its points without laying names on one another",
          "[experiment][svg_plot]") {
  lldm::ScatterPlot plot{"t", {"x"}, {"y"}, {"one", "two"}, {}};
  for (int i = 0; i < 12; ++i)
    plot.points.push_back({"beta=0." + std::to_string(i), static_cast<std::size_t>(i % 2),
                           0.3 * (i % 4), 0.2 * (i / 4), 0, 0, 0.2 * (i / 4) - 0.05,
                           0.2 * (i / 4) + 0.05});
  plot.points.push_back({"lost", 0, kNaN, 1, 0, 0, 0, 0});
  const auto svg = svg_plot(plot);
  const auto texts = checked_texts(svg);
  for (const auto& point : plot.points)
    CHECK(texts.find(point.label) != texts.npos);  // beside its point, or below with a number
  struct Box {
    double left, right, baseline;
  };
  std::vector<Box> boxes;
  for (const auto& element : only(elements_of(svg), "text")) {
    if (!element.text.starts_with("beta=")) continue;
    const double x = std::stod(element.attributes.at("x")),
                 y = std::stod(element.attributes.at("y"));
    for (const Box& other : boxes)
      CHECK((x >= other.right || x + 20 <= other.left || std::abs(y - other.baseline) >= 8));
    boxes.push_back({x, x + 20, y});
  }
  // Many points at one place: numbers, and a list below.
  for (auto& point : plot.points) point.x = point.y = 1, point.y_low = point.y_high = 1;
  const auto crowded = checked_texts(svg_plot(plot));
  CHECK(crowded.find(": beta=0.") != crowded.npos);
  plot.points[0].series = 2;
  CHECK_THROWS_AS(svg_plot(plot), lldm::ShapeError);
  CHECK_THROWS_WITH(svg_plot(lldm::ScatterPlot{"t", {"x"}, {"y"}, {"one"}, {}}),
                    "plot \"t\": it has no point that can be drawn");
}
