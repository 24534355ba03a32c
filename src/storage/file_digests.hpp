// SPDX-License-Identifier: MIT
// What large files hold, without reading them at every start.
#pragma once

#include <filesystem>
#include <string>

namespace lldm {

/// The SHA-256 of a file.  That of one of 1 MiB or more is remembered by what the file system says
/// of it: device, inode, size and the times of its last change, of which the last (ctime) moves
/// with every write and cannot be set.
///
/// Errors  InputError if it cannot be read.
[[nodiscard]] std::string file_digest(const std::filesystem::path& file);

/// Remembers what `keep_digests` wrote; a missing or damaged table is none.
void recall_digests(const std::filesystem::path& table);

/// Writes what is remembered, if `table` does not say it; nothing is no table.
///
/// Errors  FileError.
void keep_digests(const std::filesystem::path& table);

}  // namespace lldm
