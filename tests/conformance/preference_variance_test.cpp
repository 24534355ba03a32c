// SPDX-License-Identifier: MIT
// VRPO's study of variances (Zhu et al. 2025, arXiv:2505.19223: Table 2, Theorems 1 and 4, equation
// 9) on pairs of toy models, every number by enumeration; the estimator itself is then held to
// them.
//
// With s the sampled preference score (unbiased, E s = s*), f = -log sigmoid and C >= |grad s|:
//   |f'| < 1       =>  |E f(s) - f(s*)| <= E |s - s*| <= sqrt(V s)                      (Theorem 1)
//                      V f(s) <= E (f(s) - f(s*))^2 <= V s, which is below the 4 V s stated there
//   |f''| <= 1/4   =>  |E f'(s) grad s - f'(s*) grad s*| = |E (f'(s) - f'(s*)) grad s|
//                      <= C/4 sqrt(V s): the theorem's second term, sqrt(tr V grad s), is not
//                      needed for the bias of an unbiased grad s                         (Theorem
//                      4) sqrt(tr V(f'(s) grad s)) <= sqrt(E |f'(s) grad s - f'(s*) grad s*|^2)
//                      <= C/4 sqrt(V s) + sqrt(tr V grad s), by Minkowski
#include <c10/core/GradMode.h>

#include <cstdio>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"
#include "support/one_thread.hpp"
#include "support/preference_moments.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr double kBeta = 0.2;  // VRPO's

struct Budget {
  const char* name;
  int times, masks;
  bool is_shared;
};
constexpr Budget kTable2[] = {{"4x1 shared", 4, 1, true}, {"1x1 shared", 1, 1, true},
                              {"8x1 shared", 8, 1, true}, {"1x4 shared", 1, 4, true},
                              {"2x2 shared", 2, 2, true}, {"4x1 unshared", 4, 1, false}};

/// Answers of three and two tokens: no noised state of one is one of the other.
const Text kChosen{{1}, {0, 2, 1}, -1}, kRejected{{1}, {2, 0}, -1};

struct Models {
  ToyTable policy, reference;
  [[nodiscard]] PreferenceMoments moments(const Budget& budget) const {
    return preference_moments(answer_law(answer_models(policy, reference, kChosen), budget.times,
                                         budget.masks, budget.is_shared),
                              answer_law(answer_models(policy, reference, kRejected), budget.times,
                                         budget.masks, budget.is_shared),
                              kBeta);
  }
};

/// A policy that left its reference a few steps ago.
Models near_models(std::uint64_t seed, double distance = 0.05) {
  const ToyTable reference(3, 4, seed);
  return {reference.perturbed(distance, seed), reference};
}
/// A policy after eight steps of gradient descent on dpo, from its reference, with sampled scores.
Models trained_models(std::uint64_t seed) {
  const ToyTable table(3, 4, seed);
  const auto policy = std::make_shared<TableDenoiser>(table);
  const ScoreEngine<TableDenoiser> engine(policy, std::make_shared<TableDenoiser>(table, false));
  const AnyObjective dpo = Dpo({.beta = kBeta});
  for (std::uint64_t step = 0; step < 8; ++step) {
    const ScoreBatch pair =
        toy_batch({kChosen, kRejected}, 2, MonteCarloElbo({.draws = 8}), seed, step);
    policy->weights().mutable_grad() = at::Tensor();
    engine.step(pair, totals_of(pair), dpo.needs(), loss_of(dpo), GradientPath::retain);
    const c10::NoGradGuard no_grad;
    at::Tensor weights = policy->weights();
    weights.sub_(weights.grad(), 0.3);
  }
  const at::Tensor logits = policy->weights().detach().contiguous();
  return {table.with_logits(
              {logits.const_data_ptr<double>(), logits.const_data_ptr<double>() + logits.numel()}),
          table};
}
Models unrelated_models(std::uint64_t seed) {
  return {ToyTable(3, 4, 100 + seed), ToyTable(3, 4, 200 + seed)};
}

