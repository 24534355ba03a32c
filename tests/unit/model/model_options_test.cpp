// SPDX-License-Identifier: MIT
#include "lldm/model/model_options.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>

#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

namespace {

const lldm::ModelTokens kTokens{.vocabulary_size = 64, .mask = 63, .end_of_text = 1, .padding = 1};
const lldm::Draws kDraws(1, "t");

std::string error_of(const lldm::ModelOptions& options, const lldm::ModelTokens& tokens = kTokens) {
  try {
    lldm::make_model(options, tokens, kDraws);
  } catch (const lldm::ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("ModelOptions make the model they describe", "[model][options]") {
  lldm::ModelOptions options;
  options.kv_heads = 2, options.qkv_bias = true, options.rope_theta = 100,
  options.exclude_mask_logit = true;
  const auto model = lldm::make_model(options, kTokens, kDraws);
  const auto& config = dynamic_cast<const lldm::Transformer&>(*model).config();
  CHECK(config.width == 64);
  CHECK(config.kv_heads == 2);
  CHECK(config.mlp_width == 176);
  CHECK(config.rope_theta == 100);
  CHECK(config.qkv_bias);
  CHECK(config.logit_columns == 64);
  CHECK(config.mask_token == 63);
  CHECK(model->excluded_logit() == 63);
  CHECK(model->parameters().front().value.requires_grad());
  CHECK(lldm::make_model({.dtype = lldm::ModelDtype::float64}, kTokens, kDraws)->dtype() ==
        at::kDouble);
  CHECK_FALSE(lldm::make_model({}, kTokens, kDraws)->excluded_logit());
  // By hand: 2 * 63 * 64 + 64 + 3 * (4 * 64 * 64 + 3 * 64 * 176 + 2 * 64).
  CHECK(lldm::transformer_config({}, {.vocabulary_size = 63}).num_parameters() == 159'040);
}

TEST_CASE("ModelOptions load a folder and refuse keys that contradict it", "[model][options]") {
  const lldm::testing::TemporaryFolder folder;
  lldm::ModelOptions options;
  options.layers = 2;
  const auto saved = lldm::make_model(options, kTokens, kDraws);
  saved->save(folder.path());
  options.path = folder.path().string();
  const auto loaded = lldm::make_model(options, kTokens, lldm::Draws(2, "u"));
  CHECK(at::equal(saved->parameters().front().value, loaded->parameters().front().value));
  CHECK(loaded->parameters().front().value.requires_grad());

  options.width = 128, options.layers = 4;
  CHECK(error_of(options) ==
        "[model] keys that contradict path = \"" + folder.path().string() +
            "\"\n  width = 128, the folder has 64\n  layers = 4, the folder has 2\n"
            "  leave them out: the folder's config.json has the sizes");
  options = {};
  options.path = folder.path().string();
  CHECK(error_of(options, {.vocabulary_size = 65}).find("the tokenizer has 65 tokens") !=
        std::string::npos);
  CHECK(error_of(options, {.vocabulary_size = 64, .mask = 5})
            .find("mask token is 5, the model's is 63") != std::string::npos);
}

TEST_CASE("vocab_size gives a fresh model more rows than the tokenizer has ids, never fewer",
          "[model][options]") {
  const lldm::testing::TemporaryFolder folder;
  lldm::ModelOptions options{.vocab_size = 100};
  const auto config = lldm::transformer_config(options, kTokens);
  CHECK(config.logit_columns == 100);
  CHECK(config.embedding_rows() == 100);
  CHECK(config.mask_token == 63);
  CHECK(lldm::transformer_config({}, kTokens).logit_columns == 64);
  options.vocab_size = 63;
  CHECK(error_of(options) ==
        "[model] vocab_size = 63: the tokenizer has 64 ids\n  legal: at least as many, or 0");
  options.vocab_size = 100;
  lldm::make_model(options, kTokens, kDraws)->save(folder.path());
  options.path = folder.path().string();
  CHECK(error_of(options).empty());
  options.vocab_size = 99;
  CHECK(error_of(options).find("vocab_size = 99, the folder has 100") != std::string::npos);
}

TEST_CASE("a folder's model may take shorter texts, and none longer", "[model][options]") {
  const lldm::testing::TemporaryFolder folder, again;
  lldm::make_model({.layers = 1, .max_length = 96}, kTokens, kDraws)->save(folder.path());
  CHECK(lldm::load_model_shape(folder.path()).max_length == 96);
  CHECK(lldm::load_model_shape(folder.path(), 40).max_length == 40);
  CHECK(lldm::load_model_shape(folder.path(), 40).table_values <
        lldm::load_model_shape(folder.path()).table_values);
  CHECK(lldm::load_model_shape(folder.path(), 1000).max_length == 96);
  const auto whole = lldm::load_transformer(folder.path());
  const auto model = lldm::make_model({.path = folder.path(), .max_length = 40}, kTokens, kDraws);
  CHECK(model->shape().max_length == 40);
  lldm::PackedTokens batch;
  batch.tokens = at::arange(40);
  batch.offsets = {0, 40};
  CHECK(at::equal(model->hidden(batch), whole->hidden(batch)));  // positions are the same
  batch.tokens = at::arange(41);
  batch.offsets = {0, 41};
  CHECK_THROWS_WITH(model->hidden(batch), lldm::testing::contains("max_length = 40"));
  CHECK_NOTHROW(whole->hidden(batch));
  model->save(again.path());  // the context of the published folder stays
  CHECK(lldm::load_model_config(again.path()).max_length == 96);
  CHECK(error_of({.path = folder.path(), .max_length = 97})
            .find("max_length = 97, the folder has 96; less is legal") != std::string::npos);
  std::string note;
  CHECK(lldm::planned_shape({.path = folder.path(), .max_length = 40}, "", note).max_length == 40);
}

TEST_CASE("ModelOptions name what does not exist or does not fit", "[model][options]") {
  CHECK(error_of({.family = "gemma"}) ==
        "[model] family = \"gemma\" does not exist\n  families: llada, smdm, dream, qwen2, qwen3, "
        "llama");
  CHECK(error_of({.family = "smdm", .qkv_bias = true}) ==
        "[model] qkv_bias = true: family \"smdm\" has no biases");
  CHECK(error_of({.storage = lldm::WeightStorage::nf4}) ==
        "[model] storage: fresh weights are trained, which takes storage = \"float32\" or "
        "\"bfloat16\"\n  set path "
        "to a folder whose weights stay as they are");
  CHECK(error_of({.heads = 7}) ==
        "[model]: sizes that do not fit\n  width must be an even multiple of heads (RoPE turns "
        "pairs), got 64 and 7");
  CHECK(error_of({.exclude_mask_logit = true}, {.vocabulary_size = 8}) ==
        "[model] exclude_mask_logit = true: the tokenizer has no mask token");
}
