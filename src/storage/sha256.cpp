// SPDX-License-Identifier: MIT
#include "lldm/storage/sha256.hpp"

#include <openssl/evp.h>
#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <vector>

#include "storage/input_file.hpp"

namespace lldm {
namespace {

[[noreturn]] void refuse() { throw Error("libcrypto refuses to compute SHA-256"); }

/// Fetched once: the look-up costs more than hashing a short text.
const EVP_MD* algorithm() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (!found) refuse();
  return found;
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* state) const { EVP_MD_CTX_free(state); }

Sha256::Sha256() : state_(EVP_MD_CTX_new()) {
  if (!state_ || EVP_DigestInit_ex2(state_.get(), algorithm(), nullptr) != 1) refuse();
}

Sha256::Sha256(const Sha256& other) : state_(EVP_MD_CTX_new()) {
  if (!state_ || EVP_MD_CTX_copy_ex(state_.get(), other.state_.get()) != 1) refuse();
}

Sha256& Sha256::operator=(const Sha256& other) {
  if (EVP_MD_CTX_copy_ex(state_.get(), other.state_.get()) != 1) refuse();
  return *this;
}

Sha256::~Sha256() = default;

Sha256& Sha256::update(const void* data, std::size_t size) {
  if (EVP_DigestUpdate(state_.get(), data, size) != 1) refuse();
  return *this;
}

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  return update(bytes.data(), bytes.size());
}

Sha256& Sha256::update(std::string_view text) { return update(text.data(), text.size()); }

std::array<std::uint8_t, 32> Sha256::digest() const {
  const Sha256 last = *this;
  std::array<std::uint8_t, 32> bytes;
  if (EVP_DigestFinal_ex(last.state_.get(), bytes.data(), nullptr) != 1) refuse();
  return bytes;
}

std::string Sha256::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : digest()) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string sha256_hex(std::string_view text) { return Sha256().update(text).hex(); }

std::string sha256_file(const std::filesystem::path& path) {
  InputFile file(path);
  Sha256 hash;
  std::vector<char> piece(1 << 20);
  while (const std::size_t bytes = file.read(piece.data(), piece.size()))
    hash.update(piece.data(), bytes);
  return hash.hex();
}

}  // namespace lldm