using Rows = std::vector<PreferenceMoments>;
Rows table2_of(const Models& models) {
  Rows rows;
  for (const Budget& budget : kTable2) rows.push_back(models.moments(budget));
  return rows;
}

/// The tables that several tests read: the enumeration of unshared draws takes a second.
const Rows& near_rows() {
  static const Rows rows = table2_of(near_models(1));
  return rows;
}
const Rows& unrelated_rows() {
  static const Rows rows = table2_of(unrelated_models(1));
  return rows;
}

void print_table(const char* title, const Rows& rows) {
  std::printf("%s\n  %-14s %11s %11s %11s %11s %11s\n", title, "n_t x n_y", "Var(score)",
              "Var(loss)", "Var(grad)", "bias(loss)", "bias(grad)");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PreferenceMoments& m = rows[i];
    std::printf("  %-14s %11.3e %11.3e %11.3e %11.3e %11.3e\n", kTable2[i].name, m.score_variance,
                m.loss_variance, m.gradient_variance, m.loss_bias(), m.gradient_bias);
  }
  std::fflush(stdout);
}

void print_bounds(const Rows& rows) {
  std::printf("  %-14s %22s %22s %22s %22s\n", "value <= bound", "|bias loss| sqrt(V s)",
              "V(loss) V s", "|bias grad| C/4 sd(s)", "sd(grad) ..+sd(grad s)");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PreferenceMoments& m = rows[i];
    const double deviation = std::sqrt(m.score_variance),
                 first = m.largest_score_gradient / 4 * deviation;
    std::printf("  %-14s %11.2e %10.2e %11.2e %10.2e %11.2e %10.2e %11.2e %10.2e\n",
                kTable2[i].name, m.loss_bias(), deviation, m.loss_variance, m.score_variance,
                m.gradient_bias, first, std::sqrt(m.gradient_variance),
                first + std::sqrt(m.score_gradient_variance));
  }
  std::fflush(stdout);
}

/// Both theorems on one row of the table; strict wherever anything varies.
void check_bounds(const PreferenceMoments& m) {
  const double deviation = std::sqrt(m.score_variance);
  CHECK(m.loss_bias() >= 0.0);  // f is convex: Jensen
  CHECK(m.loss_bias() <= deviation);
  CHECK(m.loss_variance <= m.score_variance);
  CHECK(m.loss_variance <= 4 * m.score_variance);
  const double first = m.largest_score_gradient / 4 * deviation;
  const double second = std::sqrt(m.score_gradient_variance);
  CHECK(m.gradient_bias <= first);
  CHECK(m.gradient_bias <= first + second);
  CHECK(std::sqrt(m.gradient_variance) <= first + second);
}

}  // namespace

TEST_CASE(
    "Table 2 of VRPO: sharing far above budget above allocation, for a policy near its "
    "reference",
    "[conformance][estimator]") {
  const OneThread one_thread;
  print_table("policy near its reference (exact, beta 0.2):", near_rows());
  print_bounds(near_rows());
  const Rows trained = table2_of(trained_models(3));
  print_table("policy eight steps of dpo from its reference (exact, beta 0.2):", trained);
  for (const int which : {0, 1}) {
    const Rows& rows = which == 0 ? near_rows() : trained;
    const auto& [base, one, eight, one_by_four, two_by_two, unshared] =
        std::tie(rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]);
    INFO((which == 0 ? "near" : "trained"));
    for (const auto of : {&PreferenceMoments::score_variance, &PreferenceMoments::loss_variance}) {
      const double sharing = unshared.*of / base.*of, budget = one.*of / base.*of,
                   allocation = one_by_four.*of / base.*of;
      CHECK(sharing > 10 * budget);
      CHECK(budget > allocation);
      CHECK(allocation > two_by_two.*of / base.*of);
      CHECK(two_by_two.*of > base.*of);
      CHECK(eight.*of < base.*of);
    }
    // V = Theta(1/n), exactly for independent draws; the policy's own score does not move.
    CHECK(one.score_variance == Approx(4 * base.score_variance).epsilon(1e-9));
    CHECK(eight.score_variance == Approx(base.score_variance / 2).epsilon(1e-9));
    for (const PreferenceMoments& row : rows) CHECK(row.score == Approx(base.score).epsilon(1e-9));
    // The gradient's variance is mostly that of grad s, which knows no reference: sharing leaves it
    // almost where it was, budget and allocation order it as before.
    CHECK(one.gradient_variance > one_by_four.gradient_variance);
    CHECK(one_by_four.gradient_variance > two_by_two.gradient_variance);
    CHECK(two_by_two.gradient_variance > base.gradient_variance);
    CHECK(base.gradient_variance > eight.gradient_variance);
    CHECK(unshared.gradient_variance > base.gradient_variance);
    for (const PreferenceMoments& row : rows) check_bounds(row);
  }
}

