// SPDX-License-Identifier: MIT
// Shared by the golden tests of LLaDA's forward pass: loading a folder's model, running one
// recorded case.
#pragma once

#include <ATen/ops/zeros.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "lldm/model/safetensors.hpp"
#include "lldm/model/transformer.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace lldm::testing {

/// Loads config.json and model.safetensors; the weights are converted to `dtype`.
inline Transformer load_golden_model(const std::filesystem::path& folder, at::ScalarType dtype) {
  std::ifstream in(folder / "config.json");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  Transformer model(parse_model_config(text, (folder / "config.json").string()), dtype);
  const auto tensors = load_safetensors(folder / "model.safetensors");
  auto parameters = model.parameters();
  REQUIRE(parameters.size() == tensors.size());
  for (auto& parameter : parameters) {
    REQUIRE(tensors.contains(parameter.name));
    REQUIRE(parameter.value.sizes() == tensors.at(parameter.name).sizes());
    parameter.value.copy_(tensors.at(parameter.name));
  }
  return model;
}

/// The mask token of the model in golden/llada.
inline std::int64_t golden_mask_token() {
  static const std::int64_t token = [] {
    std::ifstream in(golden_root() / "llada" / "config.json");
    return nlohmann::json::parse(in).at("mask_token_id").get<std::int64_t>();
  }();
  return token;
}

/// The padded rectangle [B, L] as B sequences of length L (the recorded outputs cover padded
/// columns too).
inline PackedTokens pack(const TensorMap& tensors, const std::string& name) {
  const auto& ids = tensors.at(name + ".input_ids");
  PackedTokens batch;
  batch.tokens = ids.reshape({-1});
  for (std::int64_t row = 0; row <= ids.size(0); ++row) batch.offsets.push_back(row * ids.size(1));
  if (const auto mask = tensors.find(name + ".attention_mask"); mask != tensors.end())
    batch.visible = mask->second.reshape({-1}).to(at::kBool);
  return batch;
}

inline double max_error(const at::Tensor& got, const at::Tensor& expected) {
  REQUIRE(got.numel() == expected.numel());
  return (got.to(at::kDouble).reshape({-1}).sub(expected.to(at::kDouble).reshape({-1})))
      .abs()
      .max()
      .item<double>();
}

}  // namespace lldm::testing
