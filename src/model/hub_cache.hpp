// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace lldm {

/// The snapshot in the Hugging Face client's cache of the model that the last two parts of `path`
/// name ("OWNER/NAME"); nothing where there is none.  Looks in $HF_HUB_CACHE, $HF_HOME/hub,
/// $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub, the first that is set.
std::optional<std::filesystem::path> cached_snapshot(const std::filesystem::path& path);

/// Whether a text has the form OWNER/NAME, in which the hub names models.
bool is_hub_name(const std::string& text);

/// The snapshot of the model that `name` names, where it is OWNER/NAME, no file or folder of that
/// name is in `folder`, and the cache has it; else nothing.
std::optional<std::filesystem::path> named_snapshot(const std::string& name,
                                                    const std::filesystem::path& folder = "");

}  // namespace lldm
