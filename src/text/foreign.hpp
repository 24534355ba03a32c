// SPDX-License-Identifier: MIT
// Files of other kinds that are given by mistake, recognised by their first bytes.
#pragma once

#include <string>
#include <string_view>

namespace lldm {

/// What a file is that begins so, and the remedy in a second line: "is compressed with gzip\n
/// unpack it first: gunzip FILE".  "" for text of our kinds and for what is not known.
/// `begin` is the file's beginning, 512 bytes or all of it.
[[nodiscard]] std::string foreign_format(std::string_view begin);

}  // namespace lldm
