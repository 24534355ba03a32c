// SPDX-License-Identifier: MIT
// Every flag that a family switches on, against the slow reference and finite differences.
#include <ATen/ops/equal.h>

#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "model/block.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

/// Sizes of small_config with what the family switches on.
TransformerConfig small(const std::string& family) {
  TransformerConfig config = family_defaults(family);
  const TransformerConfig sizes = small_config();
  config.width = sizes.width, config.layers = sizes.layers, config.heads = sizes.heads,
  config.kv_heads = sizes.kv_heads, config.mlp_width = sizes.mlp_width,
  config.vocabulary = config.logit_columns = sizes.vocabulary, config.max_length = sizes.max_length,
  config.rope_theta = sizes.rope_theta;
  return config;
}

/// Every flag alone and all families: name and config.
std::vector<std::pair<std::string, TransformerConfig>> all_flags() {
  std::vector<std::pair<std::string, TransformerConfig>> list;
  for (const auto& family : family_names()) list.emplace_back(family, small(family));
  const auto add = [&](const char* name, const char* family, const auto& change) {
    list.emplace_back(name, small(family));
    change(list.back().second);
  };
  add("heads wider than the model", "qwen3", [](auto& c) { c.given_head_width = 10; });
  add("every bias", "llama", [](auto& c) { c.qkv_bias = c.output_bias = c.mlp_bias = true; });
  add("norms and biases", "qwen3", [](auto& c) { c.qkv_bias = c.output_bias = true; });
  add("tied head, in place", "qwen2",
      [](auto& c) { c.tied_head = true, c.shifted_logits = false; });
  add("one fused group", "smdm", [](auto& c) { c.kv_heads = 1; });
  add("fused, a key head per query head", "smdm", [](auto& c) { c.kv_heads = c.heads; });
  add("stretched positions", "llama",
      [](auto& c) { c.rope_scaling = {RopeScaling::Kind::linear, 4.0}; });
  return list;
}

/// d loss / d(step along `direction`) by central differences.
double slope_along(const Transformer& model, const at::Tensor& weight, const at::Tensor& direction,
                   const PackedTokens& batch) {
  const c10::NoGradGuard guard;
  constexpr double kStep = 1e-5;
  const auto loss = [&](double step) {
    weight.detach().add_(direction, step);
    return weighted(model.log_probabilities(model.hidden(batch), batch.tokens)).item<double>();
  };
  const double above = loss(kStep), below = loss(-2 * kStep);
  weight.detach().add_(direction, kStep);
  return (above - below) / (2 * kStep);
}

}  // namespace

TEST_CASE("every family's gradients are those of the slow reference", "[model][families]") {
  for (const auto& [name, config] : all_flags()) {
    INFO(name);
    auto batch = random_batch(config, kRagged);
    CHECK(compare_with_reference(*make(config), batch) < 1e-10);
    // A cosine of float32 may round to another bfloat16 than the reference's of float64.
    CHECK(compare_with_reference(*make(config, at::kFloat), batch) <
          (config.rope_bfloat16 ? 2e-3 : 2e-4));
    batch.visible = batch.tokens.remainder(3).ne(0);
    for (const auto first : batch.offsets)
      if (first < batch.num_tokens()) batch.visible.select(0, first).fill_(true);
    CHECK(compare_with_reference(*make(config), batch) < 1e-10);
  }
}

TEST_CASE("every family's gradients are finite differences in float64", "[model][families]") {
  for (const auto& [name, config] : all_flags()) {
    const auto model = make(config);
    const auto batch = random_batch(config, {1, 6, 17});
    const auto slopes =
        gradients(*model, weighted(model->log_probabilities(model->hidden(batch), batch.tokens)));
    const auto parameters = model->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      INFO(name << ": " << parameters[i].name);
      const auto direction = at::arange(1, parameters[i].value.numel() + 1, at::kDouble)
                                 .mul(0.7)
                                 .sin()
                                 .view_as(parameters[i].value);
      const double expected = slopes[i].mul(direction).sum().item<double>();
      const double scale = slopes[i].norm().item<double>() * direction.norm().item<double>();
      CHECK(std::abs(slope_along(*model, parameters[i].value, direction, batch) - expected) <=
            1e-7 * scale + 1e-8);
    }
  }
}

