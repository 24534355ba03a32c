// SPDX-License-Identifier: MIT
// Writes SVG elements.  Private to src/experiment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lldm::svg {

struct Point {
  double x, y;
};

/// Coordinates grow to the right and down.
class Canvas {
 public:
  struct TextStyle {
    double size = 10;
    std::string_view anchor = "middle";  // start, middle, end
    double angle = 0;                    // degrees, clockwise
    bool is_bold = false;
  };

  void line(Point a, Point b, std::string_view style);
  void polyline(const std::vector<Point>& points, std::string_view style);
  void polygon(const std::vector<Point>& points, std::string_view style);
  void rectangle(Point corner, double width, double height, std::string_view style);
  void circle(Point centre, double radius, std::string_view style);
  void text(Point at, std::string_view text, const TextStyle& style);
  /// Verbatim SVG, already escaped.
  void raw(std::string_view svg);

  /// The finished document, `width` x `height` units, shown at one and a half times that in pixels.
  std::string document(double width, double height) const;

 private:
  std::string body_;
};

/// A coordinate with at most two decimals.
/// Errors  Error if it is not finite.
std::string coordinate(double value);

/// & < > " ' as entities; control characters and bytes that are not UTF-8 become U+FFFD.
std::string escaped(std::string_view text);

/// Estimated width of a text in DejaVu Sans, which is wider than Helvetica and its like: what has
/// room in it has room in all.
double text_width(std::string_view text, double size);

/// Words in lines of at most `width`; a wider word is broken behind _ . = or /, or stays whole.
std::vector<std::string> wrapped(std::string_view text, double size, double width);

}  // namespace lldm::svg
