// SPDX-License-Identifier: MIT
#include <iostream>

#include "golden/model_case.hpp"
#include "support/golden.hpp"

using namespace lldm::testing;

TEST_CASE("the transformer reproduces every structural variant of golden/llada_variants",
          "[golden][model]") {
  const auto root = golden_root() / "llada_variants";
  REQUIRE(std::filesystem::is_directory(root));
  int variants = 0, cases = 0;
  double worst = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (!entry.is_directory()) continue;
    INFO(entry.path().string());
    ++variants;
    const auto model = load_golden_model(entry.path(), at::kFloat);
    for (const auto& item : lldm::load_safetensors(entry.path() / "forward.safetensors")) {
      const auto dot = item.first.rfind('.');
      const auto name = item.first.substr(0, dot), kind = item.first.substr(dot + 1);
      if (kind == "input_ids" || kind == "attention_mask") continue;
      INFO(item.first << " is of a kind that this test does not compare");
      REQUIRE(kind == "logits");
      const auto tensors = lldm::load_safetensors(entry.path() / "forward.safetensors");
      const double error = max_error(model.logits(model.hidden(pack(tensors, name))), item.second);
      INFO("max error " << error);
      CHECK(error <= 2e-4);  // the fixture's tolerance; the largest error is printed
      worst = std::max(worst, error);
      ++cases;
    }
  }
  std::cout << "golden/llada_variants: " << variants << " variants, " << cases
            << " logits cases; max error " << worst << "\n";
  CHECK(cases >= variants);
  std::ifstream in(root / "manifest.json");
  REQUIRE(in);
  CHECK(variants == static_cast<int>(nlohmann::json::parse(in)["variants"].size()));
}
