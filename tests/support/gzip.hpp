// SPDX-License-Identifier: MIT
// Reading of .gz fixtures.
#pragma once

#include <zlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace lldm::testing {

/// The whole text of a gzip file; throws on a damaged or missing one.
inline std::string read_gzip(const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw std::runtime_error("cannot open " + path.string());
  std::string text;
  char buffer[1 << 16];
  int count = 0;
  while ((count = gzread(file, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(count));
  const bool is_damaged = count < 0;
  if (gzclose_r(file) != Z_OK || is_damaged)
    throw std::runtime_error("damaged gzip file " + path.string());
  return text;
}

}  // namespace lldm::testing
