// SPDX-License-Identifier: MIT
#include "lldm/model/folder_report.hpp"

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/safetensors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

TransformerConfig tiny(const std::string& family) {
  TransformerConfig config = family_defaults(family);
  config.width = 8, config.layers = 2, config.heads = config.kv_heads = 2, config.mlp_width = 12,
  config.vocabulary = config.logit_columns = 10;
  if (family == "dream") config.mask_token = 9, config.padding_token = 8;
  return config;
}

nlohmann::json llada_8b() {
  return {{"model_type", "llada"},  {"d_model", 4096},          {"n_layers", 32},
          {"n_heads", 32},          {"n_kv_heads", 32},         {"mlp_hidden_size", 12288},
          {"vocab_size", 126464},   {"embedding_size", 126464}, {"max_sequence_length", 4096},
          {"rope_theta", 500000.0}, {"mask_token_id", 126336}};
}

std::uint64_t bfloat16_bytes(const std::map<std::string, std::vector<std::int64_t>>& shapes) {
  std::uint64_t bytes = 0;
  for (const auto& [name, shape] : shapes) {
    std::uint64_t numbers = 1;
    for (const auto size : shape) numbers *= static_cast<std::uint64_t>(size);
    bytes += 2 * numbers;
  }
  return bytes;
}

}  // namespace

TEST_CASE("LLaDA-8B has the names and bytes of its published index", "[model][folder]") {
  const auto shapes = tensor_shapes(parse_model_config(llada_8b().dump(), "config.json"));
  CHECK(shapes.size() == 32 * 9 + 3);
  CHECK(bfloat16_bytes(shapes) == 16'031'162'368);
  const auto folder = data_root() / "models/llada-8b-instruct";
  if (data_root().empty() || !std::filesystem::exists(folder / "config.json")) {
    std::cout << "LLaDA-8B's own index is not compared: set LLDM_DATA\n";
    return;
  }
  const auto own = tensor_shapes(load_model_config(folder));
  std::ifstream in(folder / "model.safetensors.index.json");
  const auto index = nlohmann::json::parse(in);
  CHECK(index["metadata"]["total_size"] == bfloat16_bytes(own));
  CHECK(index["weight_map"].size() == own.size());
  for (const auto& [name, shape] : own) {
    INFO(name);
    CHECK(index["weight_map"].contains(name));
  }
}

TEST_CASE("inspect_model_folder tells tensors, dtypes, files and what is wrong",
          "[model][folder]") {
  const TemporaryFolder folder;
  const auto model = make_transformer(tiny("qwen3"), {}, Draws(1, "t"));
  save_transformer(
      *model, folder.path(),
      {.max_shard_bytes = 600, .dtype = at::kBFloat16, .metadata = {{"format", "pt"}}});
  auto report = inspect_model_folder(folder.path());
  CHECK(report.complaints.empty());
  CHECK(report.config == model->config());
  CHECK(report.bytes == 2 * static_cast<std::uint64_t>(model->config().num_parameters()));
  CHECK(report.files.size() > 1);
  for (const auto& tensor : report.tensors) CHECK(tensor.dtype == "BF16");
  std::ifstream in(folder.path() / "config.json");
  CHECK(nlohmann::json::parse(in)["torch_dtype"] == "bfloat16");
  CHECK(SafetensorsFile(folder.path() / report.files.front()).header().metadata.at("format") ==
        "pt");

  const TemporaryFolder damaged;
  save_transformer(*model, damaged.path());
  auto tensors = load_safetensors(damaged.path() / "model.safetensors");
  tensors.erase("model.norm.weight");
  save_safetensors(damaged.path() / "model.safetensors", tensors);
  CHECK(inspect_model_folder(damaged.path()).complaints ==
        std::vector<std::string>{"tensor \"model.norm.weight\" [8] is missing"});
}

TEST_CASE("single tensors keep the dtype that they were stored as", "[model][folder]") {
  const TemporaryFolder folder;
  const auto model = make_transformer(tiny("llama"), {}, Draws(1, "t"));
  save_transformer(*model, folder.path(), {.dtypes = {{"model.norm.weight", at::kBFloat16}}});
  for (const auto& tensor : inspect_model_folder(folder.path()).tensors)
    CHECK(tensor.dtype == (tensor.name == "model.norm.weight" ? "BF16" : "F32"));
}

TEST_CASE("a number that the stored dtype cannot hold is not saved", "[model][folder]") {
  const TemporaryFolder folder;
  auto model = make_transformer(tiny("llama"), {}, Draws(1, "t"));
  model->set_trainable(false);
  at::Tensor(model->parameters().front().value).fill_(1e6);
  CHECK_THROWS_AS(save_transformer(*model, folder.path(), {.dtype = at::kHalf}), Error);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "model.safetensors"));
}

