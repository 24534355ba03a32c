// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace lldm {

/// Whether a folder holds a tokenizer that `load_tokenizer` would read: lldm_tokenizer.json or one
/// of the published files.  Says nothing of what is in it.
[[nodiscard]] bool has_tokenizer(const std::filesystem::path& folder);

}  // namespace lldm
