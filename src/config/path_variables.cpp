// SPDX-License-Identifier: MIT
#include "config/path_variables.hpp"

#include <cstdlib>

namespace lldm::config {
namespace {

/// The place of the next "${NAME}" from `begin` on; `npos` if there is none that is closed.
struct Place {
  std::size_t begin = std::string::npos, end = std::string::npos;
  [[nodiscard]] bool is_found() const { return end != std::string::npos; }
};

Place next(std::string_view path, std::size_t from) {
  Place place{.begin = path.find("${", from)};
  if (place.begin != std::string::npos) place.end = path.find('}', place.begin);
  return place;
}

std::string_view content_of(std::string_view path, const Place& place) {
  const std::string name(path.substr(place.begin + 2, place.end - place.begin - 2));
  const char* content = std::getenv(name.c_str());
  return content ? content : "";
}

}  // namespace

std::string unset_variable(std::string_view path) {
  for (Place at = next(path, 0); at.is_found(); at = next(path, at.end))
    if (content_of(path, at).empty())
      return std::string(path.substr(at.begin + 2, at.end - at.begin - 2));
  return "";
}

std::string bare_variable(std::string_view path) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  for (std::size_t at = path.find('$'); at != path.npos; at = path.find('$', at + 1)) {
    std::size_t end = at + 1;
    while (end < path.size() &&
           (is_letter(path[end]) || (end > at + 1 && path[end] >= '0' && path[end] <= '9')))
      ++end;
    if (end > at + 1) return std::string(path.substr(at + 1, end - at - 1));
  }
  return "";
}

std::string with_variables(std::string path) {
  for (Place at = next(path, 0); at.is_found();) {
    const std::string_view content = content_of(path, at);
    path.replace(at.begin, at.end + 1 - at.begin, content);
    at = next(path, at.begin + content.size());
  }
  return path;
}

}  // namespace lldm::config
