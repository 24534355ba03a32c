// SPDX-License-Identifier: MIT
// Weights that pass through a few slots, with copies that are late and slots that are written over:
// the same bits as weights that lie there.
#include "model/streamed_store.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/model_folder.hpp"
#include "support/contains.hpp"
#include "support/late_copies.hpp"
#include "support/temporary_folder.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

constexpr std::int64_t kLayers = 5;

struct Streamed {
  std::shared_ptr<LateCopies> copies;
  std::shared_ptr<Transformer> model;
};

/// A folder of a family with several blocks, and its model in two placements.
class Folder {
 public:
  explicit Folder(const std::string& family, at::ScalarType dtype = at::kFloat) {
    TransformerConfig config = family_model(family)->config();
    config.layers = kLayers;
    save_transformer(*make(config, at::kFloat), folder_.path(), {.dtype = dtype});
  }
  [[nodiscard]] std::shared_ptr<Transformer> resident(const Precision& precision) const {
    return load_transformer(folder_.path(), {.precision = precision});
  }
  [[nodiscard]] Streamed streamed(const Precision& precision, std::int64_t blocks, bool poisons,
                                  bool arrives = true) const {
    auto copies = std::make_shared<LateCopies>(static_cast<std::size_t>(blocks), arrives);
    return {copies, load_transformer(folder_.path(), {.precision = precision,
                                                      .placement = {FrozenWeights::streamed, blocks,
                                                                    copies, poisons}})};
  }

 private:
  TemporaryFolder folder_;
};

/// Rows, scores and the gradients of an adapter, over two passes whose graphs are alive together.
std::vector<at::Tensor> numbers_of(Transformer& model, const PackedTokens& batch,
                                   Recomputation recomputation) {
  model.set_recomputation(recomputation);
  const auto score = [&] { return model.log_probabilities(model.hidden(batch), batch.tokens); };
  std::vector<at::Tensor> list;
  {
    const c10::NoGradGuard no_gradient;
    list.push_back(score());
    const auto queried = at::arange(0, batch.num_tokens(), 3);
    list.push_back(model.logits(model.hidden_at(batch, queried)));
  }
  for (auto& slope : gradients(model, weighted(score()).add(weighted(score().exp()))))
    list.push_back(slope);
  return list;
}

void check_equal(const std::vector<at::Tensor>& left, const std::vector<at::Tensor>& right) {
  REQUIRE(left.size() == right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    INFO("tensor " << i);
    CHECK(at::equal(left[i], right[i]));
  }
}

const WeightStorage kStorages[] = {WeightStorage::plain, WeightStorage::bfloat16,
                                   WeightStorage::int8, WeightStorage::nf4};

}  // namespace

TEST_CASE("StreamedStore: late copies and slots written over change no bit, for every family",
          "[model][memory]") {
  for (const auto& family : family_names())
    for (const auto storage : kStorages)
      for (const std::int64_t blocks : {2, 3})
        for (const bool poisons : {false, true}) {
          INFO(family << ", storage " << static_cast<int>(storage) << ", " << blocks << " blocks"
                      << (poisons ? ", written over" : ""));
          const Folder folder(family);
          const auto resident = folder.resident({at::kFloat, storage});
          const auto [copies, model] = folder.streamed({at::kFloat, storage}, blocks, poisons);
          CHECK(model->is_streamed());
          adapt(*resident), adapt(*model);
          const auto batch = random_batch(model->config(), {9, 20, 5});
          for (const auto recomputation : {Recomputation::none, Recomputation::selective,
                                           Recomputation::full, Recomputation::offload})
            check_equal(numbers_of(*resident, batch, recomputation),
                        numbers_of(*model, batch, recomputation));
          CHECK(copies->sent > 0);
          CHECK(copies->lost == 0);
        }
}

TEST_CASE("StreamedStore: products of bfloat16 and float64 are those of resident weights",
          "[model][memory]") {
  const Folder folder("llada");
  for (const Precision& precision :
       {Precision(at::kBFloat16), Precision(at::kBFloat16, WeightStorage::bfloat16),
        Precision(at::kDouble)}) {
    const auto resident = folder.resident(precision);
    const auto model = folder.streamed(precision, 2, true).model;
    adapt(*resident), adapt(*model);
    const auto batch = random_batch(model->config(), {30, 3});
    check_equal(numbers_of(*resident, batch, Recomputation::full),
                numbers_of(*model, batch, Recomputation::full));
  }
}

TEST_CASE("StreamedStore: whoever does not wait for a copy is seen", "[model][memory]") {
  const Folder folder("llada");
  const auto resident = folder.resident(at::kFloat);
  const auto model = folder.streamed(at::kFloat, 2, false, /*arrives=*/false).model;
  const auto batch = random_batch(model->config(), {12});
  const c10::NoGradGuard no_gradient;
  CHECK_FALSE(at::equal(resident->hidden(batch), model->hidden(batch)));
}

