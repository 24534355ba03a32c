// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// What a model is in the report's comparison.
enum class ReportRole : std::uint8_t { none, base, clean_sft, start, preference, control };
constexpr auto choices(std::type_identity<ReportRole>) {
  using R = ReportRole;
  return std::array{Choice<R>{"none", R::none},
                    Choice<R>{"base", R::base},
                    Choice<R>{"clean_sft", R::clean_sft},
                    Choice<R>{"start", R::start},
                    Choice<R>{"preference", R::preference},
                    Choice<R>{"control", R::control}};
}
std::string_view to_string(ReportRole role);

}  // namespace lldm
