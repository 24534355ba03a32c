// SPDX-License-Identifier: MIT
// What is chosen by tensor operations, where the logits are, is what TokenChoice chooses.
#include "sampler/device_choice.hpp"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <optional>

#include "lldm/errors.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "sampler/candidate_evaluation.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kRows = 64, kVocabulary = 97;

/// Few different values, so that many are equal, and some that are never chosen.
at::Tensor matrix_of(std::uint64_t seed) {
  Stream draws = Draws(seed, "logits").stream(Purpose::data);
  at::Tensor logits = at::empty({kRows, kVocabulary}, at::kDouble);
  double* data = logits.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < logits.numel(); ++i)
    data[i] = draws.below(10) == 0 ? -kInfinity : 0.5 * static_cast<double>(draws.below(9));
  return logits;
}

at::Tensor uniforms() {
  Stream draws = Draws(3, "uniforms").stream(Purpose::data);
  at::Tensor values = at::empty({kRows, kVocabulary}, at::kDouble);
  double* data = values.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) data[i] = draws.uniform_open();
  return values;
}

std::span<double> row_of(const at::Tensor& matrix, std::int64_t row) {
  return {matrix.mutable_data_ptr<double>() + row * kVocabulary,
          static_cast<std::size_t>(kVocabulary)};
}

void require_equal(double a, double b) {
  if (std::isnan(b))
    REQUIRE(std::isnan(a));
  else
    REQUIRE(std::abs(a - b) <= 1e-12);
}

void require_same_choices(const TokenChoice& choice, const Guidance& guidance,
                          CandidateStatistics statistics) {
  const at::Tensor noise = choice.temperature > 0 ? uniforms() : at::Tensor();
  const at::Tensor here = matrix_of(1), other = matrix_of(2);
  at::Tensor there = here.clone();
  if (guidance.is_on()) there = guided(guidance, there, other.clone());
  const auto chosen = chosen_rows(choose_on_device(choice, there, noise, statistics));
  for (std::int64_t r = 0; r < kRows; ++r) {
    if (guidance.is_on()) guidance.combine(row_of(here, r), row_of(other, r));
    const std::span<const double> own = noise.defined() ? row_of(noise, r) : std::span<double>();
    const auto& row = chosen[static_cast<std::size_t>(r)];
    bool is_finite = true;
    Candidate wanted{};
    try {
      wanted = choice.choose(row_of(here, r), own, statistics);
    } catch (const Error&) {  // guidance may give +inf
      is_finite = false;
    }
    REQUIRE(row.is_finite == is_finite);
    if (!is_finite) continue;
    REQUIRE(row.candidate.token == wanted.token);
    require_equal(row.candidate.probability, wanted.probability);
    require_equal(row.candidate.second_probability, wanted.second_probability);
    require_equal(row.candidate.entropy, wanted.entropy);
  }
}

}  // namespace

TEST_CASE("What is chosen on a device is what TokenChoice chooses", "[sampler][device_choice]") {
  for (const double temperature : {0.0, 0.7})
    for (const double scale : {0.0, 1.5})
      for (const auto statistics : {CandidateStatistics::none, CandidateStatistics::probability,
                                    CandidateStatistics::all}) {
        INFO(temperature << " " << scale << " " << static_cast<int>(statistics));
        require_same_choices({.temperature = temperature, .never_chosen = {}, .discounted = {}},
                             {scale}, statistics);
        require_same_choices({.temperature = temperature,
                              .never_chosen = {3, 90, kVocabulary + 5},
                              .discounted = {0, 1, 2, 17}},
                             {scale}, statistics);
      }
}

TEST_CASE("A logit that is no number is told apart on a device", "[sampler][device_choice]") {
  at::Tensor logits = matrix_of(1);
  row_of(logits, 5)[7] = std::numeric_limits<double>::quiet_NaN();
  row_of(logits, 6)[0] = kInfinity;
  const auto rows = chosen_rows(choose_on_device({}, logits, {}, CandidateStatistics::all));
  for (std::size_t r = 0; r < rows.size(); ++r) CHECK(rows[r].is_finite == (r != 5 && r != 6));
}

