// SPDX-License-Identifier: MIT
// The axes of a report's rows, sorted out for plots.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "report/report_table.hpp"

namespace lldm {

/// Groups that are measured alike: one stage, one evaluation.  Of axes that move together (tied, or
/// a component and a key that follows from it) only the first counts.
struct AxisFamily {
  std::string name;  // "" where there is one only, else "tuned (scores)"
  std::vector<const ReportGroup*> groups;
  std::map<std::string, std::vector<Axes>> values;  // by path, more than one each
  bool is_first = true;  // of its stage: others of it differ in what measured the models only

  [[nodiscard]] bool is_numeric(const std::string& path) const;
  /// "tuned.objective.beta" -> "beta", if no other varying axis is called so.
  [[nodiscard]] std::string name_of(const std::string& path) const;
  /// How it is called on a plot, with its unit where it has one: "beta [1/nat]".
  /// `is_evaluated`: the passes of a budget that were evaluated, not those that were planned.
  [[nodiscard]] std::string title_of(const std::string& path, bool is_evaluated = false) const;
  /// The groups with equal values of all varying axes but `paths`, by what those axes say, and by
  /// their seeds where those have lines of their own.
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<const ReportGroup*>>> split(
      const std::vector<std::string>& paths) const;
};

std::vector<AxisFamily> axis_families(const ReportGroups& groups);

/// For a file's name: letters, digits and _.
std::string as_file_name(const std::string& text);

}  // namespace lldm
