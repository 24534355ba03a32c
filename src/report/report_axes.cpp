// SPDX-License-Identifier: MIT
#include "report/report_axes.hpp"

#include <algorithm>
#include <cctype>

#include "experiment/axis_labels.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// A component without the number that its budget is counted in: an estimator of a study at several
/// budgets is one line, and one that differs in anything else another.
Json without_budget(const Json& value) {
  static const std::map<std::string, std::string> counted = {{"full_trajectory", "steps"},
                                                             {"monte_carlo_elbo", "draws"},
                                                             {"segmented", "segments"},
                                                             {"complementary_pair", "pairs"},
                                                             {"quadrature", "nodes"},
                                                             {"block_aligned", "draws"},
                                                             {"eubo", "draws"},
                                                             {"any_order", "replicates"},
                                                             {"adaptive", "max"}};
  if (!value.is_object() || !value.contains("type")) return value;
  Json kept = value;
  if (const auto key = counted.find(value.at("type").get<std::string>()); key != counted.end())
    kept.erase(key->second);
  return kept;
}

void keep_varying(AxisFamily& family) {
  for (const ReportGroup* group : family.groups)
    for (const auto& [path, value] : group->axes.items())
      if (auto& known = family.values[path];
          std::find(known.begin(), known.end(), value) == known.end())
        known.push_back(value);
  std::erase_if(family.values, [](const auto& entry) { return entry.second.size() < 2; });
}

/// Whether the values of `a` say those of `b` in every group, and the other way round.
bool move_together(const AxisFamily& family, const std::string& a, const std::string& b) {
  std::map<std::string, std::string> forth, back;
  for (const ReportGroup* group : family.groups) {
    const Json& axes = group->axes;
    if (!axes.contains(a) || !axes.contains(b)) continue;
    const std::string mine = axes.at(a).dump(), theirs = axes.at(b).dump();
    if (forth.emplace(mine, theirs).first->second != theirs) return false;
    if (back.emplace(theirs, mine).first->second != mine) return false;
  }
  return !forth.empty();
}

void drop_tied(AxisFamily& family) {
  for (auto a = family.values.begin(); a != family.values.end(); ++a)
    for (auto b = std::next(a); b != family.values.end();)
      b = a->first != "budget" && b->first != "budget" && move_together(family, a->first, b->first)
              ? family.values.erase(b)
              : std::next(b);
}

}  // namespace

bool AxisFamily::is_numeric(const std::string& path) const {
  const auto found = values.find(path);
  return found != values.end() && std::all_of(found->second.begin(), found->second.end(),
                                              [](const Json& value) { return value.is_number(); });
}

std::string AxisFamily::name_of(const std::string& path) const {
  std::vector<std::string> paths;
  for (const auto& [other, known] : values) paths.push_back(other);
  return short_axis(path, paths);
}

std::string AxisFamily::title_of(const std::string& path, bool is_evaluated) const {
  if (path == "budget")
    return is_evaluated ? "evaluated forward passes per text" : "nominal forward passes per text";
  const std::string name = name_of(path);
  if (path.ends_with("objective.beta")) return name + " [1/nat]";
  if (name == "steps" && path.ends_with("score_estimator.steps"))
    return "diffusion steps of the score";
  if (name == "draws" && path.ends_with("score_estimator.draws")) return "draws of the score";
  if (name == "steps" && path.ends_with("optimizer.steps")) return "optimizer steps";
  return name;
}

std::vector<std::pair<std::string, std::vector<const ReportGroup*>>> AxisFamily::split(
    const std::vector<std::string>& paths) const {
  const bool is_over_budget = std::find(paths.begin(), paths.end(), "budget") != paths.end();
  Json rows = Json::array();
  std::vector<Json> others;
  for (const ReportGroup* group : groups) {
    Json other = Json::object(), shown = Json::object();
    for (const auto& [path, value] : group->axes.items()) {
      if (!values.contains(path)) continue;
      const bool is_shown = std::find(paths.begin(), paths.end(), path) != paths.end();
      (is_shown ? shown : other)[path] = is_over_budget ? without_budget(value) : value;
    }
    rows.push_back({{"axes", other}});
    rows.push_back({{"axes", std::move(shown)}});  // no other axis is called as one of the plot
    others.push_back(std::move(other));
  }
  const AxisLabels labels(Json{{"rows", std::move(rows)}});
  std::vector<std::pair<std::string, std::vector<const ReportGroup*>>> parts;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::string name = labels.of(others[g]);
    if (!groups[g]->seeds.empty()) name += ", " + groups[g]->seeds;
    if (name.starts_with(", ")) name.erase(0, 2);
    if (groups[g]->name != groups[g]->label)  // another line of the report reads alike
      name += (name.empty() ? "[" : " [") + groups[g]->run + "]";
    const auto at = std::find_if(parts.begin(), parts.end(),
                                 [&](const auto& part) { return part.first == name; });
    if (at == parts.end())
      parts.emplace_back(name, std::vector{groups[g]});
    else
      at->second.push_back(groups[g]);
  }
  return parts;
}

std::vector<AxisFamily> axis_families(const ReportGroups& groups) {
  std::vector<AxisFamily> families;
  for (const ReportGroup& group : groups) {
    const std::string& by = group.rows.front()->evaluated_by;
    const std::string name = group.stage + (by.empty() ? "" : " (" + by + ")");
    auto at = std::find_if(families.begin(), families.end(),
                           [&](const AxisFamily& family) { return family.name == name; });
    if (at == families.end()) at = families.insert(families.end(), {name, {}, {}, true});
    at->groups.push_back(&group);
  }
  std::vector<std::string> stages;
  for (AxisFamily& family : families) {
    keep_varying(family);
    drop_tied(family);
    const std::string& stage = family.groups.front()->stage;
    family.is_first = std::find(stages.begin(), stages.end(), stage) == stages.end();
    stages.push_back(stage);
  }
  std::erase_if(families, [](const AxisFamily& family) { return family.values.empty(); });
  if (families.size() == 1) families.front().name.clear();
  return families;
}

std::string as_file_name(const std::string& text) {
  std::string name;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)))
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  while (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

}  // namespace lldm
