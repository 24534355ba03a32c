// SPDX-License-Identifier: MIT
// Exact likelihood bounds by enumeration of a small LLaDA model, and LLaDA's Monte-Carlo likelihood
// with its recorded draws.
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include <iostream>

#include "golden/model_case.hpp"
#include "lldm/estimator/adaptive.hpp"
#include "lldm/estimator/block_aligned.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/score/engine.hpp"
#include "support/declared_targets.hpp"
#include "support/exact_moments.hpp"
#include "support/golden.hpp"
#include "support/registered_components.hpp"
#include "support/schedules.hpp"

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

std::shared_ptr<const Transformer> policy_model() {
  return std::make_shared<const Transformer>(
      load_golden_model(golden_root() / "llada", at::kFloat));
}

std::shared_ptr<const Transformer> reference_model() {
  Transformer model = load_golden_model(golden_root() / "llada", at::kFloat);
  const auto tensors = load_safetensors(golden_root() / "likelihood/ref_model.safetensors");
  auto parameters = model.parameters();
  REQUIRE(tensors.size() == parameters.size());
  for (auto& parameter : parameters) parameter.value.copy_(tensors.at(parameter.name));
  return std::make_shared<const Transformer>(std::move(model));
}

/// A recorded table [2^L - 1, L]; its row s - 1 is subset s.
SubsetTable recorded_table(const TensorMap& tensors, const std::string& name) {
  const at::Tensor values = tensors.at(name + ".token_logp").contiguous();
  SubsetTable table{static_cast<std::size_t>(values.size(1)), {}};
  table.logp.assign(table.size, 0.0);  // the empty subset
  table.logp.insert(table.logp.end(), values.const_data_ptr<double>(),
                    values.const_data_ptr<double>() + values.numel());
  REQUIRE(table.logp.size() == table.subsets() * table.size);
  const at::Tensor sums = tensors.at(name + ".subset_sum");
  for (std::size_t subset = 1; subset < table.subsets(); ++subset)
    CHECK(std::abs(table.sum(subset) - sums[static_cast<std::int64_t>(subset - 1)].item<double>()) <
          1e-9);
  return table;
}

double left_to_right(const SubsetTable& table) {
  double sum = 0;
  for (std::size_t i = 0; i < table.size; ++i)
    sum += table.at((table.subsets() - 1) & ~((std::size_t{1} << i) - 1), i);
  return sum;
}

struct Decomposition {
  double mean = 0, of_means = 0, of_variances = 0;
};

Decomposition decompose(const SubsetTable& table) {
  Decomposition parts;
  std::vector<std::pair<double, double>> means;
  const auto n = static_cast<double>(table.size);
  for (int l = 1; l <= static_cast<int>(table.size); ++l) {
    const Moments given = moments_of_count(table, l);
    means.emplace_back(1 / n, given.mean);
    parts.of_variances += given.variance / n;
  }
  const Moments total = moments_of(means);
  parts.mean = total.mean, parts.of_means = total.variance;
  return parts;
}

#define LLDM_NEAR(got, expected) \
  CHECK(got == Approx((expected).get<double>()).margin(1e-9).epsilon(1e-11))

void check_decomposition(const Decomposition& parts, const json& expected) {
  LLDM_NEAR(parts.of_means, expected.at("variance_of_means_over_l"));
  LLDM_NEAR(parts.of_variances, expected.at("mean_of_variances_over_l"));
  LLDM_NEAR(parts.of_means + parts.of_variances, expected.at("single_sample_variance"));
}

void check_table(const SubsetTable& table, const json& expected) {
  LLDM_NEAR(dot(elbo_weights(table.size), table.logp), expected.at("elbo"));
  LLDM_NEAR(dot(any_order_weights(table.size), table.logp), expected.at("any_order_average"));
  LLDM_NEAR(left_to_right(table), expected.at("left_to_right_logp"));
  for (std::size_t l = 1; l <= table.size; ++l) {
    const Moments given = moments_of_count(table, static_cast<int>(l));
    LLDM_NEAR(given.mean, expected.at("per_l_mean")[l - 1]);
    LLDM_NEAR(given.variance, expected.at("per_l_variance")[l - 1]);
  }
  check_decomposition(decompose(table), expected);
}

