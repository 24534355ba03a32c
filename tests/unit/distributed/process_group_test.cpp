// SPDX-License-Identifier: MIT
// Sums, copies and texts over the processes of a run, and one of them that fails or is gone.
#include "lldm/distributed/process_group.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include <chrono>
#include <future>
#include <mutex>
#include <thread>

#include "lldm/memory/manager.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/processes.hpp"

namespace lldm {
namespace {

using testing::expect;
using testing::on_ranks;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

bool is_clean(const std::vector<std::string>& thrown) {
  for (const std::string& text : thrown)
    if (!text.empty()) {
      UNSCOPED_INFO(text);
      return false;
    }
  return true;
}

}  // namespace

TEST_CASE("sums are those of all ranks, and the same everywhere") {
  const int size = GENERATE(2, 3, 4);
  std::mutex mutex;
  std::vector<at::Tensor> floats, halves, doubles;
  CHECK(is_clean(on_ranks(size, [&](const std::shared_ptr<ProcessGroup>& shared) {
    ProcessGroup& group = *shared;
    expect(group.size() == size && group.local_size() == size, "size");
    expect(group.local_rank() == group.rank(), "local rank");
    const double mine = 0.1 * (group.rank() + 1);
    const at::Tensor a = at::arange(100003, at::kFloat) * mine,
                     b = at::full({7}, mine, at::kDouble), c = at::full({5}, mine, at::kBFloat16);
    group.sum(a);
    group.sum(b);
    group.sum(c);
    const std::lock_guard lock(mutex);
    floats.push_back(a), doubles.push_back(b), halves.push_back(c);
  })));
  const double factor = 0.1 * size * (size + 1) / 2;
  REQUIRE(floats.size() == static_cast<std::size_t>(size));
  for (const at::Tensor& sum : floats) {
    CHECK(at::equal(sum, floats.front()));
    CHECK(sum[100002].item<double>() == Approx(100002 * factor).epsilon(1e-6));
  }
  CHECK(doubles.front()[3].item<double>() == Approx(factor).epsilon(1e-14));
  CHECK(halves.front()[4].item<double>() == Approx(factor).epsilon(1e-2));
}

TEST_CASE("a sum that one rank has no memory for is refused on all, and the next one is right") {
  MemoryManager memory;
  memory.install();
  const auto live = [&] { return memory.report().find(MemoryDevice::cpu)->total.current_bytes; };
  const std::int64_t copies = 4 * ProcessGroup::kSlice;  // of float32, beside 16 bits
  std::mutex mutex;
  std::vector<at::Tensor> sums;
  int refused = 0;
  CHECK(is_clean(on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& shared) {
    ProcessGroup& group = *shared;
    const at::Tensor values = at::full({ProcessGroup::kSlice + 5}, group.rank() + 1, at::kBFloat16);
    static_cast<void>(group.gather(""));
    group.agree_on_room([&] {  // both are threads of this process: one of them finds room
      if (group.is_first()) memory.set_budget(MemoryDevice::cpu, {live() + copies * 3 / 2});
    });
    try {
      group.sum(values);
    } catch (const OutOfMemory&) {
      const std::lock_guard lock(mutex);
      ++refused;
    }
    expect(values[7].item<float>() == static_cast<float>(group.rank() + 1), "nothing was summed");
    group.begin_work();
    group.agree_on_room([&] { memory.set_budget(MemoryDevice::cpu, {0}); });
    group.sum(values);
    const std::lock_guard lock(mutex);
    sums.push_back(values);
  })));
  CHECK(refused == 2);
  for (const at::Tensor& sum : sums)
    CHECK(at::equal(sum, at::full({ProcessGroup::kSlice + 5}, 3, at::kBFloat16)));
}

