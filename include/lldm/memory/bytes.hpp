// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace lldm {

/// A size as people read it: "512 B", "1.50 KiB", "36.9 GiB"; three significant digits.
[[nodiscard]] std::string bytes_text(std::int64_t bytes);
/// The same rounded up: read back as a size it is no smaller.  `bytes` >= 0.
[[nodiscard]] std::string bytes_text_above(std::int64_t bytes);

}  // namespace lldm
