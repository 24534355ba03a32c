// SPDX-License-Identifier: MIT
// Model folders of other programs, named for what they are.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace lldm {

/// DataError for a folder without config.json that is a PEFT adapter, or whose weights are one.
void refuse_foreign_folder(const std::filesystem::path& folder);

/// What a folder without model.safetensors holds instead, as further lines of an error; "" if
/// nothing that is known.
[[nodiscard]] std::string other_weights_hint(const std::filesystem::path& folder);

/// What wrapper the names of a model's tensors show, with the remedy; "" where they are plain.
/// `tensors` is a map from names.
[[nodiscard]] std::string prefix_problem(std::string_view prefix, std::string_view example);

/// Prefixes that wrappers put before every name of a state_dict.
inline constexpr std::array<std::string_view, 5> kWrapperPrefixes = {
    "module.", "_orig_mod.", "_fsdp_wrapped_module.", "base_model.model.", "model.model."};

template <class Map>
[[nodiscard]] std::string foreign_prefix(const Map& tensors) {
  for (const std::string_view prefix : kWrapperPrefixes)
    if (!tensors.empty() && std::all_of(tensors.begin(), tensors.end(), [&](const auto& item) {
          return item.first.starts_with(prefix);
        }))
      return prefix_problem(prefix, tensors.begin()->first);
  return "";
}

}  // namespace lldm
