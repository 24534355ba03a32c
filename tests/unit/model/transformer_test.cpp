// SPDX-License-Identifier: MIT
#include "lldm/model/transformer.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "lldm/model/determinism.hpp"
#include "model/kernels/clones.hpp"
#include "support/catch.hpp"
#include "support/transformer_world.hpp"

namespace {

// Before main, so before MKL's first product.
[[maybe_unused]] const bool is_deterministic = (lldm::set_deterministic_environment(), true);

using namespace lldm::testing;

}  // namespace

TEST_CASE("Transformer's gradients are those of the slow reference in float64", "[model][llada]") {
  auto config = small_config();
  SECTION("grouped keys") {}
  SECTION("one key head with biases") { config.kv_heads = 1, config.qkv_bias = true; }
  SECTION("tied head") { config.tied_head = true; }
  SECTION("heads of 8") { config.width = 32, config.kv_heads = 4; }
  SECTION("heads of 32, widths of whole vectors") {
    config.width = 64, config.heads = 2, config.mlp_width = 48;
  }
  SECTION("heads of 2") { config.width = 8; }
  const auto model = make(config);
  CHECK(compare_with_reference(*model, random_batch(config, kRagged)) < 1e-10);
}

TEST_CASE(
    "Transformer's gradients are those of the slow reference in float32, on every kind of "
    "processor",
    "[model][llada]") {
  const auto level =
      GENERATE(lldm::CpuLevel::baseline, lldm::CpuLevel::avx2, lldm::CpuLevel::avx512);
  lldm::limit_cpu_level(level);
  auto config = small_config();
  const auto ragged = random_batch(config, kRagged);
  const double uneven = compare_with_reference(*make(config, at::kFloat), ragged);
  config.width = 64, config.heads = config.kv_heads = 8, config.mlp_width = 176;
  const double even = compare_with_reference(*make(config, at::kFloat), ragged);
  const double wide = compare_with_reference(*make(config, at::kDouble), ragged);
  lldm::limit_cpu_level(lldm::CpuLevel::avx512);
  CHECK(uneven < 1e-4);
  CHECK(even < 1e-4);
  CHECK(wide < 1e-10);
}

TEST_CASE("Transformer hides keys exactly and gives them no gradient", "[model][llada]") {
  const auto config = small_config();
  const auto model = make(config);
  auto batch = random_batch(config, {20, 7, 33});
  batch.visible = batch.tokens.remainder(3).ne(0);
  batch.visible.select(0, 22).fill_(true);
  CHECK(compare_with_reference(*model, batch) < 1e-10);

  // A mask that is a view with gaps says the same.
  auto strided = batch;
  strided.visible =
      at::cat({batch.visible.unsqueeze(1), batch.visible.logical_not().unsqueeze(1)}, 1)
          .select(1, 0);
  REQUIRE_FALSE(strided.visible.is_contiguous());
  CHECK(at::equal(model->hidden(strided), model->hidden(batch)));

  // Another token in a hidden place changes its own row and no other.
  const auto before = model->hidden(batch);
  std::int64_t place = 0;
  while (batch.visible[place].item<bool>()) ++place;
  auto changed = batch;
  changed.tokens = batch.tokens.clone();
  changed.tokens.select(0, place).add_(1);
  const auto difference = model->hidden(changed).sub(before).abs().sum(1);
  CHECK(difference[place].item<double>() > 0);
  CHECK(difference.gt(0).sum().item<std::int64_t>() == 1);
}

TEST_CASE("A token's row has the same bits alone and in any pack", "[model][llada]") {
  const auto type = GENERATE(at::kFloat, at::kDouble);
  lldm::TransformerConfig config{.rope_theta = 100.0};
  const auto model = make(config, type);
  const auto pack = random_batch(config, {50, 3, 50, 17, 120, 1, 16});
  const c10::NoGradGuard guard;
  const auto together = model->hidden(pack);
  const auto logits = model->logits(together);
  for (std::size_t s = 0; s + 1 < pack.offsets.size(); ++s) {
    const std::int64_t begin = pack.offsets[s], length = pack.offsets[s + 1] - begin;
    const auto alone = model->hidden({pack.tokens.narrow(0, begin, length), {0, length}});
    INFO("sequence " << s << " of " << length);
    // MKL's strict modes promise rows independent of their number for float32 only.
    if (type == at::kFloat) {
      CHECK(at::equal(alone, together.narrow(0, begin, length)));
      CHECK(at::equal(model->logits(alone), logits.narrow(0, begin, length)));
    } else {
      CHECK(alone.sub(together.narrow(0, begin, length)).abs().max().item<double>() < 1e-12);
    }
  }
}