Text text_of(const json& prompt, const json& response) {
  return {prompt.get<std::vector<std::int64_t>>(), response.get<std::vector<std::int64_t>>(), -1};
}

/// The table with our estimators' worlds around it (they need no model, only the mask's id).
World world_of(const Text& text, SubsetTable table) {
  return {ToyTable(golden_mask_token(), 0, 1), text,
          MaskedProcess(golden_mask_token(), LinearSchedule()), std::move(table)};
}

/// The single-sample variances of independent draws, against the recorded decomposition:
/// variance_of_means_over_l / n_t + mean_of_variances_over_l / (n_t n_y).
void check_variances(const World& world) {
  const Decomposition parts = decompose(world.subsets);
  const auto check = [&](const AnyScoreEstimator& estimator, int counts, int draws) {
    INFO(counts << " counts, " << draws << " masks");
    CHECK(variance_failure(world, estimator,
                           {parts.mean, parts.of_means / counts + parts.of_variances / draws},
                           4000) == "");
  };
  for (const auto& [draws, masks] : {std::pair{1, 1}, {4, 1}, {4, 2}, {4, 4}, {8, 1}})
    check(MonteCarloElbo({.draws = draws, .masks_per_time = masks}), draws / masks, draws);
  // Copies of the same law under other names: one block over the whole answer, repeated plans.
  check(BlockAligned({.block_length = 64, .draws = 3}), 3, 3);
  check(Adaptive({.min = 2, .max = 3}, MonteCarloElbo({.draws = 2})).at(3), 6, 6);
}

/// Every registered estimator that calls itself unbiased, against its target from the recorded
/// table; how many there were.
int check_declared_targets(World world) {
  const ScheduleFormula linear{[](double t) { return 1.0 - t; }, [](double) { return -1.0; }};
  Stream stream = Draws(1, "orders").stream(Purpose::data);
  for (std::size_t i = 0; i < world.subsets.size; ++i)  // steps shared by some tokens
    world.text.reveal_step.push_back(stream.below(4));
  int checked = 0;
  for (auto& estimator : registered_estimators()) {
    if (const auto adaptation = estimator.component.adaptation())
      estimator.component = estimator.component.at(adaptation->max);
    const Target target = estimator.component.target(world.text.num_scored());
    if (!target.is_unbiased) continue;
    INFO(estimator.name << ", target " << target.name);
    const auto exact = declared_target(target.name, world.text, linear);
    REQUIRE(exact.has_value());
    CHECK(mean_failure(world, estimator.component, exact->weights, exact->constant, 2500) == "");
    ++checked;
  }
  return checked;
}

/// Every subset as one copy of a plan that asks all its masked positions.
ScorePlan enumeration_plan(const Text& text) {
  ScorePlan plan;
  plan.length = text.length();
  plan.num_prompt = static_cast<std::int64_t>(text.prompt.size());
  plan.num_scored = text.num_scored();
  for (std::size_t subset = 1; subset < std::size_t{1} << text.response.size(); ++subset) {
    const auto copy = masked_copy(text, subset, golden_mask_token());
    plan.tokens.insert(plan.tokens.end(), copy.begin(), copy.end());
    plan.replicate.push_back(0);
    for (std::size_t i = 0; i < text.response.size(); ++i)
      if (subset >> i & 1)
        plan.queries.push_back({static_cast<std::int32_t>(subset - 1),
                                static_cast<std::int32_t>(text.prompt.size() + i), text.response[i],
                                1.0});
  }
  plan.nominal_copies = plan.copies();
  return plan;
}

/// Parts of an enumeration plan are the subset sums.
double worst_model_error(const ScoreEngine<Transformer>& engine, const Text& text,
                         const SubsetTable& policy, const SubsetTable& reference) {
  ScoreBatch batch;
  batch.plans = {enumeration_plan(text)};
  const ScoreSet set = engine.score(batch);
  double worst = 0;
  for (std::size_t subset = 1; subset < policy.subsets(); ++subset) {
    const auto part = static_cast<std::int64_t>(subset - 1);
    const double tokens = bits(subset);
    worst = std::max(
        {worst, std::abs(set.parts[0][0][part].item<double>() - policy.sum(subset)) / tokens,
         std::abs(set.reference_parts[0][0][part].item<double>() - reference.sum(subset)) /
             tokens});
  }
  return worst;
}

}  // namespace

