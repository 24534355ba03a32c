// SPDX-License-Identifier: MIT
#include <iostream>
#include <set>

#include "golden/model_case.hpp"
#include "support/golden.hpp"

using namespace lldm::testing;

namespace {

nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  INFO(path.string());
  REQUIRE(in);
  return nlohmann::json::parse(in);
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Counts {
  int logits = 0, padded = 0, float64 = 0, hidden_states = 0, bfloat16 = 0;
  double worst = 0;
};

// Every tensor recorded for one case; returns the names it used.
std::set<std::string> run_case(const lldm::Transformer& model, const lldm::Transformer& wide,
                               const lldm::TensorMap& tensors, const std::string& name,
                               Counts& counts) {
  INFO(name);
  std::set<std::string> used{name + ".input_ids", name + ".attention_mask", name + ".logits"};
  const auto batch = pack(tensors, name);
  const auto logits = model.logits(model.hidden(batch));
  const double error = max_error(logits, tensors.at(name + ".logits"));
  CHECK(error <= 2e-4);  // the fixture's tolerance; the largest error is printed
  counts.worst = std::max(counts.worst, error);
  ++counts.logits;
  counts.padded += batch.visible.defined();

  if (tensors.contains(name + ".logits_f64")) {
    used.insert(name + ".logits_f64");
    CHECK(max_error(wide.logits(wide.hidden(batch)), tensors.at(name + ".logits_f64")) <= 1e-5);
    ++counts.float64;
  }
  if (tensors.contains(name + ".hidden_states.0")) {
    const auto states = model.hidden_states(batch);
    for (std::size_t k = 0; k + 1 < states.size(); ++k) {
      const auto key = name + ".hidden_states." + std::to_string(k);
      INFO(key);
      REQUIRE(tensors.contains(key));
      used.insert(key);
      // The last of the list is normalised: the bare output of the last block is not in it.
      const auto& state = k + 2 == states.size() ? states.back() : states[k];
      CHECK(max_error(state, tensors.at(key)) <= 2e-4);
    }
    ++counts.hidden_states;
  }
  if (tensors.contains(name + ".logits_bf16")) {
    used.insert(name + ".logits_bf16");
    ++counts.bfloat16;  // compared in families_test.cpp
  }
  return used;
}

}  // namespace

// promise 23
TEST_CASE("the transformer reproduces every forward pass of golden/llada", "[golden][model]") {
  const auto folder = golden_root() / "llada";
  REQUIRE(std::filesystem::is_directory(folder));
  const auto model = load_golden_model(folder, at::kFloat);
  const auto wide = load_golden_model(folder, at::kDouble);
  const auto tensors = lldm::load_safetensors(folder / "forward.safetensors");
  const auto listed = read_json(folder / "forward.json");

  Counts counts;
  std::set<std::string> used;
  for (const auto& entry : listed["cases"]) {
    const auto name = entry["case"].get<std::string>();
    CHECK(pack(tensors, name).num_sequences() == entry["batch"].get<std::int64_t>());
    used.merge(run_case(model, wide, tensors, name, counts));
  }
  for (const auto& item : tensors) {
    INFO(item.first << " is recorded but was not compared");
    CHECK(used.contains(item.first));
  }
  std::cout << "golden/llada: " << counts.logits << " logits cases (" << counts.padded
            << " padded), " << counts.float64 << " in float64, " << counts.hidden_states
            << " with hidden states; max error " << counts.worst << "; " << counts.bfloat16
            << " bfloat16 records with the other families'\n";
  CHECK(counts.logits == static_cast<int>(listed["cases"].size()));
  CHECK(counts.bfloat16 == static_cast<int>(listed["bf16_cases"].size()));
  if (const auto manifest = read_json(golden_root() / "manifest_models.json")["folders"];
      manifest.contains("llada"))
    CHECK(counts.logits == static_cast<int>(manifest["llada"]["cases"].size()));
}

// promise 23
TEST_CASE("safetensors writes the file the reference writer wrote",
          "[golden][model][safetensors]") {
  const auto path = golden_root() / "llada/model.safetensors";
  const auto copy = std::filesystem::temp_directory_path() /
                    ("lldm-golden-" + std::to_string(::getpid()) + ".safetensors");
  lldm::save_safetensors(copy, lldm::load_safetensors(path));
  const bool is_equal = bytes_of(copy) == bytes_of(path);
  std::filesystem::remove(copy);
  CHECK(is_equal);
}