TEST_CASE("Theorems 1 and 4 of VRPO hold on models near and far", "[conformance][estimator]") {
  double tightest_loss_bias = 0, tightest_loss = 0, tightest_bias = 0, tightest_variance = 0;
  int rows = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const Models& models : {near_models(seed), near_models(seed, 0.5), unrelated_models(seed)})
      for (const Budget& budget :
           {kTable2[0], kTable2[1], kTable2[3], kTable2[4], Budget{"2x1 unshared", 2, 1, false}}) {
        const PreferenceMoments m = models.moments(budget);
        check_bounds(m);
        const double deviation = std::sqrt(m.score_variance);
        const double first = m.largest_score_gradient / 4 * deviation;
        tightest_loss_bias = std::max(tightest_loss_bias, m.loss_bias() / deviation);
        tightest_loss = std::max(tightest_loss, m.loss_variance / m.score_variance);
        tightest_bias = std::max(tightest_bias, m.gradient_bias / first);
        tightest_variance =
            std::max(tightest_variance, std::sqrt(m.gradient_variance) /
                                            (first + std::sqrt(m.score_gradient_variance)));
        ++rows;
      }
  std::printf(
      "VRPO's bounds over %d rows, largest ratio to the bound: |bias loss| / sqrt(V s) %.3f, "
      "V(loss) / V s %.3f (the paper's bound: %.3f), |bias grad| / (C/4 sqrt(V s)) %.3f, "
      "sd(grad) / (C/4 sqrt(V s) + sd(grad s)) %.3f\n",
      rows, tightest_loss_bias, tightest_loss, tightest_loss / 4, tightest_bias, tightest_variance);
  std::fflush(stdout);
  CHECK(rows > 200);
  // The bounds are no trivialities here: something comes near each.
  CHECK(tightest_loss > 0.2);
  CHECK(tightest_bias > 0.05);
  CHECK(tightest_variance > 0.3);
}

TEST_CASE("Sharing lowers the variance if and only if policy and reference scores covary",
          "[conformance][estimator]") {
  print_table("unrelated policy and reference (exact, beta 0.2):", unrelated_rows());
  int helps = 0, hurts = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Models models = unrelated_models(seed);
    const double shared = models.moments({"", 1, 1, true}).score_variance,
                 unshared = models.moments({"", 1, 1, false}).score_variance;
    double covariance = 0, variances = 0;
    for (const Text& text : {kChosen, kRejected}) {
      const AnswerModels answer = answer_models(models.policy, models.reference, text);
      double policy = 0, reference = 0, both = 0, policies = 0, references = 0;
      for (const Outcome& outcome : score_law(static_cast<int>(text.response.size()), 1, 1)) {
        const double a = score_of(answer.policy, outcome), b = score_of(answer.reference, outcome);
        policy += outcome.probability * a, reference += outcome.probability * b;
        both += outcome.probability * a * b;
        policies += outcome.probability * a * a, references += outcome.probability * b * b;
      }
      covariance += both - policy * reference;
      variances += policies - policy * policy + references - reference * reference;
    }
    // Equation 9: V s = beta^2 sum over answers of V_policy + V_reference - 2 Cov.
    CHECK(shared == Approx(kBeta * kBeta * (variances - 2 * covariance)).epsilon(1e-9));
    CHECK(unshared == Approx(kBeta * kBeta * variances).epsilon(1e-9));
    CHECK((shared < unshared) == (covariance > 0));
    ++(shared < unshared ? helps : hurts);
  }
  std::printf("unrelated models: sharing lowers Var(score) in %d of 200, raises it in %d\n", helps,
              hurts);
  std::fflush(stdout);
  CHECK(helps > 20);
  CHECK(hurts > 20);
}