TEST_CASE("likelihood: exact scores, variances, margins and losses by enumeration",
          "[golden][likelihood]") {
  const json exact = read_json(golden_root() / "likelihood/exact_elbo.json");
  const TensorMap tensors =
      load_safetensors(golden_root() / "likelihood/subset_tables.safetensors");
  const json cases =
      read_json(golden_root() / "manifest_models.json").at("folders").at("likelihood").at("cases");
  const ScoreEngine<Transformer> engine(policy_model(), reference_model());
  std::size_t tables = 0, pairs = 0, losses = 0;
  int means = 0;
  double worst = 0;
  for (const json& pair : exact.at("pairs")) {
    const std::string name = "pair" + std::to_string(pair.at("pair").get<int>());
    ScoreSet set;
    std::vector<double> policy, reference, lengths;
    for (const char* role : {"chosen", "rejected"}) {
      INFO(name << ", " << role);
      const json& answer = pair.at(role);
      const Text text = text_of(pair.at("prompt"), answer.at("response"));
      SubsetTable both[2];
      for (const int m : {0, 1}) {
        const std::string model = m == 0 ? "policy" : "reference";
        both[m] = recorded_table(tensors, name + "." + role + "." + model);
        check_table(both[m], answer.at(model));
        check_variances(world_of(text, both[m]));
        ++tables;
      }
      SubsetTable difference = both[0];
      for (std::size_t i = 0; i < difference.logp.size(); ++i)
        difference.logp[i] -= both[1].logp[i];
      const json& shared = answer.at("policy_minus_reference_shared_draws");
      LLDM_NEAR(decompose(difference).mean, shared.at("mean"));
      check_decomposition(decompose(difference), shared);
      check_variances(world_of(text, difference));
      means += check_declared_targets(world_of(text, both[0]));
      policy.push_back(dot(elbo_weights(text.response.size()), both[0].logp));
      reference.push_back(dot(elbo_weights(text.response.size()), both[1].logp));
      lengths.push_back(static_cast<double>(text.num_scored()));
      worst = std::max(worst, worst_model_error(engine, text, both[0], both[1]));
    }
    LLDM_NEAR((policy[0] - reference[0]) - (policy[1] - reference[1]), pair.at("elbo_margin"));
    set.policy = at::tensor(policy, at::kDouble).view({1, 2});
    set.reference = at::tensor(reference, at::kDouble).view({1, 2});
    set.lengths = at::tensor(lengths, at::kDouble).view({1, 2});
    for (const auto& [beta, value] : pair.at("dpo").items()) {
      const auto loss = Dpo({.beta = std::stod(beta)}).evaluate(set).loss_sum.item<double>();
      LLDM_NEAR(loss, value.at("loss"));
      ++losses;
    }
    ++pairs;
  }
  CHECK(worst <= 2e-4);
  CHECK(pairs == cases.at("pairs").get<std::size_t>());
  CHECK(tables == cases.at("tables").get<std::size_t>());
  CHECK(tensors.size() == 2 * tables);
  std::cout << "likelihood/exact_elbo.json: " << pairs << " pairs, " << tables << " subset tables, "
            << losses << " losses and " << means
            << " means over draws of registered estimators agree; float32 model within " << worst
            << " nats a token\n";
}

