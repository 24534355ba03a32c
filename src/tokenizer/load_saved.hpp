// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/tokenizer/special_names.hpp"

namespace lldm {

/// The tokenizer that `Tokenizer::save` wrote; the type that its file names decides.
/// Errors  DataError naming file and JSON path.
[[nodiscard]] std::shared_ptr<const Tokenizer> load_saved_tokenizer(
    const std::filesystem::path& path);

/// DataError if one of `names` is not what a saved tokenizer says.
void check_saved_names(const SpecialNames& names, const std::filesystem::path& path);

}  // namespace lldm
