// SPDX-License-Identifier: MIT
// The project's one SHA-256: fingerprints, manifests, checkpoints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's

namespace lldm {

/// Streaming SHA-256 by OpenSSL's libcrypto.  Copyable, so that the digest of a prefix can be taken
/// without ending the stream; not to be used after it was moved from.
///
/// Cost    about 0.6 s a GiB where the processor has SHA instructions, 2.5 s where it has not
/// Source  FIPS 180-4, section 6.2.
/// Tests   unit/storage/sha256_test.cpp (NIST's example vectors)
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256& other);
  Sha256(Sha256&&) noexcept = default;
  Sha256& operator=(const Sha256& other);
  Sha256& operator=(Sha256&&) noexcept = default;
  ~Sha256();

  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  Sha256& update(const void* data, std::size_t size);

  /// Digest of everything given so far as 64 lower-case hexadecimal digits; the stream may go on.
  [[nodiscard]] std::string hex() const;
  /// The same as 32 bytes.
  [[nodiscard]] std::array<std::uint8_t, 32> digest() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* state) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> state_;
};

/// Hexadecimal SHA-256 of a text.
[[nodiscard]] std::string sha256_hex(std::string_view text);

/// Hexadecimal SHA-256 of a file's content, read in pieces of 1 MiB.
///
/// Errors  DataError if the file cannot be opened or read.
[[nodiscard]] std::string sha256_file(const std::filesystem::path& path);

}  // namespace lldm
