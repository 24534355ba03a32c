// SPDX-License-Identifier: MIT
#include "lldm/model/model_folder.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/model/safetensors.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm::testing;
namespace fs = std::filesystem;

namespace {

lldm::TransformerConfig tiny() {
  return {.width = 8,
          .layers = 2,
          .heads = 2,
          .kv_heads = 2,
          .mlp_width = 12,
          .vocabulary = 9,
          .logit_columns = 10};
}

std::shared_ptr<lldm::Transformer> tiny_model(at::ScalarType type = at::kFloat) {
  return lldm::make_transformer(tiny(), {}, lldm::Draws(1, "t"), type);
}

void check_same(const lldm::Transformer& a, const lldm::Transformer& b) {
  CHECK(a.config() == b.config());
  const auto from = a.parameters(), to = b.parameters();
  REQUIRE(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) CHECK(at::equal(from[i].value, to[i].value));
}

std::string error_of(const fs::path& folder) {
  try {
    lldm::load_transformer(folder);
  } catch (const lldm::DataError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a model folder gives back the model", "[model][folder]") {
  const TemporaryFolder folder;
  const auto type = GENERATE(at::kFloat, at::kDouble);
  const auto model = tiny_model(type);
  lldm::save_transformer(*model, folder.path() / "new/model");
  const auto back = lldm::load_transformer(folder.path() / "new/model", type);
  check_same(*model, *back);
  CHECK_FALSE(back->parameters().front().value.requires_grad());
  CHECK(std::distance(fs::directory_iterator(folder.path() / "new/model"), {}) == 2);
}

TEST_CASE("a model folder's large tensors are read a piece at a time", "[model][folder][memory]") {
  const TemporaryFolder folder;
  auto config = tiny();
  config.vocabulary = config.logit_columns = 8200;
  REQUIRE(4 * config.vocabulary * config.width > lldm::kTensorPieceBytes);
  const auto model = lldm::make_transformer(config, {}, lldm::Draws(1, "t"), at::kFloat);
  lldm::save_transformer(*model, folder.path());
  for (const auto storage : {lldm::WeightStorage::plain, lldm::WeightStorage::bfloat16}) {
    const auto back = lldm::load_transformer(folder.path(), lldm::Precision(at::kFloat, storage));
    const std::vector<lldm::NamedWeight> from = model->weights(), to = back->weights();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const bool is_narrow = to[i].matrix.defined() && storage == lldm::WeightStorage::bfloat16;
      const auto value = from[i].value(at::kFloat);
      CHECK(at::equal(to[i].value(at::kFloat),
                      is_narrow ? value.to(at::kBFloat16).to(at::kFloat) : value));
    }
  }
  // What is wrong in a later piece is told of the whole tensor.
  auto tensors = lldm::load_safetensors(folder.path() / "model.safetensors");
  const std::string name = model->weights().front().name;
  at::Tensor(tensors.at(name)).view(-1)[8200 * 8 - 1].fill_(std::nan(""));
  lldm::save_safetensors(folder.path() / "model.safetensors", tensors);
  CHECK(contains(error_of(folder.path()),
                 "tensor \"" + name + "\": 1 of 65600 numbers are not finite"));
}

// promise 23
TEST_CASE("a model folder may be cut into shards", "[model][folder]") {
  const TemporaryFolder folder;
  const auto model = tiny_model();
  lldm::save_transformer(*model, folder.path());
  lldm::save_transformer(*model, folder.path(), {.max_shard_bytes = 1500});
  CHECK_FALSE(fs::exists(folder.path() / "model.safetensors"));
  CHECK(fs::exists(folder.path() / "model-00001-of-00004.safetensors"));
  check_same(*model, *lldm::load_transformer(folder.path()));
  const auto index =
      nlohmann::json::parse(read_file(folder.path() / "model.safetensors.index.json"));
  CHECK(index["metadata"]["total_size"] == 4 * tiny().num_parameters());
}

TEST_CASE("a model folder widens half-precision weights and never narrows", "[model][folder]") {
  const TemporaryFolder folder;
  lldm::save_transformer(*tiny_model(), folder.path());
  auto tensors = lldm::load_safetensors(folder.path() / "model.safetensors");
  for (auto& item : tensors) item.second = item.second.to(at::kBFloat16);
  lldm::save_safetensors(folder.path() / "model.safetensors", tensors);
  for (const auto& p : lldm::load_transformer(folder.path())->parameters())
    CHECK(at::equal(p.value, tensors.at(p.name).to(at::kFloat)));
  for (auto& item : tensors) item.second = item.second.to(at::kDouble);
  lldm::save_safetensors(folder.path() / "model.safetensors", tensors);
  CHECK(contains(error_of(folder.path()), "is F64, cannot be held as float32"));
}

TEST_CASE("a model folder names every wrong tensor at once", "[model][folder]") {
  const TemporaryFolder folder;
  lldm::save_transformer(*tiny_model(), folder.path());
  auto tensors = lldm::load_safetensors(folder.path() / "model.safetensors");
  tensors.erase("model.transformer.ln_f.weight");
  tensors["model.transformer.wte.weight"] = at::zeros({10, 9}, at::kFloat);
  tensors["lora.weight"] = at::zeros({1}, at::kFloat);
  lldm::save_safetensors(folder.path() / "model.safetensors", tensors);
  CHECK(error_of(folder.path()) ==
        folder.path().string() +
            ": the weights are not those of config.json\n"
            "  tensor \"model.transformer.ln_f.weight\" [8] is missing\n"
            "  tensor \"model.transformer.wte.weight\" is [10, 9], must be [10, 8]\n"
            "  tensor \"lora.weight\" is unexpected");
}

// promise 22
TEST_CASE("an index of shards must say what the files hold and stay in its folder",
          "[model][folder]") {
  const TemporaryFolder folder, elsewhere;
  lldm::save_transformer(*tiny_model(), folder.path(), {.max_shard_bytes = 1500});
  const auto path = folder.path() / "model.safetensors.index.json";
  const auto good = nlohmann::json::parse(read_file(path));
  const auto with_file = [&](const std::string& name) {
    auto index = good;
    index["weight_map"]["model.transformer.ln_f.weight"] = name;
    write_file(path, index.dump());
    return error_of(folder.path());
  };
  for (const std::string name :
       {"../model.safetensors", "/etc/model.safetensors", "..", "", "C:model.safetensors",
        "a\\..\\model.safetensors", "model.bin", "a/model.safetensors"}) {
    INFO(name);
    CHECK(contains(with_file(name), "is not a file name of this folder"));
  }
  CHECK(contains(with_file("none.safetensors"), "file none.safetensors is missing"));
  CHECK(contains(with_file("model-00001-of-00004.safetensors"),
                 "should be in model-00001-of-00004.safetensors, but is not"));
  CHECK(contains(with_file("model-00001-of-00004.safetensors"), "but the index does not say so"));

  lldm::save_safetensors(elsewhere.path() / "x.safetensors", {});
  fs::create_symlink(elsewhere.path() / "x.safetensors", folder.path() / "link.safetensors");
  CHECK(contains(with_file("link.safetensors"), "links out of the folder"));

  const auto first = folder.path() / "model-00001-of-00004.safetensors";
  auto tensors = lldm::load_safetensors(first);
  tensors["model.transformer.ln_f.weight"] = at::zeros({8}, at::kFloat);
  lldm::save_safetensors(first, tensors);
  write_file(path, good.dump());
  CHECK(contains(error_of(folder.path()),
                 "tensor \"model.transformer.ln_f.weight\" is in two files"));
  CHECK(contains(error_of(folder.path()), "the index says total_size"));
  write_file(path, "{\"weight_map\": 3}");
  CHECK(contains(error_of(folder.path()), "must be an object with a \"weight_map\""));
  write_file(path, R"({"weight_map": {"a": "b", "a": "c"}})");
  CHECK(contains(error_of(folder.path()), "twice"));
}

TEST_CASE("a model folder that is not there says what to do", "[model][folder]") {
  CHECK(error_of("GSAI-ML/LLaDA-8B-Instruct") ==
        "model \"GSAI-ML/LLaDA-8B-Instruct\": no such folder\n"
        "  to fetch it from the Hugging Face hub: hf download GSAI-ML/LLaDA-8B-Instruct "
        "--local-dir LLaDA-8B-Instruct\n"
        "  then set path = \"LLaDA-8B-Instruct\"");
  CHECK(error_of("/none/at/all") == "model \"/none/at/all\": no such folder");
  const TemporaryFolder folder;
  CHECK(contains(error_of(folder.path()), "config.json: no such file"));
  lldm::save_transformer(*tiny_model(), folder.path());
  fs::rename(folder.path() / "model.safetensors", folder.path() / "pytorch_model.bin");
  CHECK(contains(
      error_of(folder.path()),
      "has no model.safetensors\n  \"pytorch_model.bin\" is a pickle, which can execute code"));
  lldm::save_transformer(*tiny_model(), folder.path(), {.max_shard_bytes = 1500});
  lldm::save_safetensors(folder.path() / "model.safetensors", {});
  CHECK(contains(error_of(folder.path()), "has both model.safetensors and an index of shards"));
}
