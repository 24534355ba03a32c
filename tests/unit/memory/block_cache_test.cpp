// SPDX-License-Identifier: MIT
#include "memory/block_cache.hpp"

#include <cstring>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace lldm::memory {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

}  // namespace

TEST_CASE("BlockCache: a block that came back is given again, not to a class far below") {
  BlockCache cache;
  void* first = cache.take(5 * kMiB);
  std::memset(first, 1, 5 * kMiB);
  cache.give_back(first, 5 * kMiB);
  CHECK(cache.use().idle_bytes == 5 * kMiB);
  void* other = cache.take(9 * kMiB);
  CHECK(other != first);
  void* again = cache.take(5 * kMiB - 100);  // rounded up to the same class
  CHECK(again == first);
  CHECK(cache.use().idle_bytes == 0);
  CHECK(cache.use().mapped == 2);
  cache.give_back(again, 5 * kMiB - 100);
  cache.give_back(other, 9 * kMiB);
  CHECK(cache.use().live_bytes == 0);
  CHECK(cache.trim() == static_cast<std::int64_t>(14 * kMiB));
  CHECK(cache.use().idle_bytes == 0);
}

TEST_CASE("BlockCache: passes of ragged lengths share blocks, and each is counted as what it is") {
  BlockCache cache;
  void* large = cache.take(10 * kMiB);
  cache.give_back(large, 10 * kMiB);
  void* less = cache.take(8 * kMiB);  // a quarter below: the same block
  CHECK(less == large);
  CHECK(cache.use().live_bytes == 10 * kMiB);
  cache.give_back(less, 8 * kMiB);
  CHECK(cache.use().live_bytes == 0);
  CHECK(cache.use().idle_bytes == 10 * kMiB);
  void* least = cache.take(7 * kMiB);
  CHECK(least != large);
  void* again = cache.take(10 * kMiB);  // what was lent for less is whole again
  CHECK(again == large);
  cache.give_back(least, 7 * kMiB);
  cache.give_back(again, 10 * kMiB);
  void* small = cache.take(kMiB);
  cache.give_back(small, kMiB);
  CHECK(cache.take(kMiB / 2) == small);
  CHECK(cache.use().mapped == 3);
  cache.give_back(small, kMiB / 2);
  CHECK(cache.use().live_bytes == 0);
  cache.trim();
}

TEST_CASE("BlockCache: classes waste an eighth at most") {
  for (std::size_t bytes = kMiB; bytes < 64 * kMiB; bytes += 77777) {
    const std::size_t size = BlockCache::class_bytes(bytes);
    CHECK(size >= bytes);
    CHECK(static_cast<double>(size) <= 1.125 * static_cast<double>(bytes));
    CHECK(size % 4096 == 0);
  }
}

TEST_CASE("BlockCache: what is kept and what is live stay below what was live once") {
  BlockCache cache;
  constexpr auto kBlock = 64 * kMiB, kLess = 48 * kMiB;
  constexpr auto kMost = static_cast<std::int64_t>(4 * kBlock) + BlockCache::kSlackBytes;
  std::vector<void*> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(cache.take(kBlock));
  for (void* block : blocks) cache.give_back(block, kBlock);
  CHECK(cache.use().idle_bytes == 4 * kBlock);  // all: as much was live
  // A phase of other sizes, which are too small for the old blocks: those go, the oldest first,
  // before a new one would pass the most that was live, and not only when one comes back.
  std::vector<void*> others;
  for (int i = 0; i < 5; ++i) {
    others.push_back(cache.take(kLess));
    CHECK(cache.use().live_bytes + cache.use().idle_bytes <= kMost);
  }
  CHECK(cache.use().idle_bytes == kBlock);
  cache.give_back(others.back(), kLess);
  CHECK(cache.use().idle_bytes == kBlock + kLess);
  CHECK(cache.take(kLess) == others.back());  // what came back last goes last
  CHECK(cache.take(kBlock) == blocks.back());
  for (void* block : others) cache.give_back(block, kLess);
  cache.give_back(blocks.back(), kBlock);
  CHECK(cache.use().live_bytes == 0);
  cache.trim();
}

TEST_CASE("BlockCache: threads take and give back side by side") {
  BlockCache cache;
  const auto work = [&](std::size_t seed) {
    for (std::size_t i = 0; i < 300; ++i) {
      const std::size_t bytes = (1 + (seed * 7 + i * 13) % 5) * kMiB;
      auto* block = static_cast<char*>(cache.take(bytes));
      block[0] = block[bytes - 1] = static_cast<char>(seed);
      if (block[0] != static_cast<char>(seed) || block[bytes - 1] != static_cast<char>(seed))
        throw std::runtime_error("two owners");
      cache.give_back(block, bytes);
    }
  };
  std::thread one(work, 1), two(work, 2);
  one.join(), two.join();
  CHECK(cache.use().live_bytes == 0);
  cache.trim();
}

}  // namespace lldm::memory