TEST_CASE("Transformer repeats its bits, with a graph and without", "[model][llada]") {
  const lldm::TransformerConfig config{.rope_theta = 100.0};
  const auto model = make(config, at::kFloat);
  const auto batch = random_batch(config, std::vector<std::int64_t>(40, 50));
  const auto run = [&] {
    const auto hidden = model->hidden(batch);
    auto list = gradients(*model, weighted(model->log_probabilities(hidden, batch.tokens)));
    list.push_back(hidden.detach());
    return list;
  };
  const auto first = run(), second = run();
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(at::equal(first[i], second[i]));
  const c10::NoGradGuard guard;
  CHECK(at::equal(model->hidden(batch), first.back()));
}

TEST_CASE("Transformer's rows do not depend on the number of threads", "[model][llada]") {
  const lldm::TransformerConfig config{.rope_theta = 100.0};
  const auto model = make(config, at::kFloat);
  const auto batch = random_batch(config, std::vector<std::int64_t>(40, 50));
  const c10::NoGradGuard guard;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = model->hidden(batch);
  at::set_num_threads(2);
  const auto two = model->hidden(batch);
  at::set_num_threads(threads);
  CHECK(at::equal(one, two));
}

TEST_CASE("Transformer trains what is trainable and nothing else", "[model][llada]") {
  const auto config = small_config();
  const auto model = make(config);
  const auto batch = random_batch(config, kRagged);
  const auto loss = [&] {
    return weighted(model->log_probabilities(model->hidden(batch), batch.tokens));
  };
  const auto all = gradients(*model, loss());
  const auto parameters = model->parameters();
  for (std::size_t only = 0; only < parameters.size(); ++only) {
    model->set_trainable(false);
    at::Tensor(parameters[only].value).requires_grad_(true);
    const auto some = gradients(*model, loss());
    INFO(parameters[only].name);
    for (std::size_t i = 0; i < some.size(); ++i) CHECK(some[i].defined() == (i == only));
    CHECK(some[only].sub(all[only]).abs().max().item<double>() <= 1e-14);
  }
  model->set_trainable(false);
  CHECK_FALSE(model->hidden(batch).requires_grad());
}

TEST_CASE("Transformer works when its weights were moved apart in memory", "[model][llada]") {
  const auto config = small_config();
  const auto model = make(config);
  const auto batch = random_batch(config, kRagged);
  const auto before = model->hidden(batch).detach();
  for (const auto& p : model->parameters()) at::Tensor(p.value).set_data(p.value.detach().clone());
  CHECK(model->hidden(batch).sub(before).abs().max().item<double>() < 1e-14);
  CHECK(compare_with_reference(*model, batch) < 1e-10);
}

TEST_CASE("Transformer refuses second derivatives instead of getting them wrong",
          "[model][llada]") {
  const auto config = small_config();
  const auto model = make(config);
  const auto batch = random_batch(config, {4});
  const auto loss = model->hidden(batch).sum();
  const std::string text =
      "Transformer: second derivatives are not implemented\n  call backward without create_graph";
  const auto embedding = model->parameters().front().value;
  CHECK_THROWS_WITH(torch::autograd::grad({loss}, {embedding}, {}, true, true), text);
  const auto rows = model->hidden(batch).detach().requires_grad_(true);
  const auto score = model->log_probabilities(rows, batch.tokens).sum();
  CHECK_THROWS_WITH(torch::autograd::grad({score}, {rows}, {}, true, true), text);
}

TEST_CASE("Transformer::log_probabilities is the same in one chunk and in many", "[model][llada]") {
  auto config = small_config();
  config.vocabulary = config.logit_columns = 30000;  // float64: 69 rows a chunk
  const auto model = make(config);
  const auto batch = random_batch(config, std::vector<std::int64_t>(5, 60));
  const auto hidden = model->hidden(batch).detach();
  const auto compare = [&] {
    const auto ours = model->log_probabilities(hidden.requires_grad_(true), batch.tokens);
    const auto plain = lldm::testing::log_probabilities_by_operations(*model, hidden, batch.tokens);
    CHECK(ours.sub(plain).abs().max().item<double>() < 1e-10);
    const auto& head = model->parameters().back().value;
    const auto a = torch::autograd::grad({weighted(ours)}, {hidden, head});
    const auto b = torch::autograd::grad({weighted(plain)}, {hidden, head});
    for (std::size_t i = 0; i < 2; ++i)
      CHECK(a[i].sub(b[i]).norm().item<double>() <= 1e-10 * b[i].norm().item<double>());
  };
  compare();
  model->exclude_logit(29999);
  compare();
  CHECK(model->logits(hidden).select(1, 29999).isneginf().all().item<bool>());
  CHECK_THROWS_AS(model->log_probabilities(hidden.narrow(0, 0, 1), at::tensor({29999}, at::kLong)),
                  lldm::ShapeError);
}

