// SPDX-License-Identifier: MIT
// Where the numbers of a model folder lie.  Private to src.
#pragma once

#include <filesystem>
#include <vector>

#include "lldm/model/lora.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {

struct ModelSource {
  std::filesystem::path weights;    // the folder itself, or the base of an adapter
  SealedFolder sealed;              // what its files are checked against while they are read
  std::vector<LoraUpdate> updates;  // of a folder that holds an adapter alone
};

/// Errors  DataError as load_adapter and find_adapter_base.
ModelSource model_source(const std::filesystem::path& folder);

}  // namespace lldm
