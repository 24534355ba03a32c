// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lldm {

/// What a component is for.  The name is that of its TOML table and of its concept.
enum class Role : std::uint8_t {
  forward_process,
  noise_schedule,
  score_estimator,
  objective,
  sampler,
  remasking,  // concept CommitRule
  task,
};
inline constexpr std::array kRoles = {Role::forward_process,
                                      Role::noise_schedule,
                                      Role::score_estimator,
                                      Role::objective,
                                      Role::sampler,
                                      Role::remasking,
                                      Role::task};

/// "forward_process"
[[nodiscard]] std::string_view role_name(Role role);
/// "forward processes"
[[nodiscard]] std::string_view role_plural(Role role);
/// "objective", "objectives", "score_estimator", "score_estimators", "estimators" ...
[[nodiscard]] std::optional<Role> role_from_text(std::string_view text);

}  // namespace lldm
