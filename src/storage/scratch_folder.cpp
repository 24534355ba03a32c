// SPDX-License-Identifier: MIT
#include "storage/scratch_folder.hpp"

#include <cstdlib>
#include <string>
#include <system_error>

#include "lldm/errors.hpp"

namespace lldm {

ScratchFolder::ScratchFolder(std::string_view purpose) {
  std::string name =
      (std::filesystem::temp_directory_path() / message("lldm-", purpose, "-XXXXXX")).string();
  if (!::mkdtemp(name.data())) throw Error("no folder can be made in " + name);
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace lldm
