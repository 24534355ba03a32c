// SPDX-License-Identifier: MIT
#include "render/svg_canvas.hpp"

#include <cmath>
#include <cstdio>
#include <sstream>

#include "lldm/errors.hpp"
#include "lldm/render/table.hpp"

namespace lldm::svg {
namespace {

std::string pairs(const std::vector<Point>& points) {
  std::string text;
  for (const auto& [x, y] : points)
    text += (text.empty() ? "" : " ") + coordinate(x) + "," + coordinate(y);
  return text;
}

/// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t size = byte(0) < 0x80                      ? 1
                           : byte(0) >= 0xc2 && byte(0) < 0xe0 ? 2
                           : byte(0) >> 4 == 14                ? 3
                           : byte(0) >= 0xf0 && byte(0) < 0xf5 ? 4
                                                               : 0;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if (byte(i) >> 6 != 2) return 0;
  if (size == 3 && ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) >= 0xa0)))
    return 0;
  if (size == 3 && byte(0) == 0xef && byte(1) == 0xbf && byte(2) >= 0xbe)
    return 0;  // not XML characters
  if (size == 4 && ((byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) >= 0x90)))
    return 0;
  return size;
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
  while (!text.empty()) {
    const auto size = sequence_length(text);
    const char c = text[0];
    if (size == 0 || (static_cast<unsigned char>(c) < 0x20) || c == 0x7f) {
      result += "\xef\xbf\xbd";
    } else if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (c == '\'') {
      result += "&#39;";
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
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
