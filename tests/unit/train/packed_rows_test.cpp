// SPDX-License-Identifier: MIT
// Rows that hold several texts: each is trained on as if it stood alone, and none costs padding.
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/pretraining.hpp"
#include "support/catch.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr std::int64_t kDraws = 3;

/// Rows of several texts each.
struct PackedSource final : RowSource {
  std::vector<std::vector<TrainingRow>> rows;
  [[nodiscard]] std::int64_t size() const override {
    return static_cast<std::int64_t>(rows.size());
  }
  [[nodiscard]] std::vector<TrainingRow> row(std::int64_t index) const override {
    return rows.at(static_cast<std::size_t>(index));
  }
};

std::vector<TrainingRow> texts(std::uint64_t count) {
  std::vector<TrainingRow> rows;
  Stream stream = Draws(5, "rows").stream(Purpose::data);
  for (std::uint64_t id = 0; id < count; ++id) {
    Text text;
    const std::int64_t size = 2 + stream.below(7);
    for (std::int64_t i = 0; i < size; ++i) text.response.push_back(stream.below(7));
    rows.push_back({100 + id, {std::move(text)}});
  }
  return rows;
}

/// The texts in rows of 3, 1 and all others.
std::shared_ptr<PackedSource> packed(const std::vector<TrainingRow>& all) {
  auto source = std::make_shared<PackedSource>();
  source->rows = {{all.begin(), all.begin() + 3}, {all[3]}, {all.begin() + 4, all.end()}};
  return source;
}

TrainWorld world(std::int64_t batch_size) {
  TrainWorld world(1);
  world.setup.reference = nullptr;
  world.setup.rows.clear();
  world.setup.path = GradientPath::automatic;
  world.setup.optimizer.batch_size = batch_size;
  return world;
}

/// The metrics of the only step.
std::map<std::string, double> step(TrainWorld& world) {
  Trainer<MaskedProcess, MonteCarloElbo, Pretraining> trainer(
      process(), MonteCarloElbo({.draws = kDraws}), Pretraining({}), world.setup);
  Recorder recorder;
  trainer.run(recorder);
  return recorder.metrics.at(0);
}

/// Counts the tokens that a model is shown, sequence by sequence.
struct CountingDenoiser {
  std::shared_ptr<const Transformer> inner;
  std::shared_ptr<std::vector<std::int64_t>> lengths;

  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const {
    for (std::size_t i = 1; i < batch.offsets.size(); ++i)
      lengths->push_back(batch.offsets[i] - batch.offsets[i - 1]);
    return inner->hidden(batch);
  }
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const {
    return inner->log_probabilities(rows, targets);
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const { return inner->logits(rows); }
  [[nodiscard]] std::vector<NamedParameter> parameters() const { return inner->parameters(); }
  [[nodiscard]] std::int64_t vocabulary_size() const { return inner->vocabulary_size(); }
};
static_assert(Denoiser<CountingDenoiser>);

}  // namespace

TEST_CASE("The loss of a text in a row of several is that of the text alone", "[train][source]") {
  const std::vector<TrainingRow> all = texts(9);
  double sum = 0, tokens = 0;
  for (const TrainingRow& text : all) {
    TrainWorld alone = world(1);
    alone.setup.rows = {text};
    const auto length = static_cast<double>(text.answers.front().response.size());
    sum += step(alone).at("loss") * length;
    tokens += length;
  }
  for (const std::int64_t per_forward : {std::int64_t{16384}, std::int64_t{11}}) {
    TrainWorld together = world(3);
    together.setup.source = packed(all);
    together.setup.engine.max_tokens_per_forward = per_forward;
    CHECK(step(together).at("loss") == Approx(sum / tokens).epsilon(1e-6));
  }
}

TEST_CASE("A step counts rows, micro-batches hold whole ones, and the update is the same",
          "[train][source]") {
  const std::vector<TrainingRow> all = texts(9);
  TrainWorld whole = world(3), parts = world(1), apart = world(9);
  whole.setup.source = parts.setup.source = packed(all);
  parts.setup.optimizer.gradient_accumulation_steps = 3;
  apart.setup.rows = all;
  const auto metrics = step(whole);
  CHECK(metrics.at("trainable_tokens") == step(parts).at("trainable_tokens"));
  CHECK(metrics.at("forward_passes") == 9 * kDraws);
  CHECK(metrics.at("trainable_tokens") == step(apart).at("trainable_tokens"));
  CHECK(largest_difference(*whole.policy, *parts.policy) < 1e-5);
  CHECK(largest_difference(*whole.policy, *apart.policy) < 1e-5);
}

TEST_CASE("Rows of several texts cost no padding", "[train][source]") {
  const std::vector<TrainingRow> all = texts(9);
  TrainWorld counted = world(3);
  counted.setup.source = packed(all);
  const auto lengths = std::make_shared<std::vector<std::int64_t>>();
  counted.setup.policy = std::make_shared<AnyDenoiser>(
      std::make_shared<const CountingDenoiser>(CountingDenoiser{counted.policy, lengths}));
  const auto metrics = step(counted);
  std::int64_t shown = 0, most = 0, longest = 0;
  for (const std::int64_t length : *lengths) shown += length, most = std::max(most, length);
  for (const TrainingRow& text : all) longest = std::max(longest, text.answers.front().length());
  CHECK(most == longest);  // no sequence is longer than a text: none holds two, none is padded
  CHECK(shown <= kDraws * static_cast<std::int64_t>(metrics.at("trainable_tokens")));
  CHECK(shown > 0);
}
