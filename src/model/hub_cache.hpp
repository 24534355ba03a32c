// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>

namespace lldm {

/// The snapshot in the Hugging Face client's cache of the model that the last two parts of `path`
/// name ("OWNER/NAME"); nothing where there is none.  Looks in $HF_HUB_CACHE, $HF_HOME/hub,
/// $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub, the first that is set.
std::optional<std::filesystem::path> cached_snapshot(const std::filesystem::path& path);

}  // namespace lldm
