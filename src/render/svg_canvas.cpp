// SPDX-License-Identifier: MIT
#include "render/svg_canvas.hpp"

#include <cmath>
#include <cstdio>
#include <sstream>

#include "lldm/errors.hpp"
#include "lldm/render/table.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::svg {
namespace {

std::string pairs(const std::vector<Point>& points) {
  std::string text;
  for (const auto& [x, y] : points)
    text += (text.empty() ? "" : " ") + coordinate(x) + "," + coordinate(y);
  return text;
}

}  // namespace

std::string coordinate(double value) {
  if (!std::isfinite(value)) throw Error("svg: a coordinate is not finite");
  char text[400];
  std::snprintf(text, sizeof text, "%.2f", value);
  std::string result(text);
  result.erase(result.find_last_not_of('0') + 1);
  if (result.back() == '.') result.pop_back();
  return result == "-0" ? "0" : result;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = decode_utf8(text, at);
    const char32_t value = character ? character->value : 0;
    const std::size_t size = character ? character->length : 1;
    if (value < 0x20 || value == 0x7f || value == 0xfffe || value == 0xffff)
      result += "\xef\xbf\xbd";  // no UTF-8, or no character of XML
    else if (value == '&')
      result += "&amp;";
    else if (value == '<')
      result += "&lt;";
    else if (value == '>')
      result += "&gt;";
    else if (value == '"')
      result += "&quot;";
    else if (value == '\'')
      result += "&#39;";
    else
      result += text.substr(at, size);
    at += size;
  }
  return result;
}

double text_width(std::string_view text, double size) {
  double ems = 0;
  for (const char c : text) {
    const auto is_in = [&](std::string_view set) { return set.find(c) != set.npos; };
    if (static_cast<unsigned char>(c) >= 0x80) continue;
    ems += is_in("iljtf.,:;'|!()[] I") ? 0.36
           : is_in("mwMW%@")           ? 0.95
           : is_in("=+<>~#")           ? 0.84
           : (c >= 'A' && c <= 'Z')    ? 0.70
                                       : 0.61;
  }
  std::string others;
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) others += c;
  return size * (ems + 0.6 * display_width(others));
}

namespace {

/// A word that is too wide, in pieces that end behind one of _ . = / where there is one in reach.
void append_broken(std::vector<std::string>& lines, std::string word, double size, double width) {
  while (text_width(word, size) > width) {
    std::size_t end = word.npos;
    for (std::size_t i = 1; i < word.size() && text_width(word.substr(0, i), size) <= width; ++i)
      if (std::string_view("_.=/").find(word[i - 1]) != std::string_view::npos) end = i;
    if (end == word.npos) break;
    lines.push_back(word.substr(0, end));
    word.erase(0, end);
  }
  lines.push_back(word);
}

}  // namespace

std::vector<std::string> wrapped(std::string_view text, double size, double width) {
  std::vector<std::string> lines;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    if (!lines.empty() && text_width(lines.back() + " " + word, size) <= width) {
      lines.back() += " " + word;
    } else {
      append_broken(lines, word, size, width);
    }
  }
  return lines;
}

void Canvas::line(Point a, Point b, std::string_view style) {
  body_ += message("<line x1=\"", coordinate(a.x), "\" y1=\"", coordinate(a.y), "\" x2=\"",
                   coordinate(b.x), "\" y2=\"", coordinate(b.y), "\" ", style, "/>\n");
}

void Canvas::polyline(const std::vector<Point>& points, std::string_view style) {
  body_ += message("<polyline points=\"", pairs(points), "\" fill=\"none\" ", style, "/>\n");
}

void Canvas::polygon(const std::vector<Point>& points, std::string_view style) {
  body_ += message("<polygon points=\"", pairs(points), "\" ", style, "/>\n");
}

void Canvas::rectangle(Point corner, double width, double height, std::string_view style) {
  body_ +=
      message("<rect x=\"", coordinate(corner.x), "\" y=\"", coordinate(corner.y), "\" width=\"",
              coordinate(width), "\" height=\"", coordinate(height), "\" ", style, "/>\n");
}

void Canvas::circle(Point centre, double radius, std::string_view style) {
  body_ += message("<circle cx=\"", coordinate(centre.x), "\" cy=\"", coordinate(centre.y),
                   "\" r=\"", coordinate(radius), "\" ", style, "/>\n");
}

void Canvas::text(Point at, std::string_view text, const TextStyle& style) {
  body_ += message("<text x=\"", coordinate(at.x), "\" y=\"", coordinate(at.y), "\" font-size=\"",
                   coordinate(style.size), "\" text-anchor=\"", style.anchor, "\"");
  if (style.is_bold) body_ += " font-weight=\"bold\"";
  if (style.angle != 0)
    body_ += message(" transform=\"rotate(", coordinate(style.angle), " ", coordinate(at.x), " ",
                     coordinate(at.y), ")\"");
  body_ += ">" + escaped(text) + "</text>\n";
}

void Canvas::raw(std::string_view svg) { body_ += svg; }

std::string Canvas::document(double width, double height) const {
  return message(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
      "width=\"",
      coordinate(1.5 * width), "\" height=\"", coordinate(1.5 * height), "\" viewBox=\"0 0 ",
      coordinate(width), " ", coordinate(height),
      "\" font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\" "
      "fill=\"#222\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      body_, "</svg>\n");
}

}  // namespace lldm::svg
