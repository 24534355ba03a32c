// SPDX-License-Identifier: MIT
// What is given up where memory is short, in its order.
#include "memory/reclaim.hpp"

#include <ATen/ops/empty.h>

#include <string>
#include <utility>
#include <vector>

#include "lldm/memory/manager.hpp"
#include "memory/block_cache.hpp"
#include "support/catch.hpp"

using namespace lldm;
using memory::ReclaimRegistration;
using memory::ReclaimStep;

namespace {

at::Tensor bytes(std::int64_t count) {
  return at::empty({count}, at::TensorOptions().dtype(at::kByte));
}

std::vector<std::string> names(const std::vector<memory::Reclaimed>& given) {
  std::vector<std::string> list;
  for (const memory::Reclaimed& one : given) list.emplace_back(name_of(one.step));
  return list;
}

}  // namespace

TEST_CASE("reclaim: every step in its order, what gives nothing left out", "[memory]") {
  memory::BlockCache::instance().trim();
  std::vector<std::string> order;
  std::int64_t look_ahead = 100;
  const ReclaimRegistration chunk(ReclaimStep::logits_chunk, [&]() -> std::int64_t {
    order.emplace_back("chunk");
    return 7;
  });
  const ReclaimRegistration weights(ReclaimStep::look_ahead, [&] {
    order.emplace_back("weights");
    return std::exchange(look_ahead, 0);
  });
  CHECK(names(memory::reclaim_all()) == std::vector<std::string>{"look_ahead", "logits_chunk"});
  CHECK(order == std::vector<std::string>{"weights", "chunk"});
  const auto again = memory::reclaim_all();
  REQUIRE(names(again) == std::vector<std::string>{"logits_chunk"});
  CHECK(again.front().bytes == 7);
}

TEST_CASE("reclaim: a hook is asked as long as it is registered", "[memory]") {
  memory::BlockCache::instance().trim();
  int asked = 0;
  {
    const ReclaimRegistration hook(ReclaimStep::look_ahead,
                                   [&]() -> std::int64_t { return ++asked; });
    CHECK(memory::reclaim_all().size() == 1);
  }
  CHECK(memory::reclaim_all().empty());
  CHECK(asked == 1);
}

TEST_CASE("reclaim: a passed soft budget asks for what serves its purpose, once", "[memory]") {
  MemoryManager manager;
  manager.install();
  static_cast<void>(memory::reclaim_all());
  const ReclaimRegistration weights(ReclaimStep::look_ahead, [] { return std::int64_t{1}; });
  const ReclaimRegistration chunk(ReclaimStep::logits_chunk, [] { return std::int64_t{1}; });
  manager.set_budget(MemoryDevice::cpu, MemoryPurpose::logits, {100});
  CHECK(memory::reclaim_asked().empty());
  {
    const PurposeScope scope(MemoryPurpose::logits);
    static_cast<void>(bytes(101));
  }
  CHECK(names(memory::reclaim_asked()) == std::vector<std::string>{"logits_chunk"});
  CHECK(memory::reclaim_asked().empty());
}

TEST_CASE("reclaim: a purpose has kept blocks given back once, not at every step", "[memory]") {
  static_cast<void>(memory::reclaim_all());
  const auto keep_a_block = [] { static_cast<void>(bytes(std::int64_t{1} << 20)); };
  MemoryManager manager;
  manager.install();
  static_cast<void>(memory::reclaim_asked());
  keep_a_block();
  memory::ask_to_reclaim(MemoryPurpose::gradients);
  CHECK(names(memory::reclaim_asked()) == std::vector<std::string>{"kept_blocks"});
  keep_a_block();
  memory::ask_to_reclaim(MemoryPurpose::gradients);
  CHECK(memory::reclaim_asked().empty());
  manager.set_budget(MemoryDevice::cpu, MemoryPurpose::gradients, {1});
  memory::ask_to_reclaim(MemoryPurpose::gradients);
  CHECK(names(memory::reclaim_asked()) == std::vector<std::string>{"kept_blocks"});
  keep_a_block();
  memory::ask_to_reclaim(MemoryPurpose::optimizer);
  CHECK(names(memory::reclaim_asked()) == std::vector<std::string>{"kept_blocks"});
  keep_a_block();
  CHECK(names(memory::reclaim_all()) == std::vector<std::string>{"kept_blocks"});  // short: always
}

TEST_CASE("reclaim: host blocks that are kept for later uses go back to the system", "[memory]") {
  MemoryManager manager;
  manager.install();
  static_cast<void>(memory::reclaim_all());
  {
    const at::Tensor large = bytes(std::int64_t{8} << 20);
  }
  if (memory::BlockCache::instance().use().idle_bytes == 0) return;  // a build without the cache
  const auto given = memory::reclaim_all();
  REQUIRE(names(given) == std::vector<std::string>{"kept_blocks"});
  CHECK(given.front().bytes >= std::int64_t{8} << 20);
  CHECK(memory::BlockCache::instance().use().idle_bytes == 0);
}
