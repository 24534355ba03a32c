// SPDX-License-Identifier: MIT
// What a checkpoint takes while it is read, and what is said of one that does not belong here.
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>

#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/train/adamw.hpp"
#include "lldm/train/checkpoint.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::vector<NamedParameter> weights(std::int64_t count, std::int64_t side) {
  std::vector<NamedParameter> list;
  for (std::int64_t i = 0; i < count; ++i)
    list.push_back({"w" + std::to_string(i), at::randn({side, side}).requires_grad_(true)});
  return list;
}

}  // namespace

TEST_CASE("load_checkpoint holds a piece of a tensor beside what it is copied into",
          "[train][memory]") {
  constexpr std::int64_t kCount = 12, kSide = 384, kBytes = kSide * kSide * 4;
  static_assert(kBytes > 2 * kTensorPieceBytes);
  const TemporaryFolder folder;
  const auto saved = weights(kCount, kSide);
  AdamW optimizer(saved, {});
  for (const NamedParameter& one : saved)
    at::Tensor(one.value).mutable_grad().copy_(at::randn({kSide, kSide}));
  (void)optimizer.step(1e-2);
  save_checkpoint(folder.path(), {.step = 1, .identity = "work", .tokenizer = "words"}, saved,
                  optimizer, 1);

  const auto mine = weights(kCount, kSide);
  AdamW resumed(mine, {});
  MemoryManager memory;
  memory.install();
  const MemoryManager::Watch watch(memory);
  const auto load = [&](const std::vector<NamedParameter>& parameters, Optimizer& into) {
    return load_checkpoint(folder.path() / "step-00000001", "work", "words", parameters, into);
  };
  load(mine, resumed);
  CHECK(watch.growth_bytes(MemoryDevice::cpu) >= kTensorPieceBytes);
  CHECK(watch.growth_bytes(MemoryDevice::cpu) < 2 * kTensorPieceBytes);
  for (std::size_t i = 0; i < mine.size(); ++i)
    CHECK(at::equal(mine[i].value.detach(), saved[i].value.detach()));
  const auto states = optimizer.state(), theirs = resumed.state();
  for (std::size_t i = 0; i < states.size(); ++i)
    CHECK(at::equal(states[i].value, theirs[i].value));

  const auto fewer = weights(kCount - 1, kSide), other = weights(kCount, kSide / 2);
  AdamW of_fewer(fewer, {}), of_other(other, {});
  CHECK_THROWS_WITH(load(fewer, of_fewer), contains("holds 12 tensors, the stage has 11"));
  CHECK_THROWS_WITH(load(other, of_other), contains("no tensor \"w0\" of shape [192, 192]"));
}