TEST_CASE("a block's kernels and its plain operations agree for every family",
          "[model][families]") {
  for (const auto& [name, config] : all_flags()) {
    INFO(name);
    const auto model = make(config);
    auto batch = random_batch(config, {5, 5, 12});
    const auto fused = model->raw_hidden(batch);
    batch.patterns.resize(3);  // full patterns: seen whole, by plain operations
    CHECK(model->raw_hidden(batch).sub(fused).abs().max().item<double>() < 1e-12);
  }
}

TEST_CASE("a model of any family trains what is trainable and nothing else", "[model][families]") {
  for (const auto& [name, config] : all_flags()) {
    const auto model = make(config);
    const auto batch = random_batch(config, {4, 9});
    const auto loss = [&] {
      return weighted(model->log_probabilities(model->hidden(batch), batch.tokens));
    };
    const auto all = gradients(*model, loss());
    const auto parameters = model->parameters();
    for (std::size_t only = 0; only < parameters.size(); ++only) {
      INFO(name << ": " << parameters[only].name);
      model->set_trainable(false);
      at::Tensor(parameters[only].value).requires_grad_(true);
      const auto some = gradients(*model, loss());
      for (std::size_t i = 0; i < some.size(); ++i) CHECK(some[i].defined() == (i == only));
      CHECK(some[only].sub(all[only]).abs().max().item<double>() <= 1e-13);
    }
  }
}

TEST_CASE("a folder of any family gives back the model and its config", "[model][families]") {
  for (const auto& [name, config] : all_flags()) {
    INFO(name);
    const TemporaryFolder folder;
    auto given = config;
    if (given.family == "smdm") given.mask_token = given.logit_columns;
    if (given.family == "dream") given.mask_token = 1, given.padding_token = 2;
    const auto model = make_transformer(given, {}, Draws(1, "t"));
    save_transformer(*model, folder.path());
    const auto back = load_transformer(folder.path());
    CHECK(back->config() == given);
    const auto from = model->parameters(), to = back->parameters();
    REQUIRE(from.size() == to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      CHECK(from[i].name == to[i].name);
      CHECK(at::equal(from[i].value, to[i].value));
    }
    std::int64_t numbers = 0;
    for (const auto& p : to) numbers += p.value.numel();
    CHECK(numbers == given.num_parameters());
  }
}

TEST_CASE("[model] family makes a fresh model of every family", "[model][families]") {
  for (const auto& family : family_names()) {
    INFO(family);
    const ModelOptions options{
        .family = family, .width = 32, .layers = 1, .heads = 4, .max_length = 32};
    const auto model = make_model(options, {.vocabulary_size = 9, .mask = 8}, Draws(1, "t"));
    const auto& config = dynamic_cast<const Transformer&>(*model).config();
    CHECK(config.family == family);
    CHECK(config.mask_token == 8);
    CHECK(model->vocabulary_size() == 9);
    CHECK(config.logit_columns == (family == "smdm" ? 8 : 9));
    CHECK(parse_model_config(model->config_text(), "c").family == family);
  }
}

TEST_CASE("shifted logits are read at the token before, in every sequence", "[model][families]") {
  auto config = small("dream");
  const auto model = make(config);
  const auto batch = random_batch(config, {3, 1, 20});
  const auto raw = model->raw_hidden(batch), read = model->hidden(batch);
  for (std::size_t s = 0; s + 1 < batch.offsets.size(); ++s)
    for (std::int64_t i = batch.offsets[s]; i < batch.offsets[s + 1]; ++i)
      CHECK(at::equal(read[i], raw[std::max(i - 1, batch.offsets[s])]));
  auto patterned = random_batch(config, {8});
  patterned.patterns.push_back({.kind = AttentionPattern::Kind::two_stream, .block_size = 2});
  CHECK_THROWS_WITH(model->hidden(patterned),
                    "Transformer::hidden: sequence 0 is two-stream, which is not defined for "
                    "shifted logits");
}

TEST_CASE("an id without a logit has probability zero", "[model][families]") {
  auto config = small("smdm");
  const auto model = make(config);
  const std::int64_t mask = config.logit_columns;
  CHECK(model->vocabulary_size() == mask + 1);
  auto batch = random_batch(config, {20});
  batch.tokens.select(0, 3).fill_(mask);  // its embedding is one like any other
  const auto logits = model->logits(model->hidden(batch));
  CHECK(logits.size(1) == mask + 1);
  CHECK(logits.select(1, mask).isinf().all().item<bool>());
  model->exclude_logit(mask);
  CHECK(at::equal(model->logits(model->hidden(batch)), logits));
  CHECK_THROWS_AS(model->log_probabilities(model->hidden(batch), batch.tokens), ShapeError);
}
