// SPDX-License-Identifier: MIT
#include "lldm/config/role.hpp"

#include <utility>

namespace lldm {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, kRoles.size()> kNames = {{
    {"forward_process", "forward processes"},
    {"noise_schedule", "noise schedules"},
    {"score_estimator", "score estimators"},
    {"objective", "objectives"},
    {"sampler", "samplers"},
    {"remasking", "remasking rules"},
    {"task", "tasks"},
}};
constexpr std::array<std::pair<std::string_view, Role>, 12> kOtherNames = {{
    {"forward_processes", Role::forward_process},
    {"processes", Role::forward_process},
    {"noise_schedules", Role::noise_schedule},
    {"schedules", Role::noise_schedule},
    {"score_estimators", Role::score_estimator},
    {"estimators", Role::score_estimator},
    {"objectives", Role::objective},
    {"remasking_rules", Role::remasking},
    {"remaskings", Role::remasking},
    {"commit_rules", Role::remasking},
    {"samplers", Role::sampler},
    {"tasks", Role::task},
}};

}  // namespace

std::string_view role_name(Role role) { return kNames[static_cast<std::size_t>(role)].first; }
std::string_view role_plural(Role role) { return kNames[static_cast<std::size_t>(role)].second; }

std::optional<Role> role_from_text(std::string_view text) {
  for (const Role role : kRoles)
    if (role_name(role) == text || role_plural(role) == text) return role;
  for (const auto& [name, role] : kOtherNames)
    if (name == text) return role;
  return std::nullopt;
}

}  // namespace lldm
