// SPDX-License-Identifier: MIT
// The project's one SHA-256: fingerprints, manifests, checkpoints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace lldm {

/// Streaming SHA-256.  Copyable, so that the digest of a prefix can be taken without ending the
/// stream.
///
/// Source  FIPS 180-4, section 6.2.   Tests  unit/data/sha256_test.cpp (NIST's example vectors)
class Sha256 {
 public:
  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  Sha256& update(const void* data, std::size_t size);

  /// Digest of everything given so far as 64 lower-case hexadecimal digits; the stream may go on.
  [[nodiscard]] std::string hex() const;
  /// The same as 32 bytes.
  [[nodiscard]] std::array<std::uint8_t, 32> digest() const;

 private:
  void compress(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block_ = {};
  std::uint64_t total_bytes_ = 0;
};

/// Hexadecimal SHA-256 of a text.
[[nodiscard]] std::string sha256_hex(std::string_view text);

/// Hexadecimal SHA-256 of a file's content, read in pieces of 1 MiB.
///
/// Errors  DataError if the file cannot be opened or read.
[[nodiscard]] std::string sha256_file(const std::filesystem::path& path);

}  // namespace lldm