TEST_CASE("StreamedStore: a turn of the walk copies nothing, and the next block comes by itself",
          "[model][memory]") {
  const Folder folder("llada");
  const auto [copies, model] = folder.streamed(at::kFloat, 2, false);
  adapt(*model);
  const auto batch = random_batch(model->config(), {12});
  const auto step = [&, copies = copies, model = model] {
    const std::size_t before = copies->sent;
    weighted(model->hidden(batch).reshape({-1})).backward();
    return copies->sent - before;
  };
  CHECK(step() == 2 * kLayers - 2);  // both of the top are there when the walk turns
  CHECK(step() == 2 * kLayers - 4);  // and both of the bottom
  const c10::NoGradGuard no_gradient;
  for (const std::size_t wanted : {kLayers - 2 + 1UL, kLayers + 0UL}) {
    const std::size_t before = copies->sent;
    (void)model->hidden(batch);
    CHECK(copies->sent - before == wanted);  // the first one of the next pass is on its way
  }
}

TEST_CASE("StreamedStore: the reference of an adapter shares the slab and the ring",
          "[model][memory]") {
  MemoryManager memory;
  memory.install();
  const Folder folder("llada");
  const auto held = [&] {
    return memory.report().find(MemoryDevice::cpu)->of(MemoryPurpose::weights).current_bytes;
  };
  const auto model = folder.streamed(at::kFloat, 2, true).model;
  const auto before = held();
  adapt(*model);
  const auto reference = clone_frozen(*model);
  CHECK(held() == before);
  const auto batch = random_batch(model->config(), {12});
  const c10::NoGradGuard no_gradient;
  CHECK(at::equal(model->hidden(batch), reference->hidden(batch)));
}

TEST_CASE("StreamedStore: the frozen copy of trained weights may be streamed", "[model][memory]") {
  const auto policy = make(small_config(), at::kFloat);
  const auto copy = clone_frozen(*policy, {FrozenWeights::streamed, 2});
  CHECK(copy->is_streamed());
  const auto batch = random_batch(policy->config(), {12, 7});
  const c10::NoGradGuard no_gradient;
  CHECK(at::equal(policy->hidden(batch), copy->hidden(batch)));
}

TEST_CASE("StreamedStore: weights are named, changed, merged and saved where they lie",
          "[model][memory]") {
  const Folder folder("llada");
  const auto resident = folder.resident(at::kFloat);
  const auto model = folder.streamed(at::kFloat, 2, false).model;
  const auto batch = random_batch(model->config(), {12, 7});
  const c10::NoGradGuard no_gradient;
  adapt(*resident), adapt(*model);
  const auto before = model->hidden(batch);
  for (const auto& each : {resident, model}) each->merge_adapter();
  const auto merged = model->hidden(batch);
  CHECK(at::equal(resident->hidden(batch), merged));
  CHECK_FALSE(at::equal(before, merged));
  const auto left = resident->parameters(), right = model->parameters();
  REQUIRE(left.size() == right.size());
  for (std::size_t i = 0; i < left.size(); ++i) CHECK(at::equal(left[i].value, right[i].value));
  const TemporaryFolder out;
  save_transformer(*model, out.path());
  CHECK(at::equal(load_transformer(out.path())->hidden(batch), merged));
  for (const auto storage : kStorages) {
    const auto other = folder.streamed({at::kFloat, storage}, 2, false).model;
    const auto first = other->hidden(batch);
    const auto weight = other->weights()[2];
    weight.assign(weight.value(at::kFloat).flip({0}).contiguous());
    CHECK_FALSE(at::equal(first, other->hidden(batch)));
  }
}

TEST_CASE("StreamedStore: weights that are trained are refused", "[model][memory]") {
  const Folder folder("llada");
  CHECK_THROWS_WITH(folder.streamed(at::kFloat, 2, false).model->set_trainable(true),
                    contains("[memory] frozen_weights = \"resident\""));
}

TEST_CASE("StreamedStore: more blocks than slots cannot be held, and look-ahead can be given up",
          "[model][memory]") {
  BlockWeights like;
  like.attn_norm = at::zeros({8});
  like.q_proj = Matrix(at::zeros({8, 8}));
  auto store = std::make_shared<StreamedStore>(like, 6, at::kCPU,
                                               WeightPlacement{FrozenWeights::streamed, 2});
  CHECK(store->slot_bytes() == 256);
  const std::weak_ptr<const StreamedStore> watched = store;
  for (std::size_t i = 0; i < 6; ++i) {
    const c10::NoGradGuard no_gradient;
    at::Tensor(store->stored(i)->q_proj.values()).fill_(static_cast<double>(i));
  }
  {
    const auto first = store->acquire(0), again = store->acquire(0), second = store->acquire(1);
    CHECK(first == again);
    CHECK(first->q_proj.values().sum().item<double>() == 0);
    CHECK(second->q_proj.values().sum().item<double>() == 64);
    CHECK_THROWS_WITH(store->acquire(4), contains("streamed_blocks"));
    CHECK(store->drop_look_ahead() == 0);
  }
  const auto given = memory::reclaim_all();  // it is what goes first where memory is short
  REQUIRE_FALSE(given.empty());
  CHECK(given.front().step == memory::ReclaimStep::look_ahead);
  CHECK(given.front().bytes == 256);
  CHECK(store->drop_look_ahead() == 0);
  for (const std::size_t i : {4UL, 0UL, 5UL})
    CHECK(store->acquire(i)->q_proj.values().sum().item<double>() == 64 * static_cast<double>(i));
  auto held = store->acquire(2);
  store.reset();
  CHECK_FALSE(watched.expired());  // a block that is held keeps its store
  held.reset();
  CHECK(watched.expired());
}
