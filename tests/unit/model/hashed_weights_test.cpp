// SPDX-License-Identifier: MIT
#include "model/hashed_weights.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/storage/published_folder.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

std::shared_ptr<Transformer> small_model() {
  TransformerConfig config;
  config.width = 8, config.layers = 1, config.heads = config.kv_heads = 2;
  config.mlp_width = 16, config.vocabulary = config.logit_columns = 10;
  config.max_length = 16, config.mask_token = 3;
  return make_transformer(config, {}, Draws(1, "test"));
}

std::filesystem::path publish(const Transformer& model, const testing::TemporaryFolder& folder,
                              std::int64_t max_shard_bytes = kMaxShardBytes) {
  PublishedFolder made(folder / "model");
  save_transformer(model, made.path(), {.max_shard_bytes = max_shard_bytes});
  made.publish();
  return folder / "model";
}

}  // namespace

TEST_CASE("finite_problem: infinities and NaN of every floating type are counted", "[model]") {
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    at::Tensor values = at::full({3, 4}, 6e4, at::TensorOptions(type));
    CHECK_FALSE(finite_problem(values));
    values[1][2].fill_(std::numeric_limits<double>::quiet_NaN());
    values[2][3].fill_(-std::numeric_limits<double>::infinity());
    CHECK(finite_problem(values) == "2 of 12 numbers are not finite");
  }
  CHECK_FALSE(finite_problem(at::zeros({2}, at::kLong)));
}

// promise 5
TEST_CASE("A model folder with any flipped bit of its weights is refused by file", "[model]") {
  for (const std::int64_t shard_bytes : {kMaxShardBytes, std::int64_t{1000}}) {
    const testing::TemporaryFolder folder;
    const auto path = publish(*small_model(), folder, shard_bytes);
    CHECK_NOTHROW(load_transformer(path));
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const auto whole = testing::read_file(entry.path());
      for (std::size_t at = 8; at < whole.size(); at += 211) {
        auto bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
        testing::write_file(entry.path(), bytes);
        INFO(entry.path() << " byte " << at);
        CHECK_THROWS_WITH(load_transformer(path), contains(entry.path().filename().string()));
        CHECK_THROWS_AS(load_transformer(path), DataError);
      }
      testing::write_file(entry.path(), whole);
    }
    CHECK_NOTHROW(load_transformer(path));
    testing::write_file(path / "chat_template.jinja", "x");
    CHECK_THROWS_WITH(load_transformer(path), contains("chat_template.jinja was not there"));
    std::filesystem::rename(path / "chat_template.jinja", path / "README.md");
    CHECK_NOTHROW(load_transformer(path));
  }
}

// promise 9
TEST_CASE("Weights that are not finite are neither saved nor loaded", "[model]") {
  const testing::TemporaryFolder folder;
  const auto model = small_model();
  save_transformer(*model, folder / "good");
  const auto parameter = model->parameters().back();
  at::Tensor(parameter.value).detach().view({-1})[0].fill_(std::numeric_limits<double>::infinity());
  CHECK_THROWS_WITH(save_transformer(*model, folder / "bad"), contains(parameter.name));
  CHECK_FALSE(std::filesystem::exists(folder / "bad"));
  auto tensors = load_safetensors(folder / "good" / "model.safetensors");
  tensors.begin()->second.view({-1})[0].fill_(std::numeric_limits<double>::quiet_NaN());
  save_safetensors(folder / "good" / "model.safetensors", tensors);
  CHECK_THROWS_WITH(load_transformer(folder / "good"),
                    contains("model.safetensors: tensor \"" + tensors.begin()->first + "\": 1 of"));
}

TEST_CASE("exclude_mask_logit travels in config.json", "[model]") {
  const testing::TemporaryFolder folder;
  const auto model = small_model();
  save_transformer(*model, folder / "with");
  CHECK_FALSE(load_transformer(folder / "with")->excluded_logit());
  model->exclude_logit(3);
  save_transformer(*model, folder / "without");
  CHECK(load_transformer(folder / "without")->excluded_logit() == 3);
  CHECK(load_model_config(folder / "without").exclude_mask_logit);
}