TEST_CASE("monte_carlo_elbo, engine and dpo have the enumerated moments of a pair",
          "[conformance][estimator]") {
  const OneThread one_thread;
  // Each comparison errs with probability below 1e-10 (see estimator_laws.hpp): 52 of them here.
  for (const bool is_near : {true, false}) {
    const Models models = is_near ? near_models(1) : unrelated_models(1);
    const auto policy = std::make_shared<TableDenoiser>(models.policy);
    const auto reference = std::make_shared<TableDenoiser>(models.reference, false);
    const ScoreEngine<TableDenoiser> engine(policy, reference);
    const Rows& rows = is_near ? near_rows() : unrelated_rows();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Budget& budget = kTable2[i];
      const PreferenceMoments& exact = rows[i];
      const MonteCarloElbo estimator(
          {.draws = budget.times * budget.masks, .masks_per_time = budget.masks});
      ScoreBatch batch = [&] {
        std::vector<Text> texts;
        for (int row = 0; row < 3000; ++row) texts.insert(texts.end(), {kChosen, kRejected});
        ScoreBatch pairs = toy_batch(texts, 2, estimator, 31);
        if (!budget.is_shared) pairs.reference_plans = toy_batch(texts, 2, estimator, 32).plans;
        return pairs;
      }();
      const ScoreSet set = engine.score(batch);
      const at::Tensor margins =
          ((set.policy - set.reference).select(1, 0) - (set.policy - set.reference).select(1, 1)) *
          kBeta;
      Sampled score, squares, loss, loss_squares;
      for (std::int64_t row = 0; row < margins.size(0); ++row) {
        const double s = margins[row].item<double>();
        score.add(s), squares.add(std::pow(s - exact.score, 2));
        loss.add(dpo_loss(s)), loss_squares.add(std::pow(dpo_loss(s) - exact.loss, 2));
      }
      INFO(budget.name << (is_near ? ", near" : ", unrelated"));
      CHECK(score.agrees(exact.score));
      CHECK(squares.agrees(exact.score_variance));
      CHECK(loss.agrees(exact.loss));
      CHECK(loss_squares.agrees(exact.loss_variance));
    }
    // E |gradient|^2 = V + |mean|^2, from the engine's own gradients.
    for (const std::size_t i : {0, 5}) {
      const Budget& budget = kTable2[i];
      const PreferenceMoments& exact = rows[i];
      const MonteCarloElbo estimator({.draws = budget.times});
      const AnyObjective dpo = Dpo({.beta = kBeta});
      Sampled squared;
      for (std::uint64_t row = 0; row < 800; ++row) {
        ScoreBatch pair = toy_batch({kChosen, kRejected}, 2, estimator, 33, row);
        if (!budget.is_shared)
          pair.reference_plans = toy_batch({kChosen, kRejected}, 2, estimator, 34, row).plans;
        policy->weights().mutable_grad() = at::Tensor();
        engine.step(pair, totals_of(pair), dpo.needs(), loss_of(dpo), GradientPath::retain);
        squared.add(std::pow(policy->weights().grad().norm().item<double>(), 2));
      }
      CHECK(squared.agrees(exact.gradient_variance + std::pow(exact.gradient_norm, 2)));
    }
  }
}
