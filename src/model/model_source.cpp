// SPDX-License-Identifier: MIT
#include "model/model_source.hpp"

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/adapter_folder.hpp"

namespace lldm {

ModelSource model_source(const std::filesystem::path& folder) {
  if (!is_adapter_folder(folder)) return {folder, SealedFolder(folder), {}};
  AdapterBase base = find_adapter_base(folder);
  SealedFolder sealed(
      base.folder, std::move(base.files),
      message("changed since the adapter ", folder.string(), " was trained beside it"));
  const PurposeScope purpose(MemoryPurpose::staging);
  return {base.folder, std::move(sealed), load_adapter(folder)};
}

}  // namespace lldm
