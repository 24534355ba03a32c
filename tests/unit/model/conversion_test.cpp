// SPDX-License-Identifier: MIT
#include "lldm/model/conversion.hpp"

#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::shared_ptr<Transformer> tiny(const std::string& family) {
  TransformerConfig config = family_defaults(family);
  config.width = 16, config.layers = 2, config.heads = config.kv_heads = 2, config.mlp_width = 12,
  config.vocabulary = config.logit_columns = 10, config.end_of_text_token = 1;
  return make_transformer(config, {.head_std = 0.5}, Draws(1, "t"));
}

}  // namespace

TEST_CASE("a conversion with an unused id keeps every weight", "[model][conversion]") {
  const auto model = tiny("qwen2");
  const auto made = converted(*model, {.mask_token = 7});
  CHECK(made->config().mask_token == 7);
  CHECK(made->config().shifted_logits);
  const auto from = model->parameters(), to = made->parameters();
  for (std::size_t i = 0; i < from.size(); ++i) CHECK(at::equal(from[i].value, to[i].value));
  CHECK_THROWS_WITH(converted(*model, {.mask_token = 10}), contains("mask id 10 has no row"));
  CHECK_THROWS_WITH(converted(*model, {.mask_token = 1}),
                    "mask id 1 is the model's end-of-text token");
}

TEST_CASE("a conversion may add the mask's row, the mean of the others", "[model][conversion]") {
  const c10::NoGradGuard guard;
  for (const char* family : {"llama", "qwen3", "smdm"}) {
    INFO(family);
    const auto model = tiny(family);
    const auto made = converted(*model, {.shifted_logits = false});
    const std::int64_t mask = *made->config().mask_token;
    CHECK(mask == model->config().embedding_rows());
    CHECK(made->vocabulary_size() == model->vocabulary_size() + 1);
    CHECK_FALSE(made->config().shifted_logits);
    const auto old_rows = model->parameters().front().value,
               new_rows = made->parameters().front().value;
    CHECK(new_rows[mask].sub(old_rows.mean(0)).abs().max().item<double>() < 1e-6);
    // Texts without the mask have the rows and the logits that they had.
    const auto batch = random_batch(model->config(), {20});
    const auto rows = model->raw_hidden(batch);
    CHECK(at::equal(made->raw_hidden(batch), rows));
    const std::int64_t columns = model->config().logit_columns;
    CHECK(made->logits(rows)
              .narrow(1, 0, columns)
              .sub(model->logits(rows).narrow(1, 0, columns))
              .abs()
              .max()
              .item<double>() < 1e-5);
  }
}