TEST_CASE("a rank that fails before it has begun its sums leaves none of the others' open") {
  CHECK(is_clean(on_ranks(3, [](const std::shared_ptr<ProcessGroup>& shared) {
    ProcessGroup& group = *shared;
    group.prepare_sums(at::Device(at::kCPU));
    for (int round = 0; round < 3; ++round) {
      // Rank 0 begins none, rank 1 two, rank 2 all four, of sizes and dtypes of their own.
      std::vector<at::Tensor> values;
      for (int i = 0; i < 4; ++i)
        values.push_back(at::full({3 + 70000 * i}, 1.0, i % 2 ? at::kDouble : at::kFloat));
      const auto begin = [&](int count) {
        for (int i = 0; i < count; ++i)
          expect(group.begin_sum(values[static_cast<std::size_t>(i)]), "it begins");
      };
      begin(2 * group.rank());
      std::string heard;
      try {
        static_cast<void>(group.agree([&]() -> std::string {
          if (group.rank() == 0) throw DataError("the disk is full");
          return {};
        }));
      } catch (const DataError& error) {
        heard = error.what();
      }
      expect(heard.find("the disk is full") != std::string::npos, "all hear of it");
      group.wait_sums();
      group.begin_work();
      // The next ones are those of all ranks.
      values.assign(1, at::full({1001}, group.rank() + 1.0, at::kFloat));
      begin(1);
      group.wait_sums();
      expect(values[0][1000].item<float>() == 6, "1 + 2 + 3");
    }
  })));
}

TEST_CASE("sums that were begun are those of all ranks, whatever is said in between") {
  CHECK(is_clean(on_ranks(3, [](const std::shared_ptr<ProcessGroup>& shared) {
    ProcessGroup& group = *shared;
    group.prepare_sums(at::Device(at::kCPU));
    std::vector<at::Tensor> values;
    for (int i = 0; i < 20; ++i)
      values.push_back(at::full({1 + 5000 * (i % 7)}, (group.rank() + 1) * (i + 1), at::kFloat));
    const at::Tensor half = at::full({3}, 1.0, at::kBFloat16);
    const auto say = [&] {
      expect(group.gather(std::to_string(group.rank())).back() == "2", "what the last one says");
    };
    if (group.rank() == 1) say();  // before the sums there, behind them elsewhere
    for (const at::Tensor& value : values) expect(group.begin_sum(value), "it begins");
    expect(!group.begin_sum(half), "16 bits are summed elsewhere");
    if (group.rank() != 1) say();
    group.wait_sums();
    for (int i = 0; i < 20; ++i)
      expect((values[static_cast<std::size_t>(i)] == 6.0 * (i + 1)).all().item<bool>(), "sums");
    expect(half[0].item<double>() == 1, "left alone");
    group.wait_sums();  // nothing is under way
  })));
}

TEST_CASE("every rank hears the texts of all, short and long") {
  CHECK(is_clean(on_ranks(3, [](const std::shared_ptr<ProcessGroup>& shared) {
    ProcessGroup& group = *shared;
    const auto text_of = [](int rank) {
      return std::string(static_cast<std::size_t>(rank == 1 ? 100000 : rank * 3),
                         static_cast<char>('a' + rank));
    };
    for (int round = 0; round < 3; ++round) {
      const auto texts = group.gather(text_of(group.rank()));
      expect(texts.size() == 3, "three texts");
      for (int rank = 0; rank < 3; ++rank)
        expect(texts[static_cast<std::size_t>(rank)] == text_of(rank), "whole texts");
    }
    const at::Tensor values = at::full({3, 2}, group.rank(), at::kInt);
    group.broadcast(values, 2);
    expect(values[2][1].item<int>() == 2, "rank 2's values");
  })));
}

