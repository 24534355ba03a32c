// SPDX-License-Identifier: MIT
// The arithmetic of the kernel that makes a sampler's noise, against the host's streams, which are
// LibTorch's own Philox.
#include "draws/philox.hpp"

#include <vector>

#include "draws/stream_place.hpp"
#include "lldm/memory/device.hpp"
#include "memory/cuda_library.hpp"
#include "sampler/device_uniforms.hpp"
#include "support/catch.hpp"

using lldm::StreamPlace;

namespace {

/// Keys whose halves differ and whose high bits are set.
std::vector<StreamPlace> places() {
  std::vector<StreamPlace> all = {{0, 0}, {~0ULL, ~0ULL}, {1ULL << 32, 1}, {1, 1ULL << 32}};
  const lldm::Draws draws(7, "places");
  for (std::uint64_t row = 0; row < 12; ++row)
    all.push_back(place_of(draws.stream(lldm::Purpose::sampling, 0, row, row / 3, row << 32)));
  return all;
}

/// The host's numbers, [streams, width].
std::vector<double> wanted(const std::vector<StreamPlace>& streams, std::int64_t width) {
  std::vector<double> all;
  for (const auto& [key, subsequence] : streams) {
    lldm::Stream stream(key, subsequence);
    for (std::int64_t v = 0; v < width; ++v) all.push_back(stream.uniform_open());
  }
  return all;
}

std::vector<double> numbers_of(const at::Tensor& tensor) {
  const at::Tensor here = tensor.to(at::kCPU).contiguous();
  const auto* data = here.const_data_ptr<double>();
  return {data, data + here.numel()};
}

}  // namespace

TEST_CASE("philox_words gives the published vectors", "[cuda][philox]") {
  // Random123 kat_vectors: philox4x32 10, of counters and keys of zeros and of ones.
  constexpr auto zeros = lldm::philox_words(0, 0, 0);
  static_assert(zeros.word[0] == 0x6627e8d5u && zeros.word[1] == 0xe169c58du &&
                zeros.word[2] == 0xbc57ac4cu && zeros.word[3] == 0x9b00dbd8u);
  const auto ones = lldm::philox_words(~0ULL, ~0ULL, ~0ULL);
  CHECK(ones.word[0] == 0x408f276du);
  CHECK(ones.word[1] == 0x41c83b0eu);
  CHECK(ones.word[2] == 0xa20bc7c6u);
  CHECK(ones.word[3] == 0x6d5451fdu);
}

TEST_CASE("place_of names the numbers that a stream gives, read or not", "[cuda][philox]") {
  lldm::Stream stream(0x0123456789abcdefULL, 0xfedcba9876543210ULL);
  for (int reads = 0; reads < 7; ++reads) {
    CHECK(place_of(stream).key == 0x0123456789abcdefULL);
    CHECK(place_of(stream).subsequence == 0xfedcba9876543210ULL);
    stream.bits();
  }
}

TEST_CASE("A stream's words and uniforms are those of their counters, bit by bit",
          "[cuda][philox]") {
  for (const auto& [key, subsequence] : places()) {
    lldm::Stream words(key, subsequence), numbers(key, subsequence);
    for (std::uint64_t block = 0; block < 50; ++block) {
      const auto made = lldm::philox_words(key, subsequence, block);
      for (const std::uint32_t word : made.word) REQUIRE(word == words.bits());
      const auto pair = lldm::uniform_pair(key, subsequence, block);
      REQUIRE(pair.first == numbers.uniform_open());
      REQUIRE(pair.second == numbers.uniform_open());
    }
  }
}

TEST_CASE("uniforms_on gives the host's numbers, on the CPU and on a GPU", "[cuda][philox]") {
  std::vector<at::Device> devices = {at::kCPU};
  const lldm::DeviceChoice choice = lldm::select_device("auto");
  if (choice.device == "cuda")
    devices.emplace_back(at::kCUDA);
  else
    WARN("the kernel did not run: " << choice.reason);
  const auto streams = places();
  for (const at::Device device : devices)
    for (const std::int64_t width : {1, 2, 97, 1000}) {
      const at::Tensor made = lldm::uniforms_on(device, streams, width);
      CHECK(made.size(0) == static_cast<std::int64_t>(streams.size()));
      CHECK(made.size(1) == width);
      CHECK(numbers_of(made) == wanted(streams, width));
    }
}
