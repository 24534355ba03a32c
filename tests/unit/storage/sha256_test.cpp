// SPDX-License-Identifier: MIT
#include "lldm/storage/sha256.hpp"

#include <filesystem>
#include <fstream>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

// FIPS 180-4 examples and NIST's SHA-256 long test ("a" a million times).
constexpr auto kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr auto kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr auto kTwoBlocks = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr auto kMillion = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
constexpr auto kFourBlocks = "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1";

}  // namespace

TEST_CASE("Sha256 gives NIST's example digests", "[data][sha256]") {
  CHECK(sha256_hex("") == kEmpty);
  CHECK(sha256_hex("abc") == kAbc);
  CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") == kTwoBlocks);
  CHECK(sha256_hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                   "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu") == kFourBlocks);
  CHECK(sha256_hex(std::string(1000000, 'a')) == kMillion);
}

TEST_CASE("Sha256 does not depend on how the bytes are cut", "[data][sha256]") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7 + 1);
  for (std::size_t length = 0; length <= 200; ++length) {
    const std::string_view whole(text.data(), length);
    for (const std::size_t step : {1, 3, 55, 56, 63, 64, 65}) {
      Sha256 hash;
      for (std::size_t at = 0; at < length; at += step) hash.update(whole.substr(at, step));
      REQUIRE(hash.hex() == sha256_hex(whole));
    }
  }
}

TEST_CASE("Sha256 may be read in the middle of a stream", "[data][sha256]") {
  Sha256 hash;
  CHECK(hash.hex() == kEmpty);
  hash.update("a").update("bc");
  CHECK(hash.hex() == kAbc);
  hash.update("dbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
  CHECK(hash.hex() == kTwoBlocks);
}

TEST_CASE("sha256_file reads a file longer than one piece and refuses a missing one",
          "[data][sha256]") {
  const auto path = std::filesystem::temp_directory_path() / "lldm_sha256_test.bin";
  const std::string text((1 << 20) + 12345, 'q');
  std::ofstream(path, std::ios::binary) << text;
  CHECK(sha256_file(path) == sha256_hex(text));
  std::ofstream(path, std::ios::binary | std::ios::trunc);
  CHECK(sha256_file(path) == kEmpty);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(sha256_file(path), DataError);
}