TEST_CASE("what one rank throws, all throw, and they can go on") {
  const auto thrown = on_ranks(3, [](const std::shared_ptr<ProcessGroup>& shared) {
    ProcessGroup& group = *shared;
    const auto fail = [&] {
      return group.agree([&]() -> std::string {
        if (group.rank() == 1) throw DataError("row 17 is empty");
        return "fine";
      });
    };
    try {
      static_cast<void>(fail());
      throw Error("nothing was thrown");
    } catch (const DataError&) {
    }
    group.begin_work();
    expect(group.agree([] { return std::string("fine"); }).back() == "fine", "it goes on");
    static_cast<void>(fail());
  });
  CHECK(thrown[1] == "row 17 is empty");
  for (const int other : {0, 2}) {
    CHECK(thrown[static_cast<std::size_t>(other)].find("rank 1 (host ") == 0);
    CHECK(thrown[static_cast<std::size_t>(other)].find("row 17 is empty") != std::string::npos);
  }
}

TEST_CASE("a failure before an agreement inside another one ends both on all ranks") {
  for (const int culprit : {0, 1}) {
    const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
      try {
        static_cast<void>(group->agree([&] {
          if (group->rank() == culprit) throw DataError("row 3 is empty");
          return group->agree([] { return std::string("inner"); }).front();
        }));
        throw Error("nothing was thrown");
      } catch (const DataError&) {
      }
      group->begin_work();
      expect(group->agree([] { return std::string("next"); }).back() == "next", "it goes on");
    });
    CHECK(is_clean(thrown));
  }
}

TEST_CASE("a failure between two agreements reaches the others in the next one") {
  const auto thrown = on_ranks(2, [](const std::shared_ptr<ProcessGroup>& shared) {
    ProcessGroup& group = *shared;
    try {
      if (group.rank() == 0) throw OutOfMemory("no room");
      static_cast<void>(group.agree([] { return std::string("next"); }));
    } catch (const std::exception&) {
      group.tell_failure();
      throw;
    }
  });
  CHECK(thrown[0] == "no room");
  CHECK(thrown[1].find("no room") != std::string::npos);
}

TEST_CASE("a rank that leaves is named, with its reason, by those who wait for it") {
  const auto begin = Clock::now();
  const auto thrown = on_ranks(3, [](const std::shared_ptr<ProcessGroup>& shared) {
    ProcessGroup& group = *shared;
    if (group.rank() == 2) throw Error("the disk is on fire");
    static_cast<void>(group.gather("still here"));
  });
  CHECK(seconds_since(begin) < 20);
  for (const std::size_t other : {0, 1}) {
    CHECK(thrown[other].find("rank 2 (host ") == 0);
    CHECK(thrown[other].find("the disk is on fire") != std::string::npos);
  }
}

TEST_CASE("a rank that is at work when another dies is told on another thread, in 30 s") {
  StoreKeeper keeper("test");
  const auto join = [&](int rank) {
    return ProcessGroup::join({.rank = rank, .size = 2, .port = keeper.port(), .prefix = "test"},
                              60);
  };
  std::shared_ptr<ProcessGroup> first, second;
  std::thread other([&] { second = join(1); });
  first = join(0);
  other.join();
  std::promise<std::string> told;
  first->when_stuck([&](const std::string& verdict) { told.set_value(verdict); });
  keeper.tell_death(1, "was killed by signal 9");
  std::future<std::string> verdict = told.get_future();
  // Time to hear of it by itself comes first.
  CHECK(verdict.wait_for(std::chrono::seconds(5)) == std::future_status::timeout);
  REQUIRE(verdict.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  CHECK_THAT(verdict.get(), testing::contains("was killed by signal 9"));
  CHECK_THROWS_AS(first->require_all(), LostRank);
}

TEST_CASE("ranks that do not come are named") {
  const StoreKeeper keeper("test");
  const Rendezvous meeting{.rank = 1, .size = 3, .port = keeper.port(), .prefix = "test"};
  CHECK_THROWS_WITH(static_cast<void>(ProcessGroup::join(meeting, 0.5)),
                    testing::contains("rank 0, 2"));
}

}  // namespace lldm
