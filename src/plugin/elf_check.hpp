// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace lldm {

/// Checks that a file is a whole shared library of this machine before the dynamic linker maps it:
/// a truncated one would end the process with SIGBUS.  Looked at are the ELF header, and that every
/// program header, section header, segment and section lies inside the file.
///
/// Errors  PluginError naming the file and what is wrong; for a missing file, where it was looked
///         for.
void check_shared_library(const std::filesystem::path& file);

}  // namespace lldm
