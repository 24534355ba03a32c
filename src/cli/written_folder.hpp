// SPDX-License-Identifier: MIT
// What the commands that write a model folder from another have in common.
#pragma once

#include <filesystem>
#include <memory>

#include "cli/command.hpp"
#include "lldm/model/model_folder.hpp"

namespace lldm::cli {

/// The folder of --out; ConfigError where it is missing or something is there.
std::filesystem::path new_folder(const Arguments& arguments);

/// What the folder's tensors are stored as; --dtype says otherwise.
SaveOptions save_options(const Arguments& arguments, const std::filesystem::path& from);

/// float64 for a folder that holds such numbers: float32 would narrow them.
std::shared_ptr<Transformer> load_widest(const std::filesystem::path& folder);

/// The model, beside it the files of `from` that say how text becomes ids; says so.
void save_beside(const Transformer& model, const std::filesystem::path& from,
                 const std::filesystem::path& out, const SaveOptions& options);

}  // namespace lldm::cli
