// SPDX-License-Identifier: MIT
// What a write to a full disk says.  Internal to src.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {

/// Does `act`; a full disk is reported with what is needed and what is free.
template <class Act>
void with_room(const std::filesystem::path& path, std::uint64_t bytes, FileOps& ops,
               const Act& act) {
  try {
    act();
  } catch (const FileError& error) {
    if (!error.is_disk_full()) throw;
    throw FileError(
        message("cannot write \"", path.string(), "\": ", std::strerror(error.code()), "\n  need ",
                bytes_text(bytes), ", have ",
                bytes_text(ops.free_bytes(path.has_parent_path() ? path.parent_path() : ".")),
                "\n  free some space or quota there and run the same command again"),
        path, error.code());
  }
}

}  // namespace lldm