namespace {

/// The counts of one recorded mini-batch by our llada_rounding: the rotation that starts at k.
std::vector<std::int64_t> our_counts(std::int64_t batch_size, std::int64_t scored, std::int64_t k) {
  const MonteCarloElbo estimator({.draws = batch_size, .pairing = DrawPairing::llada_rounding});
  const Draws draws(1, "likelihood");
  for (std::uint64_t row = 0;; ++row) {
    Stream stream = draws_of(draws, row).stream(0);
    const auto counts = estimator.draw_counts(scored, stream);
    if (counts.front() == k) return counts;
  }
}

/// The recorded masks of a case as one plan: weight L / (n_masked * mc_num).
ScorePlan recorded_plan(const json& row, const Text& text) {
  ScorePlan plan;
  plan.length = text.length();
  plan.num_prompt = static_cast<std::int64_t>(text.prompt.size());
  plan.num_scored = text.num_scored();
  const double draws = row.at("mc_num");
  std::int32_t copy = 0;
  for (const json& draw : row.at("draws"))
    for (std::size_t b = 0; b < draw.at("perms").size(); ++b, ++copy) {
      const auto tokens = draw.at("perturbed")[b].get<std::vector<std::int64_t>>();
      const auto perm = draw.at("perms")[b].get<std::vector<std::int64_t>>();
      const auto count = draw.at("n_masked")[b].get<std::int64_t>();
      std::size_t masked = 0;
      for (std::size_t i = 0; i < perm.size(); ++i)
        if (perm[i] < count) masked |= std::size_t{1} << i;
      REQUIRE(tokens == masked_copy(text, masked, golden_mask_token()));
      plan.tokens.insert(plan.tokens.end(), tokens.begin(), tokens.end());
      plan.replicate.push_back(0);
      for (std::size_t i = 0; i < perm.size(); ++i)
        if (masked >> i & 1)
          plan.queries.push_back(
              {copy, static_cast<std::int32_t>(text.prompt.size() + i), text.response[i],
               static_cast<double>(perm.size()) / (static_cast<double>(count) * draws)});
    }
  plan.nominal_copies = copy;
  return plan;
}

/// The plan's score with logits u + (s + 1)(c - u), u those of the masked prompt: written out here,
/// because guidance belongs to samplers, not to scores.
double guided_score(const Transformer& model, const ScorePlan& plan, double scale) {
  double score = 0;
  for (const Query& query : plan.queries) {
    const auto logits = [&](bool is_prompt_masked) {
      std::vector<std::int64_t> tokens(plan.copy(query.copy).begin(), plan.copy(query.copy).end());
      if (is_prompt_masked) std::fill_n(tokens.begin(), plan.num_prompt, golden_mask_token());
      PackedTokens packed{at::tensor(tokens, at::kLong), {0, plan.length}};
      return model.logits(model.hidden(packed).narrow(0, query.position, 1));
    };
    const at::Tensor free = logits(true), guided = free + (logits(false) - free) * (scale + 1);
    score +=
        query.weight * at::log_softmax(guided.to(at::kDouble), 1)[0][query.target].item<double>();
  }
  return score;
}

}  // namespace

TEST_CASE("likelihood: LLaDA's get_log_likelihood with its recorded draws",
          "[golden][likelihood]") {
  const json recorded = read_json(golden_root() / "likelihood/get_log_likelihood.json");
  const auto model = policy_model();
  const ScoreEngine<Transformer> engine(model, nullptr);
  std::size_t plain = 0, guided = 0, batches = 0;
  for (const json& row : recorded.at("cases")) {
    INFO(row.at("name").get<std::string>());
    REQUIRE(row.at("mask_id") == golden_mask_token());
    const Text text = text_of(row.at("prompt"), row.at("answer"));
    for (const json& draw : row.at("draws")) {
      CHECK(our_counts(row.at("batch_size"), text.num_scored(), draw.at("k")) ==
            draw.at("n_masked").get<std::vector<std::int64_t>>());
      ++batches;
    }
    ScoreBatch batch;
    batch.plans = {recorded_plan(row, text)};
    CHECK(batch.plans[0].copies() == row.at("mc_num").get<std::int64_t>());
    const double scale = row.at("cfg_scale");
    const double score = scale == 0.0 ? engine.score(batch).policy.item<double>()
                                      : guided_score(*model, batch.plans[0], scale);
    ++(scale == 0.0 ? plain : guided);
    CHECK(score == Approx(row.at("log_likelihood").get<double>()).epsilon(1e-4));
  }
  const json cases =
      read_json(golden_root() / "manifest_models.json").at("folders").at("likelihood").at("cases");
  CHECK(plain + guided == cases.at("get_log_likelihood").get<std::size_t>());
  std::cout << "likelihood/get_log_likelihood.json: " << plain << " plain and " << guided
            << " guided cases, " << batches << " mini-batches of counts agree\n";
}