namespace {

struct Steps final : StepModel {
  explicit Steps(const Transformer& model) : model(model) {}
  at::Tensor hidden_at(const PackedTokens& batch, const at::Tensor& positions) const override {
    return model.hidden_at(batch, positions);
  }
  at::Tensor logits(const at::Tensor& rows) const override { return model.logits(rows); }
  std::vector<NamedParameter> parameters() const override { return model.parameters(); }
  std::int64_t vocabulary_size() const override { return model.vocabulary_size(); }
  const Transformer& model;
};

}  // namespace

/// Counts who asks for numbers, and whether a device may make them itself.
class CountedNoise final : public NoiseSource {
 public:
  CountedNoise(const Draws& draws, bool has_streams) : own_(draws), has_streams_(has_streams) {}
  void token_uniforms(const NoiseKey& key, std::int64_t column,
                      std::span<double> out) const override {
    ++made_here;
    own_.token_uniforms(key, column, out);
  }
  std::optional<Stream> token_stream(const NoiseKey& key, std::int64_t column) const override {
    if (!has_streams_) return std::nullopt;
    return own_.token_stream(key, column);
  }
  Stream order_stream(const NoiseKey& key) const override { return own_.order_stream(key); }

  mutable std::atomic<int> made_here = 0;

 private:
  PhiloxNoise own_;
  bool has_streams_;
};

TEST_CASE("A whole step's candidates are the same, chosen here or there",
          "[sampler][device_choice]") {
  TransformerConfig config;
  config.width = 32;
  config.layers = 1;
  config.heads = config.kv_heads = 2;
  config.mlp_width = 64;
  // Wide enough that a step is several chunks of a device.
  config.vocabulary = config.logit_columns = 300000;
  config.max_length = 64;
  const auto network = make_transformer(config, {}, Draws(1, "model"));
  const Steps model(*network);
  const Draws draws(3, "sample");
  const PhiloxNoise noise(draws);
  std::vector<SampleRequest> requests(2);
  requests[0].prompt = {1, 2, 3};
  requests[1].prompt = {4, 5, 6, 7};
  requests[1].row = 1;
  for (const double scale : {0.0, 0.7}) {
    const SamplerParts parts = make_sampler_parts(
        "test",
        {.response_length = 8,
         .block_length = 8,
         .steps = 4,
         .temperature = 0.8,
         .cfg_scale = scale},
        {.mask = 79, .end_of_text = 78, .end_of_turn = 77}, AnyCommitRule(LowConfidence()));
    std::vector<RowState> rows;
    for (std::size_t r = 0; r < requests.size(); ++r)
      rows.emplace_back(parts, requests[r], static_cast<std::int64_t>(r), Trace::none);
    const c10::InferenceMode no_gradients;
    const auto here = CandidateEvaluation(model, parts, noise)(rows);
    const CountedNoise made_there(draws, true), made_here(draws, false);
    const auto there = CandidateEvaluation(model, parts, made_there, ChoosesOn::device)(rows);
    CHECK(made_there.made_here == 0);  // no number came from the host
    REQUIRE(here.size() == there.size());
    const auto copied = CandidateEvaluation(model, parts, made_here, ChoosesOn::device)(rows);
    CHECK(made_here.made_here == 16);
    for (std::size_t r = 0; r < here.size(); ++r) {
      REQUIRE(here[r].size() == 8);
      REQUIRE(there[r].size() == 8);
      for (std::size_t i = 0; i < here[r].size(); ++i) {
        CHECK(here[r][i].token == there[r][i].token);
        CHECK(here[r][i].position == there[r][i].position);
        // Noise that no stream gives goes the other way, to the same bits.
        CHECK(copied[r][i].token == there[r][i].token);
        CHECK(copied[r][i].probability == there[r][i].probability);
        CHECK(here[r][i].probability == Approx(there[r][i].probability).epsilon(1e-10));
      }
    }
  }
}
