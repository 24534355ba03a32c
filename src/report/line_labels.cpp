// SPDX-License-Identifier: MIT
#include "report/line_labels.hpp"

#include <algorithm>
#include <set>

#include "experiment/axis_labels.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// The paths of which the lines of a stage have two values or more.
std::set<std::string> varying(const std::vector<const LineOf*>& lines) {
  std::map<std::string, const Json*> first;
  std::set<std::string> paths;
  for (const LineOf* line : lines)
    for (const auto& [path, value] : line->axes.items())
      if (const auto [at, is_new] = first.emplace(path, &value); !is_new && *at->second != value)
        paths.insert(path);
  return paths;
}

Json only(const Json& axes, const std::set<std::string>& paths) {
  Json kept = Json::object();
  for (const auto& [path, value] : axes.items())
    if (paths.contains(path)) kept[path] = value;
  return kept;
}

/// Adds the paths that some of the lines have and others have not, where without them two lines of
/// other axes read alike.
void tell_apart(const std::vector<const LineOf*>& lines, std::set<std::string>& paths,
                const AxisLabels& labels) {
  for (const LineOf* a : lines)
    for (const LineOf* b : lines) {
      if (a->axes == b->axes || labels.of(only(a->axes, paths)) != labels.of(only(b->axes, paths)))
        continue;
      for (const LineOf* line : {a, b})
        for (const auto& [path, value] : line->axes.items())
          if (!a->axes.contains(path) || !b->axes.contains(path)) paths.insert(path);
    }
}

}  // namespace

std::vector<std::string> line_labels(const std::vector<LineOf>& lines) {
  Json known = {{"rows", Json::array()}};
  std::map<std::string, std::vector<const LineOf*>> by_stage;
  std::map<std::string, std::set<std::string>> evaluations;
  for (const LineOf& line : lines) {
    known["rows"].push_back({{"axes", line.axes}});
    by_stage[line.stage].push_back(&line);
    if (!line.evaluated_by.empty()) evaluations[line.stage].insert(line.evaluated_by);
  }
  const AxisLabels labels(known);
  std::map<std::string, std::set<std::string>> paths;
  for (const auto& [stage, of_stage] : by_stage) {
    paths[stage] = varying(of_stage);
    tell_apart(of_stage, paths[stage], labels);
  }
  std::vector<std::string> texts;
  for (const LineOf& line : lines)
    texts.push_back(line.stage + labels.of(only(line.axes, paths.at(line.stage))) +
                    (line.seeds.empty() ? "" : ", " + line.seeds) +
                    (evaluations[line.stage].size() > 1 && !line.evaluated_by.empty()
                         ? " (" + line.evaluated_by + ")"
                         : ""));
  return texts;
}

Json common_axes(const Json& a, const Json& b) {
  Json common = Json::object();
  for (const auto& [path, value] : a.items())
    if (b.contains(path) && b.at(path) == value) common[path] = value;
  return common;
}

}  // namespace lldm
