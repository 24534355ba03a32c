// SPDX-License-Identifier: MIT
// Moments on the host, with copies that are late: nothing is used before it is there, or after it
// was given back.
#include "lldm/train/host_adamw.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <memory>
#include <vector>

#include "lldm/errors.hpp"
#include "memory/copy_engine.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/resumed.hpp"

using namespace lldm;

namespace {

/// Makes copies only when they are waited for, and poisons a slot between its uses.
class LateCopies final : public memory::CopyEngine {
 public:
  explicit LateCopies(std::size_t slots) : queued_(slots), is_sent_(slots, false) {}

  void begin() override { ++begun; }
  void end() override {
    for (const auto& queue : queued_) left_over += queue.size();
  }
  void fetch(std::size_t slot, const at::Tensor& host, const at::Tensor& device) override {
    if (is_sent_[slot] && !queued_[slot].empty()) ++early;  // what leaves would be written over
    is_sent_[slot] = false;
    poison(host);
    queued_[slot].push_back({host, device});
    ++fetched;
  }
  void send(std::size_t slot, const at::Tensor& device, const at::Tensor& host) override {
    if (!queued_[slot].empty()) ++early;  // computed from what has not arrived
    is_sent_[slot] = true;
    queued_[slot].push_back({device, host});
    ++sent;
  }
  void arrive(std::size_t slot) override { wait(slot); }
  void wait(std::size_t slot) override {
    for (auto& [to, from] : queued_[slot]) {
      to.copy_(from);
      if (is_sent_[slot]) poison(from);
    }
    queued_[slot].clear();
  }

  std::size_t begun = 0, fetched = 0, sent = 0, early = 0, left_over = 0;

 private:
  static void poison(const at::Tensor& host) { at::Tensor(host).fill_(std::nan("")); }

  std::vector<std::vector<std::pair<at::Tensor, at::Tensor>>> queued_;
  std::vector<bool> is_sent_;
};

std::vector<NamedParameter> copies(const std::vector<at::Tensor>& values, at::ScalarType dtype) {
  std::vector<NamedParameter> list;
  for (const at::Tensor& value : values)
    list.push_back({std::to_string(list.size()),
                    value.to(dtype, /*non_blocking=*/false, /*copy=*/true).requires_grad_(true)});
  return list;
}

}  // namespace

TEST_CASE("HostAdamW: late copies and small pieces change no bit of AdamW", "[train][memory]") {
  const std::vector<at::Tensor> start{at::randn({40, 100}), at::randn({7}), at::randn({1000}),
                                      at::randn({0})};
  for (const std::size_t slots : {2UL, 3UL, 5UL}) {
    const auto late = std::make_shared<LateCopies>(slots);
    const auto here = copies(start, at::kFloat), there = copies(start, at::kFloat);
    AdamW wanted(here, {});
    HostAdamW optimizer(there, {}, {late, slots, 512});
    for (int step = 0; step < 5; ++step) {
      for (std::size_t i = 0; i < start.size(); ++i) {
        const at::Tensor slope = at::randn(start[i].sizes());
        at::Tensor(here[i].value).mutable_grad().copy_(slope);
        at::Tensor(there[i].value).mutable_grad().copy_(slope);
      }
      CHECK(wanted.step(1e-2) == optimizer.step(1e-2));
    }
    for (std::size_t i = 0; i < start.size(); ++i) {
      CHECK(at::equal(here[i].value.detach(), there[i].value.detach()));
      CHECK(at::equal(there[i].value.grad(), at::zeros_like(start[i])));
    }
    const auto left = wanted.state(), right = optimizer.state();
    REQUIRE(left.size() == right.size());
    for (std::size_t i = 0; i < left.size(); ++i) CHECK(at::equal(left[i].value, right[i].value));
    CHECK(late->sent == 5 * (8 + 1 + 2));
    CHECK(late->fetched == 2 * late->sent);
    CHECK(late->begun == 5);
    CHECK(late->early == 0);
    CHECK(late->left_over == 0);
  }
}

TEST_CASE("HostAdamW: bfloat16 weights are the nearest to AdamW's float32 ones, and go on as such",
          "[train][memory]") {
  const std::vector<at::Tensor> start{at::randn({40, 100}).to(at::kBFloat16).to(at::kFloat),
                                      at::randn({1000}).to(at::kBFloat16).to(at::kFloat)};
  const auto wide = copies(start, at::kFloat), narrow = copies(start, at::kBFloat16);
  const auto late = std::make_shared<LateCopies>(3);
  AdamW wanted(wide, {});
  auto optimizer =
      std::make_unique<HostAdamW>(narrow, HostAdamW::Options{}, HostRing{late, 3, 512});
  for (int step = 0; step < 12; ++step) {
    if (step == 6) {  // as from a checkpoint: the weights alone are not enough
      auto resumed = std::make_unique<HostAdamW>(narrow, HostAdamW::Options{});
      testing::resume(*resumed, *optimizer);
      optimizer = std::move(resumed);
    }
    for (std::size_t i = 0; i < start.size(); ++i) {
      const at::Tensor slope = at::randn(start[i].sizes()).to(at::kBFloat16);
      at::Tensor(wide[i].value).mutable_grad().copy_(slope);
      at::Tensor(narrow[i].value).mutable_grad().copy_(slope);
    }
    CHECK(wanted.step(1e-4) == optimizer->step(1e-4));  // often below the last bit
  }
  for (std::size_t i = 0; i < start.size(); ++i) {
    CHECK(at::equal(narrow[i].value.detach(), wide[i].value.detach().to(at::kBFloat16)));
    CHECK(at::equal(narrow[i].value.grad(), at::zeros_like(narrow[i].value)));
  }
  const auto state = optimizer->state();
  REQUIRE(state.size() == 6);
  CHECK(state[4].name == "0.master");
  CHECK(at::equal(state[4].value, wide[0].value.detach()));
  for (const NamedParameter& part : state) CHECK(part.value.scalar_type() == at::kFloat);
  CHECK(late->fetched == late->sent);  // gradients come, weights go
  CHECK(late->early == 0);
  CHECK_THROWS_WITH(HostAdamW(copies(start, at::kDouble), {}),
                    testing::contains("legal: float32 and bfloat16 weights"));
}