TEST_CASE("Transformer's initial weights depend on the seed and the tensor's name alone",
          "[model][llada]") {
  auto config = small_config();
  const auto model = lldm::make_transformer(config, {}, lldm::Draws(1, "a"));
  config.layers = 3;
  const auto deeper =
      lldm::testing::weights_by_name(*lldm::make_transformer(config, {}, lldm::Draws(1, "a")));
  const auto other =
      lldm::testing::weights_by_name(*lldm::make_transformer(config, {}, lldm::Draws(2, "a")));
  std::int64_t numbers = 0;
  for (const auto& p : model->parameters()) {
    INFO(p.name);
    CHECK(p.value.requires_grad());
    CHECK(at::equal(p.value, deeper.at(p.name)));
    CHECK(at::equal(p.value, other.at(p.name)) == (p.value.dim() == 1));
    numbers += p.value.numel();
  }
  CHECK(numbers == model->config().num_parameters());
}

TEST_CASE("Transformer's initial weights have the deviations asked for", "[model][llada]") {
  lldm::TransformerConfig config{
      .width = 128, .mlp_width = 256, .vocabulary = 512, .logit_columns = 512};
  const auto w =
      lldm::testing::weights_by_name(*lldm::make_transformer(config, {}, lldm::Draws(1, "a")));
  const auto deviation = [&](const char* name) { return w.at(name).std().item<double>(); };
  // 65536 and 32768 numbers: the standard error of a deviation is 0.4 % at most; 5 of them.
  CHECK(std::abs(deviation("model.transformer.wte.weight") / (0.5) - 1) < 0.02);
  CHECK(std::abs(deviation("model.transformer.ff_out.weight") / (0.02) - 1) < 0.02);
  CHECK(std::abs(deviation("model.transformer.blocks.0.up_proj.weight") / (1 / std::sqrt(128.0)) -
                 1) < 0.02);
  CHECK(std::abs(deviation("model.transformer.blocks.1.ff_out.weight") / (1 / std::sqrt(256.0)) -
                 1) < 0.02);
  CHECK(w.at("model.transformer.ln_f.weight").eq(1).all().item<bool>());
}

TEST_CASE("clone_frozen shares nothing with its original", "[model][llada]") {
  const auto config = small_config();
  const auto model = make(config);
  model->exclude_logit(3);
  const auto batch = random_batch(config, {6});
  const auto frozen = lldm::clone_frozen(*model);
  const auto before = model->hidden(batch).detach();
  CHECK(at::equal(frozen->hidden(batch), before));
  CHECK_FALSE(frozen->hidden(batch).requires_grad());
  CHECK(frozen->excluded_logit() == 3);
  const c10::NoGradGuard guard;
  for (const auto& p : model->parameters()) at::Tensor(p.value).mul_(2);
  CHECK(at::equal(frozen->hidden(batch), before));
}

TEST_CASE("Transformer says what is wrong with a batch", "[model][llada]") {
  const auto config = small_config();
  const auto model = make(config);
  const auto batch = random_batch(config, {4, 3});
  const auto fails = [&](const lldm::PackedTokens& wrong, const std::string& text) {
    std::string error;
    try {
      (void)model->hidden(wrong);
    } catch (const lldm::ShapeError& caught) {
      error = caught.what();
    }
    INFO("expected " << text << ", got " << error);
    CHECK(error.find(text) != std::string::npos);
  };
  fails({batch.tokens, {0, 4, 8}}, "tokens must be int64 [N] with N = offsets.back() = 8");
  fails({batch.tokens, {0, 0, 7}}, "sequence 0 has 0 tokens");
  fails({batch.tokens, {1, 7}}, "offsets must start at 0");
  fails({at::arange(65).remainder(13), {0, 65}},
        "sequence 0 has 65 tokens, must be in [1, max_length = 64]");
  fails({batch.tokens.add(17), {0, 7}}, "must be in [0, 17)");
  fails({batch.tokens, {0, 4, 7}, at::arange(7).lt(4)}, "sequence 1 has no visible token");
  const auto rows = model->hidden(batch);
  CHECK_THROWS_AS(model->log_probabilities(rows, batch.tokens.narrow(0, 0, 3)), lldm::ShapeError);
  CHECK_THROWS_AS(model->log_probabilities(rows.to(at::kFloat), batch.tokens), lldm::ShapeError);
  CHECK_THROWS_AS(model->log_probabilities(rows, batch.tokens.add(17)), lldm::ShapeError);
  CHECK_THROWS_AS(model->exclude_logit(17), lldm::ConfigError);
  CHECK_THROWS_AS(lldm::Transformer(config, at::kInt), lldm::ShapeError);
}
