// SPDX-License-Identifier: MIT
// LLaDA's pretraining and SFT losses with recorded noise, their gradients, and five AdamW steps.
#include <iostream>

#include "golden/model_case.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/train/adamw.hpp"
#include "support/golden.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  INFO(path.string());
  REQUIRE(in);
  return json::parse(in);
}

std::shared_ptr<Transformer> trainable_model() {
  auto model =
      std::make_shared<Transformer>(load_golden_model(golden_root() / "llada", at::kFloat));
  model->set_trainable(true);
  return model;
}

/// One row per text: the recorded noised row, every mask in it asked with weight 1 / p_mask.
ScoreBatch recorded_batch(const TensorMap& tensors, const std::string& name,
                          const at::Tensor& prompt_lengths) {
  const at::Tensor clean = tensors.at(name + ".input_ids"),
                   noisy = tensors.at(name + ".noisy_batch"), p = tensors.at(name + ".p_mask");
  ScoreBatch batch;
  for (std::int64_t b = 0; b < clean.size(0); ++b) {
    ScorePlan plan;
    plan.length = clean.size(1);
    plan.num_prompt = prompt_lengths.defined() ? prompt_lengths[b].item<std::int64_t>() : 0;
    plan.num_scored = plan.length - plan.num_prompt;
    plan.nominal_copies = 1;
    plan.replicate = {0};
    for (std::int64_t i = 0; i < plan.length; ++i) {
      plan.tokens.push_back(noisy[b][i].item<std::int64_t>());
      if (plan.tokens.back() == golden_mask_token())
        plan.queries.push_back({0, static_cast<std::int32_t>(i), clean[b][i].item<std::int64_t>(),
                                1.0 / static_cast<double>(p[b][i].item<float>())});
    }
    batch.plans.push_back(plan);
  }
  return batch;
}

EngineStep run_step(const std::shared_ptr<Transformer>& model, const ScoreBatch& batch,
                    const AnyObjective& objective) {
  StepTotals totals;
  totals.rows = totals.groups = static_cast<double>(batch.plans.size());
  for (const ScorePlan& plan : batch.plans) totals.tokens += static_cast<double>(plan.num_scored);
  totals.first_tokens = totals.tokens;
  const auto loss = [&](const ScoreSet& scores) {
    ObjectiveResult result = objective.evaluate(scores);
    result.loss_sum = normalised_loss(result, objective.needs().denominator, scores.totals);
    return result;
  };
  return ScoreEngine<Transformer>(model, nullptr)
      .step(batch, totals, objective.needs(), loss, GradientPath::linear);
}

}  // namespace

TEST_CASE("train: LLaDA's pretraining and SFT losses and gradients", "[golden][train]") {
  const json recorded = read_json(golden_root() / "train/losses.json");
  const TensorMap tensors = load_safetensors(golden_root() / "train/losses.safetensors");
  std::map<std::string, std::size_t> kinds;
  std::size_t gradients = 0;
  for (const json& row : recorded.at("cases")) {
    const auto name = row.at("case").get<std::string>();
    INFO(name);
    const bool is_sft = name.starts_with("sft");
    const ScoreBatch batch =
        recorded_batch(tensors, name, is_sft ? tensors.at(name + ".prompt_lengths") : at::Tensor());
    std::size_t masked = 0;
    for (const ScorePlan& plan : batch.plans) masked += plan.queries.size();
    CHECK(masked == row.at("masked_tokens").get<std::size_t>());
    for (const bool parity : {false, true}) {  // the same thing where a step is one micro-batch
      const auto model = trainable_model();
      const AnyObjective objective = is_sft ? AnyObjective(Sft({.llada_parity = parity}))
                                            : AnyObjective(Pretraining({.llada_parity = parity}));
      CHECK(run_step(model, batch, objective).loss ==
            Approx(row.at("loss").get<double>()).epsilon(1e-4));
      double squares = 0;
      std::size_t parameters = 0;
      for (const NamedParameter& parameter : model->parameters()) {
        const at::Tensor gradient = parameter.value.grad();
        const double norm = gradient.to(at::kDouble).norm().item<double>();
        squares += norm * norm;
        INFO(parameter.name);
        CHECK(norm == Approx(row.at("grad_norms").at(parameter.name).get<double>())
                          .epsilon(1e-4)
                          .margin(1e-6));
        ++parameters;
        const auto whole = tensors.find(name + ".grad." + parameter.name);
        if (whole == tensors.end()) continue;
        CHECK(max_error(gradient, whole->second) <=
              1e-4 * whole->second.abs().max().item<double>() + 1e-6);
        gradients += parity ? 0 : 1;
      }
      CHECK(parameters == row.at("grad_norms").size());
      CHECK(std::sqrt(squares) == Approx(row.at("total_grad_norm").get<double>()).epsilon(1e-4));
    }
    ++kinds[is_sft ? "sft" : "pretraining"];
  }
  const json manifest = read_json(golden_root() / "manifest_models.json").at("folders").at("train");
  CHECK(kinds["sft"] + kinds["pretraining"] ==
        manifest.at("cases").at("losses").get<std::size_t>());
  std::size_t recorded_gradients = 0;
  for (const auto& [name, tensor] : tensors)
    recorded_gradients += name.find(".grad.") != std::string::npos ? 1 : 0;
  CHECK(gradients == recorded_gradients);
  CHECK(gradients > 0);
  std::cout << "train/losses.json: " << kinds["pretraining"] << " pretraining and " << kinds["sft"]
            << " sft losses, " << gradients << " full gradients agree\n";
  const std::size_t dllm = read_json(golden_root() / "train/dllm_losses.json").at("cases").size();
  CHECK(dllm == manifest.at("cases").at("dllm").get<std::size_t>());
  std::cout << "train/dllm_losses.json: not covered yet: " << dllm
            << " cases of dllm's MDLM and Dream trainers\n";
}