TEST_CASE("compare_model_folders says what differs", "[model][folder]") {
  const TemporaryFolder one, other;
  const auto model = make_transformer(tiny("llama"), {}, Draws(1, "t"));
  save_transformer(*model, one.path());
  model->set_trainable(false);
  at::Tensor(model->parameters()[1].value).select(0, 3).add_(0.5);
  save_transformer(*model, other.path());
  const auto same = compare_model_folders(one.path(), one.path());
  for (const auto& tensor : same.tensors) CHECK(tensor.differing == 0);
  const auto apart = compare_model_folders(one.path(), other.path());
  CHECK(apart.config.empty());
  for (const auto& tensor : apart.tensors) {
    const bool is_changed = tensor.name == model->parameters()[1].name;
    CHECK(tensor.differing == (is_changed ? 1 : 0));
    CHECK(tensor.largest == (is_changed ? 0.5 : 0.0));
  }
  const TemporaryFolder third;
  save_transformer(*make_transformer(tiny("qwen3"), {}, Draws(1, "t")), third.path());
  const auto families = compare_model_folders(one.path(), third.path());
  CHECK(families.only_in_second.size() == 4);  // norms of q and k, two layers
  CHECK_FALSE(families.config.empty());
}

TEST_CASE("the hub's snapshot may link to its blobs, and to nothing else", "[model][folder]") {
  namespace fs = std::filesystem;
  const TemporaryFolder cache;
  const auto home = cache.path() / "models--owner--name", snapshot = home / "snapshots/abc";
  fs::create_directories(home / "blobs");
  save_transformer(*make_transformer(tiny("llama"), {}, Draws(1, "t")), snapshot);
  fs::rename(snapshot / "model.safetensors", home / "blobs/1234");
  fs::create_symlink("../../blobs/1234", snapshot / "model.safetensors");
  CHECK(load_transformer(snapshot)->config().family == "llama");
  fs::create_directories(cache.path() / "elsewhere");
  fs::rename(home / "blobs/1234", cache.path() / "elsewhere/1234");
  fs::remove(snapshot / "model.safetensors");
  fs::create_symlink("../../../elsewhere/1234", snapshot / "model.safetensors");
  CHECK_THROWS_WITH(load_transformer(snapshot), contains("links out of the folder"));
}

TEST_CASE("a model that the hub's cache has is told with its path", "[model][folder]") {
  namespace fs = std::filesystem;
  const TemporaryFolder cache;
  const auto model = cache.path() / "hub/models--owner--name";
  fs::create_directories(model / "snapshots/abc");
  fs::create_directories(model / "snapshots/older");
  fs::create_directories(model / "refs");
  write_file(model / "refs/main", "abc\n");
  // $HF_HUB_CACHE would win; the tests of this program share no other thread.
  ::unsetenv("HF_HUB_CACHE");
  ::setenv("HF_HOME", cache.path().c_str(), 1);
  CHECK_THROWS_WITH(
      load_model_config("owner/name"),
      "model \"owner/name\": no such folder\n  the hub's cache has it: set path = \"" +
          (model / "snapshots/abc").string() + "\"");
  CHECK_THROWS_WITH(load_model_config("owner/other"), contains("hf download owner/other"));
  ::unsetenv("HF_HOME");
}
