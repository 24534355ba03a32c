// SPDX-License-Identifier: MIT
// Low-rank updates that bfloat16 products take with them: those of float32 but for the rounding of
// their inputs, for ranks that they take and one that they do not.
#include <cmath>

#include "lldm/model/determinism.hpp"
#include "model/wide_products.hpp"
#include "support/catch.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

TransformerConfig wide_config() {
  TransformerConfig config = small_config();
  config.width = 64, config.mlp_width = 96, config.kv_heads = config.heads;
  return config;
}

/// The same numbers, updates included, in float32 products.
std::shared_ptr<Transformer> float_twin(const Transformer& model) {
  const c10::NoGradGuard guard;
  auto twin = std::make_shared<Transformer>(model.config(), at::kFloat);
  const auto from = model.weights(), to = twin->weights();
  for (std::size_t i = 0; i < from.size(); ++i) to[i].assign(from[i].value(at::kFloat));
  twin->set_adapter(model.adapter(), "twin");
  twin->set_trainable(true);
  return twin;
}

at::Tensor scores_of(const Transformer& model, const PackedTokens& batch) {
  return model.log_probabilities(model.hidden(batch), batch.tokens);
}

double relative(const at::Tensor& got, const at::Tensor& expected) {
  return got.sub(expected).norm().item<double>() / expected.norm().item<double>();
}

}  // namespace

TEST_CASE("updates beside bfloat16 products are those of float32, rounded", "[model][storage]") {
  const auto plain = make(wide_config(), at::kFloat);
  for (const std::int64_t rank : {2, 3, 8, 16}) {
    INFO("rank " << rank);
    const c10::NoGradGuard guard;
    auto model = std::make_shared<Transformer>(plain->config(),
                                               Precision(at::kBFloat16, WeightStorage::plain));
    const auto from = plain->weights(), to = model->weights();
    for (std::size_t i = 0; i < from.size(); ++i) to[i].assign(from[i].value(at::kFloat));
    adapt(*model, {.rank = rank, .alpha = 2 * std::sqrt(static_cast<double>(rank))});
    const auto twin = float_twin(*model);
    const auto batch = random_batch(model->config(), {17, 40, 64});
    const c10::AutoGradMode grad(true);
    const auto own = scores_of(*model, batch), expected = scores_of(*twin, batch);
    // The update is much of what the model says, so that one which is wrong shows.
    REQUIRE(relative(scores_of(*plain, batch), expected) > 0.2);
    CHECK(relative(own, expected) < 0.02);
    const auto mine = gradients(*model, weighted(own)),
               theirs = gradients(*twin, weighted(expected));
    REQUIRE(mine.size() == theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) CHECK(relative(mine[i], theirs[i]) < 0.05);
  }
}

TEST_CASE("rows of bfloat16 products with updates are their own", "[model][storage]") {
  auto model =
      std::make_shared<Transformer>(wide_config(), Precision(at::kBFloat16, WeightStorage::plain));
  {
    const c10::NoGradGuard guard;
    const auto plain = make(wide_config(), at::kFloat);
    const auto from = plain->weights(), to = model->weights();
    for (std::size_t i = 0; i < from.size(); ++i) to[i].assign(from[i].value(at::kFloat));
  }
  adapt(*model, {.rank = 8, .alpha = 16});
  const c10::NoGradGuard guard;
  const auto batch = random_batch(model->config(), {33, 64, 21});
  const auto together = scores_of(*model, batch);
  for (std::size_t i = 0; i + 1 < batch.offsets.size(); ++i) {
    PackedTokens alone;
    const std::int64_t begin = batch.offsets[i], count = batch.offsets[i + 1] - begin;
    alone.tokens = batch.tokens.narrow(0, begin, count).clone();
    alone.offsets = {0, count};
    CHECK(scores_of(*model, alone).equal(together.narrow(0, begin, count)));
  }
}
