// SPDX-License-Identifier: MIT
#include "experiment/axis_labels.hpp"

#include <algorithm>

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// A file by its name, everything else as it is.
std::string plain(const Json& value) {
  if (!value.is_string()) return value.dump();
  const auto text = value.get<std::string>();
  return text.starts_with('/') ? text.substr(text.rfind('/') + 1) : text;
}

bool is_component(const Json& value) { return value.is_object() && value.contains("type"); }

/// A name beside tables is the table { type = name }.
void name_types(std::vector<Json>& values) {
  if (std::none_of(values.begin(), values.end(), is_component)) return;
  for (Json& value : values)
    if (value.is_string()) value = Json{{"type", value}};
}

}  // namespace

std::string short_axis(const std::string& path, const std::vector<std::string>& others) {
  const auto tail_of = [](const std::string& text, std::size_t length) {
    return text.size() < length ? std::string() : text.substr(text.size() - length);
  };
  std::size_t dot = path.rfind('.');
  while (dot != std::string::npos) {
    const std::string tail = path.substr(dot);  // with its dot
    const auto is_other = [&](const std::string& other) {
      return other != path && tail_of("." + other, tail.size()) == tail;
    };
    if (std::none_of(others.begin(), others.end(), is_other)) return tail.substr(1);
    dot = dot == 0 ? std::string::npos : path.rfind('.', dot - 1);
  }
  return path;
}

AxisLabels::AxisLabels(const Json& report) {
  for (const char* list : {"rows", "work"}) {
    if (!report.contains(list)) continue;
    for (const Json& entry : report.at(list)) {
      if (!entry.contains("axes")) continue;
      for (const auto& [path, value] : entry.at("axes").items())
        if (auto& known = values_[path];
            std::find(known.begin(), known.end(), value) == known.end())
          known.push_back(value);
    }
  }
  for (auto& [path, known] : values_) {
    if (known.size() > 1) paths_.push_back(path);
    name_types(known);
  }
}

std::string AxisLabels::of(const std::string& path, const Json& value) const {
  const auto known = values_.find(path);
  if (value.is_string() && known != values_.end() &&
      std::any_of(known->second.begin(), known->second.end(), is_component))
    return of(path, Json{{"type", value}});
  if (!is_component(value)) return short_axis(path, paths_) + "=" + plain(value);
  std::vector<const Json*> alike;
  if (known != values_.end())
    for (const Json& other : known->second)
      if (is_component(other) && other.at("type") == value.at("type")) alike.push_back(&other);
  std::string text = plain(value.at("type"));
  for (const auto& [key, mine] : value.items()) {
    const bool tells_apart = std::any_of(alike.begin(), alike.end(), [&](const Json* other) {
      return !other->contains(key) || other->at(key) != mine;
    });
    if (tells_apart) text += " " + key + "=" + plain(mine);
  }
  return text;
}

std::string AxisLabels::of(const Json& axes) const {
  std::string text;
  for (const auto& [path, value] : axes.items()) text += ", " + of(path, value);
  return text;
}

}  // namespace lldm
