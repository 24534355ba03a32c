// SPDX-License-Identifier: MIT
// golden/dllm_bd3lm: block diffusion's attention, noised input and loss by dllm's own code.  Its
// model family (Qwen3) is none of lldm's: the test brings one, the score engine does the rest.
#include <ATen/ops/equal.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/forward/block_masked.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/score/engine.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/qwen3_by_operations.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

std::filesystem::path folder() { return golden_root() / "dllm_bd3lm"; }

struct Golden {
  TensorMap tensors = load_safetensors(folder() / "forward.safetensors");
  json config = json::parse(std::ifstream(folder() / "config.json"));
  json cases = json::parse(std::ifstream(folder() / "loss.json")).at("cases");

  [[nodiscard]] std::shared_ptr<Qwen3ByOperations> model() const {
    return std::make_shared<Qwen3ByOperations>(
        Qwen3Sizes{config.at("num_hidden_layers"), config.at("num_attention_heads"),
                   config.at("num_key_value_heads"), config.at("head_dim"), config.at("rope_theta"),
                   config.at("rms_norm_eps")},
        load_safetensors(folder() / "model.safetensors"), at::kDouble);
  }
  [[nodiscard]] at::Tensor at(const json& one, const char* name) const {
    return tensors.at(one.at("case").get<std::string>() + "." + name);
  }
};

/// One row as a plan: time, masks and blocks as recorded, weights by our process.
ScorePlan plan_of(const Golden& golden, const json& one, std::int64_t row,
                  const AnyForwardProcess& process) {
  const auto ids = golden.at(one, "input_ids").select(0, row).contiguous();
  const auto labels = golden.at(one, "labels").select(0, row).contiguous();
  const auto uniforms = golden.at(one, "u_mask").select(0, row).contiguous();
  const double eps = one.at("time_epsilon");
  const double t = eps + (1 - eps) * golden.at(one, "u_t")[row].item<double>();
  ScorePlan plan;
  const std::int64_t half = ids.size(0);
  plan.length = 2 * half;
  plan.attention = {AttentionPattern::Kind::two_stream, 0, process.block_size()};
  const auto* clean = ids.const_data_ptr<std::int64_t>();
  plan.tokens.assign(clean, clean + half);
  std::vector<std::int64_t> masked;
  for (std::int64_t i = 0; i < half; ++i) {
    if (labels[i].item<std::int64_t>() == -100) continue;
    ++plan.num_scored;
    if (uniforms[i].item<double>() >= 1 - process.alpha(t)) continue;
    masked.push_back(i);
    plan.queries.push_back({.copy = 0,
                            .position = static_cast<std::int32_t>(i),
                            .target = clean[i],
                            .weight = process.elbo_weight(t)});
  }
  Stream unused(0, 0);
  process.noise(plan.tokens, masked, unused);
  plan.tokens.insert(plan.tokens.end(), clean, clean + half);
  plan.replicate = {0};
  plan.nominal_copies = 1;
  return plan;
}

}  // namespace

TEST_CASE("dllm's block diffusion mask is ours", "[golden][bd3lm]") {
  const Golden golden;
  REQUIRE(golden.cases.size() == 3);
  for (const json& one : golden.cases) {
    const auto recorded = golden.at(one, "attention_mask").to(at::kBool);
    const AttentionPattern pattern{AttentionPattern::Kind::two_stream, 0, one.at("block_size")};
    CHECK(at::equal(two_stream_mask(pattern, recorded.size(0)), recorded));
  }
}

TEST_CASE("The test's Qwen3 is dllm's", "[golden][bd3lm]") {
  const Golden golden;
  const auto& ids = golden.tensors.at("case0.input_ids");
  PackedTokens batch{.tokens = ids.reshape({-1}), .offsets = {0, ids.size(1), 2 * ids.size(1)}};
  const auto model = golden.model();
  const auto logits = model->logits(model->hidden(batch));
  CHECK(logits.sub(golden.tensors.at("case0.logits").reshape(logits.sizes()))
            .abs()
            .max()
            .item<double>() < 2e-4);
}

TEST_CASE("dllm's block diffusion inputs and losses from our plans", "[golden][bd3lm]") {
  const Golden golden;
  const auto mask_token = golden.config.at("mask_token_id").get<std::int64_t>();
  for (const json& one : golden.cases) {
    const AnyForwardProcess process =
        BlockMaskedProcess(one.at("block_size"), MaskedProcess(mask_token, LinearSchedule()));
    const auto concatenated = golden.at(one, "concat_input_ids").contiguous();
    ScoreBatch batch;
    double labels = 0;
    for (std::int64_t row = 0; row < concatenated.size(0); ++row) {
      batch.plans.push_back(plan_of(golden, one, row, process));
      const auto* recorded =
          concatenated.const_data_ptr<std::int64_t>() + row * concatenated.size(1);
      CHECK(
          std::equal(batch.plans.back().tokens.begin(), batch.plans.back().tokens.end(), recorded));
      labels += static_cast<double>(batch.plans.back().num_scored);
    }
    const ScoreEngine<Qwen3ByOperations> engine(golden.model(), nullptr);
    const at::Tensor scores = engine.score(batch).policy.contiguous();
    const auto rows = static_cast<double>(batch.plans.size());
    const std::string norm = one.at("loss_norm_type");
    double loss = 0;
    for (std::size_t row = 0; row < batch.plans.size(); ++row) {
      const double s = -scores.const_data_ptr<double>()[row];
      if (norm == "token") loss += s / labels;
      if (norm == "sequence") loss += s / (static_cast<double>(batch.plans[row].num_scored) * rows);
      if (norm == "batch") loss += s / rows;
    }
    // dllm's weight is 1 / (t + 1e-6).
    CHECK(loss == Approx(one.at("loss").get<double>()).epsilon(1e-4));
    std::cout << "golden " << one.at("case").get<std::string>() << " (" << norm << "): " << loss
              << ", recorded " << one.at("loss") << "\n";
  }
}