TEST_CASE("train: five AdamW steps of LLaDA's SFT", "[golden][train]") {
  const json recorded = read_json(golden_root() / "train/adamw.json");
  const TensorMap tensors = load_safetensors(golden_root() / "train/adamw.safetensors");
  const auto model = trainable_model();
  AdamW optimizer(model->parameters(), {.beta1 = recorded.at("betas")[0],
                                        .beta2 = recorded.at("betas")[1],
                                        .epsilon = recorded.at("eps"),
                                        .weight_decay = recorded.at("weight_decay"),
                                        .max_gradient_norm = 1.0});
  std::size_t steps = 0;
  for (const json& row : recorded.at("steps")) {
    INFO("step " << row.at("step").get<int>());
    const ScoreBatch batch =
        recorded_batch(tensors, "step" + std::to_string(steps), tensors.at("prompt_lengths"));
    CHECK(run_step(model, batch, Sft({})).loss ==
          Approx(row.at("loss").get<double>()).epsilon(1e-4));
    CHECK(optimizer.step(recorded.at("lr")) ==
          Approx(row.at("grad_norm_before_clip").get<double>()).epsilon(1e-4));
    std::size_t parameters = 0;
    for (const NamedParameter& parameter : model->parameters()) {
      const at::Tensor wide = parameter.value.detach().to(at::kDouble);
      INFO(parameter.name);
      const json& expected = row.at("params").at(parameter.name);
      CHECK(wide.sum().item<double>() == Approx(expected[0].get<double>()).margin(1e-3).epsilon(0));
      CHECK(wide.norm().item<double>() == Approx(expected[1].get<double>()).epsilon(1e-5));
      ++parameters;
    }
    CHECK(parameters == row.at("params").size());
    ++steps;
  }
  CHECK(steps == read_json(golden_root() / "manifest_models.json")
                     .at("folders")
                     .at("train")
                     .at("cases")
                     .at("adamw_steps")
                     .get<std::size_t>());
  std::size_t finals = 0;
  for (const NamedParameter& parameter : model->parameters()) {
    const auto expected = tensors.find("final." + parameter.name);
    if (expected == tensors.end()) continue;
    INFO(parameter.name);
    CHECK(max_error(parameter.value.detach(), expected->second) <= 1e-4);
    const at::Tensor error = parameter.value.detach().to(at::kDouble) - expected->second;
    CHECK(error.square().mean().sqrt().item<double>() <= 2e-6);
    ++finals;
  }
  std::size_t recorded_finals = 0;
  for (const auto& [name, tensor] : tensors) recorded_finals += name.starts_with("final.") ? 1 : 0;
  CHECK(finals == recorded_finals);
  CHECK(finals > 0);
  std::cout << "train/adamw.json: " << steps << " steps, " << finals << " final tensors agree\n";
}
