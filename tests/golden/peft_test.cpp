// SPDX-License-Identifier: MIT
// Adapters that PEFT wrote, over the models of golden/autoregressive: without, added to the
// weights, and the model again once they are taken away.
#include <iostream>

#include "golden/model_case.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/model_folder.hpp"
#include "support/golden.hpp"

using namespace lldm;
using namespace lldm::testing;
namespace fs = std::filesystem;

TEST_CASE("every adapter of golden/peft gives its recorded logits", "[golden][model][adapter]") {
  const auto root = golden_root() / "peft";
  REQUIRE(fs::is_directory(root));
  int adapters = 0;
  double worst = 0;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (!entry.is_directory()) continue;
    INFO(entry.path().string());
    ++adapters;
    std::ifstream in(entry.path() / "manifest.json");
    REQUIRE(in);
    const auto base = golden_root() / nlohmann::json::parse(in).at("base").get<std::string>();
    const auto model = load_transformer(base);
    const auto tensors = load_safetensors(entry.path() / "forward.safetensors");
    const auto& ids = tensors.at("input_ids");
    PackedTokens batch;
    batch.tokens = ids.reshape({-1});
    for (std::int64_t row = 0; row <= ids.size(0); ++row)
      batch.offsets.push_back(row * ids.size(1));
    const auto compare = [&](const char* name) {
      INFO(name);
      const double error = max_error(model->logits(model->raw_hidden(batch)), tensors.at(name));
      INFO("max error " << error);
      CHECK(error <= 2e-4);
      worst = std::max(worst, error);
    };
    compare("logits_without");
    const auto updates = load_adapter(entry.path());
    const auto beside = load_transformer(base);
    beside->set_adapter(updates, entry.path().string());
    const double unmerged =
        max_error(beside->logits(beside->raw_hidden(batch)), tensors.at("logits"));
    CHECK(unmerged <= 2e-4);
    worst = std::max(worst, unmerged);
    merge_adapter(*model, updates, entry.path());
    // The update is seen: with and without are far apart.
    CHECK(max_error(model->logits(model->raw_hidden(batch)), tensors.at("logits_without")) > 1e-3);
    compare("logits");
    compare("logits_merged");
  }
  std::cout << "golden/peft: " << adapters << " adapters; max error " << worst << "\n";
  CHECK(adapters > 0);
}
