// SPDX-License-Identifier: MIT
#include "lldm/laws/estimator_laws.hpp"

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"

namespace lldm::laws {

TextDraws draws_of(const Draws& draws, std::uint64_t row, std::uint64_t answer) {
  return {draws, Purpose::noise, 0, row, answer};
}

std::size_t subset_of(const World& world, const ScorePlan& plan, std::int64_t copy) {
  std::size_t subset = 0;
  for (std::size_t i = 0; i < world.subsets.size; ++i)
    if (plan.copy(copy)[static_cast<std::size_t>(plan.num_prompt) + i] == world.model.mask_token())
      subset |= std::size_t{1} << i;
  return subset;
}

std::vector<double> plan_weights(const World& world, const ScorePlan& plan) {
  std::vector<double> weights(world.subsets.logp.size(), 0.0);
  for (const Query& query : plan.queries)
    weights[subset_of(world, plan, query.copy) * world.subsets.size +
            static_cast<std::size_t>(query.position - plan.num_prompt)] += query.weight;
  return weights;
}

bool same_plan(const ScorePlan& a, const ScorePlan& b) {
  const auto same_query = [](const Query& p, const Query& q) {
    return p.copy == q.copy && p.position == q.position && p.target == q.target &&
           p.weight == q.weight && p.group == q.group;
  };
  return a.tokens == b.tokens && a.replicate == b.replicate && a.constant == b.constant &&
         a.num_replicates == b.num_replicates && a.nominal_copies == b.nominal_copies &&
         a.length == b.length && a.num_prompt == b.num_prompt && a.num_scored == b.num_scored &&
         std::equal(a.queries.begin(), a.queries.end(), b.queries.begin(), b.queries.end(),
                    same_query);
}

std::string structure_failure(const World& world, const ScorePlan& plan,
                              const AnyScoreEstimator& estimator) {
  const Text& text = world.text;
  if (plan.length != text.length() || plan.num_scored != text.num_scored() ||
      plan.num_prompt != static_cast<std::int64_t>(text.prompt.size()))
    return "the sizes are not the text's";
  if (plan.nominal_copies != estimator.nominal_copies(plan.num_scored) ||
      plan.copies() > plan.nominal_copies)
    return message("copies ", plan.copies(), ", nominal ", plan.nominal_copies);
  if (plan.replicate.size() != static_cast<std::size_t>(plan.copies()))
    return "replicate is not one number a copy";
  std::vector<bool> is_asked(static_cast<std::size_t>(plan.copies()), false);
  for (std::int64_t c = 0; c < plan.copies(); ++c) {
    if (plan.replicate[static_cast<std::size_t>(c)] < 0 ||
        plan.replicate[static_cast<std::size_t>(c)] >= plan.num_replicates)
      return "a replicate is out of range";
    const auto expected = masked_copy(text, subset_of(world, plan, c), world.model.mask_token());
    if (!std::equal(expected.begin(), expected.end(), plan.copy(c).begin()))
      return "a copy differs from the text beyond masks on scored positions";
  }
  for (std::size_t q = 0; q < plan.queries.size(); ++q) {
    const Query& query = plan.queries[q];
    if (q > 0 &&
        (query.copy < plan.queries[q - 1].copy || (query.copy == plan.queries[q - 1].copy &&
                                                   query.position <= plan.queries[q - 1].position)))
      return "queries are not sorted by copy, then position";
    const auto i = static_cast<std::size_t>(query.position - plan.num_prompt);
    if (i >= world.subsets.size || !(subset_of(world, plan, query.copy) >> i & 1))
      return "a query asks a position that is not noised";
    if (query.target != text.response[i]) return "a query's target is not the true token";
    is_asked[static_cast<std::size_t>(query.copy)] = true;
  }
  if (std::find(is_asked.begin(), is_asked.end(), false) != is_asked.end())
    return "a copy without queries was kept";
  return "";
}

std::string mean_failure(const World& world, const AnyScoreEstimator& estimator,
                         const std::vector<double>& target, double constant, int draws,
                         std::uint64_t seed) {
  const Draws source(seed, "conformance");
  Sampled score;
  std::vector<Sampled> cells(target.size());
  for (int row = 0; row < draws; ++row) {
    const ScorePlan plan = estimator.plan(world.text, world.process,
                                          draws_of(source, static_cast<std::uint64_t>(row)));
    if (row < 50)
      if (const std::string wrong = structure_failure(world, plan, estimator); !wrong.empty())
        return wrong;
    const std::vector<double> weights = plan_weights(world, plan);
    score.add(plan.constant + dot(weights, world.subsets.logp));
    for (std::size_t c = 0; c < cells.size(); ++c) cells[c].add(weights[c]);
  }
  const double exact = constant + dot(target, world.subsets.logp);
  if (!score.agrees(exact))
    return message("mean of S ", score.mean(), ", target ", exact, ", allowed ", score.allowed());
  for (std::size_t c = 0; c < cells.size(); ++c)
    if (!cells[c].agrees(target[c]))
      return message("mean weight of subset ", c / world.subsets.size, ", position ",
                     c % world.subsets.size, ": ", cells[c].mean(), ", target ", target[c],
                     ", allowed ", cells[c].allowed());
  return "";
}

std::string variance_failure(const World& world, const AnyScoreEstimator& estimator,
                             const Moments& exact, int draws, std::uint64_t seed) {
  const Draws source(seed, "conformance");
  Sampled score, squares;
  for (int row = 0; row < draws; ++row) {
    const ScorePlan plan = estimator.plan(world.text, world.process,
                                          draws_of(source, static_cast<std::uint64_t>(row)));
    const double s = plan.constant + dot(plan_weights(world, plan), world.subsets.logp);
    score.add(s);
    squares.add((s - exact.mean) * (s - exact.mean));
  }
  if (!score.agrees(exact.mean)) return message("mean ", score.mean(), ", exact ", exact.mean);
  if (!squares.agrees(exact.variance))
    return message("variance ", squares.mean(), ", exact ", exact.variance, ", allowed ",
                   squares.allowed());
  return "";
}

std::string independence_failure(const World& world, const AnyScoreEstimator& estimator, int draws,
                                 std::uint64_t seed) {
  const Draws source(seed, "conformance");
  std::vector<std::pair<double, double>> pairs;
  Sampled chosen, rejected, product;
  for (int row = 0; row < draws; ++row) {
    double s[2];
    for (const std::uint64_t answer : {0, 1}) {
      const ScorePlan plan = estimator.plan(
          world.text, world.process, draws_of(source, static_cast<std::uint64_t>(row), answer));
      s[answer] = dot(plan_weights(world, plan), world.subsets.logp);
    }
    pairs.emplace_back(s[0], s[1]);
    chosen.add(s[0]), rejected.add(s[1]);
  }
  for (const auto& [a, b] : pairs) product.add((a - chosen.mean()) * (b - rejected.mean()));
  if (product.agrees(0.0)) return "";
  return message("covariance of two answers' scores ", product.mean(), ", allowed ",
                 product.allowed());
}

}  // namespace lldm::laws
