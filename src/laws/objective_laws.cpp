// SPDX-License-Identifier: MIT
#include "lldm/laws/objective_laws.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <exception>

#include "lldm/errors.hpp"
#include "lldm/laws/score_inputs.hpp"

namespace lldm::laws {
namespace {

double value(const ObjectiveResult& result) { return result.loss_sum.item<double>(); }

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

double relative(double a, double b) { return std::abs(a - b) / (1e-12 + std::abs(b)); }

Finding check_needs(const AnyObjective& objective) {
  const ObjectiveNeeds needs = objective.needs();
  if (needs.group_size < 1 || needs.group_size > 64)
    return fails(message("group_size = ", needs.group_size), "1 to 64 answers a prompt");
  if (!(needs.beyond_shared_length >= 0 && needs.beyond_shared_length <= 1))
    return fails(message("beyond_shared_length = ", needs.beyond_shared_length), "[0, 1]");
  return holds(message(needs.group_size, " answers a prompt, reference ",
                       needs.reference ? "held" : "not held"));
}

Finding check_scalar(const AnyObjective& objective) {
  const at::Tensor loss =
      objective.evaluate(RandomParts(4, objective.needs().group_size, 1).set()).loss_sum;
  if (!loss.defined()) return fails("loss_sum is not set", "a float64 scalar");
  if (loss.dim() != 0 || loss.scalar_type() != at::kDouble)
    return fails(message("loss_sum is ", loss.toString(), " of shape ", loss.sizes()),
                 "a float64 scalar, []");
  return holds(message("loss ", loss.item<double>(), " of four groups"));
}

/// The slope of the loss against differences of the loss itself: the check of the gradient.
Finding check_slope(const AnyObjective& objective) {
  const ObjectiveNeeds needs = objective.needs();
  const RandomParts at(4, needs.group_size, 1);
  const ScoreSet plain = at.set();
  RandomParts graph = at;
  graph.policy = at.policy.detach().clone().set_requires_grad(true);
  if (!objective.evaluate(graph.set()).loss_sum.requires_grad())
    return fails("loss_sum has no graph to the policy's scores",
                 "autograd through scores.policy or scores.parts, nothing detached");
  const at::Tensor slope = part_slopes(objective, at);
  if (slope.abs().max().item<double>() <= 1e-12)
    return fails("every slope is 0", "a loss that moves the policy");
  constexpr double h = 1e-5;
  Largest worst;
  for (std::int64_t b = 0; b < 4; ++b)
    for (std::int64_t g = 0; g < needs.group_size; ++g) {
      const std::int64_t k = (b + g) % 3;
      const auto moved = [&](double by) {
        RandomParts other = at;
        other.policy = at.policy.clone();
        other.policy[b][g][k].add_(by);
        ScoreSet set = other.set();
        set.auxiliary = plain.auxiliary;  // a baseline is no part of the slope
        return value(objective.evaluate(set));
      };
      const double numeric = (moved(h) - moved(-h)) / (2 * h);
      const double said = slope[b][g][k].item<double>();
      worst.see(std::abs(said - numeric) / (1e-2 + std::abs(numeric)), [&] {
        return message("group ", b, ", answer ", g, ": slope ", said, ", differences of the loss ",
                       numeric);
      });
    }
  Finding found =
      worst.at_most(1e-6, "largest relative difference", "autograd's slope is the loss's own");
  if (found.outcome == Outcome::fails && needs.use == ScoreUse::coupled)
    return unchecked("a loss that couples the step may hold a baseline without gradient: " +
                     found.seen);
  return found;
}

/// What the declared ScoreUse says of a shift, of the other groups, of the parts.
Finding check_use(const AnyObjective& objective) {
  const ObjectiveNeeds needs = objective.needs();
  const RandomParts at(4, needs.group_size, 2);
  const at::Tensor slope = part_slopes(objective, at);
  const double loss = value(objective.evaluate(at.set()));
  RandomParts moved = at;
  if (needs.use == ScoreUse::linear) {
    moved.policy = at.policy * 1.7 - 3;
    if (const double by = distance(part_slopes(objective, moved), slope); by > 1e-12)
      return fails(message("slopes change by ", by, " with the scores"),
                   "ScoreUse::linear: known weights");
  }
  if (needs.use == ScoreUse::difference && needs.group_size == 2) {
    moved.policy = at.policy + 5;
    const double sum = distance(slope.select(1, 0), -slope.select(1, 1));
    const double shifted = value(objective.evaluate(moved.set()));
    if (sum > 1e-12 || relative(shifted, loss) > 1e-10)
      return fails(message("slopes of chosen and rejected add up to ", sum, ", a shift of both by ",
                           "5 nats gives ", shifted, " instead of ", loss),
                   "ScoreUse::difference: chosen - rejected alone counts; else declare each");
  }
  if (needs.use != ScoreUse::coupled) {
    moved.policy = at.policy.clone();
    moved.policy.narrow(0, 1, 3).sub_(2.5);
    if (const double by = distance(part_slopes(objective, moved)[0], slope[0]); by > 1e-12)
      return fails(message("a group's slopes change by ", by, " with the other groups"),
                   "declare ScoreUse::coupled");
  }
  if (needs.use != ScoreUse::parts) {
    ScoreSet whole = at.set();
    whole.parts = whole.reference_parts = at::Tensor();
    if (value(objective.evaluate(whole)) != loss)
      return fails("the loss reads the parts", "declare ScoreUse::parts");
  }
  return holds("shifts, other groups and parts");
}

Finding check_needless(const AnyObjective& objective) {
  const ObjectiveNeeds needs = objective.needs();
  const RandomParts at(4, needs.group_size, 2);
  const double loss = value(objective.evaluate(at.set()));
  if (!needs.mismatched) {
    ScoreSet alone = at.set();
    alone.auxiliary.erase("mismatched_policy"), alone.auxiliary.erase("mismatched_reference");
    if (value(objective.evaluate(alone)) != loss)
      return fails("the loss reads mismatched scores", "declare mismatched = true");
  }
  if (!needs.reference) {
    ScoreSet other = at.set();
    other.reference = other.reference - 7, other.reference_parts = other.reference_parts * 2;
    if (value(objective.evaluate(other)) != loss)
      return fails("the loss reads the reference", "declare reference = true");
  }
  ScoreSet without = at.set();
  without.reference = without.reference_parts = at::Tensor();
  if (!needs.reference) {
    if (!objective.evaluate(without).loss_sum.defined())
      return fails("no loss without a reference", "a loss: none was declared");
    return holds("no reference is read");
  }
  try {
    (void)objective.evaluate(without);
  } catch (const std::exception& error) {
    return holds("without a reference it says so");
  }
  return fails("a loss without the reference that it needs", "an error that says it is missing");
}

Finding check_sum(const AnyObjective& objective) {
  const ObjectiveNeeds needs = objective.needs();
  if (needs.use == ScoreUse::coupled) return unchecked("the groups of a step couple");
  const RandomParts at(5, needs.group_size, 3);
  const ObjectiveResult whole = objective.evaluate(at.set());
  double loss = 0;
  std::map<std::string, Mean> metrics;
  for (const std::int64_t b : {3, 0, 4, 1, 2}) {
    const ObjectiveResult result = objective.evaluate(at.group(b));
    loss += value(result);
    for (const auto& [key, mean] : result.metrics)
      metrics[key].sum += mean.sum, metrics[key].count += mean.count;
  }
  Largest worst;
  worst.see(relative(loss, value(whole)), [&] {
    return message("the groups' losses add up to ", loss, ", the set's is ", value(whole));
  });
  for (const auto& [key, mean] : whole.metrics) {
    const double of_groups = metrics[key].value(), of_set = mean.value();
    worst.see(std::abs(of_groups - of_set) / (1e-3 + std::abs(of_set)), [&, key = key] {
      return message("metric ", key, ": ", of_groups, " from the groups, ", of_set, " of the set");
    });
  }
  return worst.at_most(1e-10, "largest relative difference", "the sum over its groups");
}

Finding check_order(const AnyObjective& objective) {
  const RandomParts at(5, objective.needs().group_size, 6);
  const at::Tensor order = at::tensor({3, 0, 4, 1, 2}, at::kLong);
  RandomParts turned = at;
  for (auto* tensor : {&turned.policy, &turned.reference, &turned.lengths})
    *tensor = tensor->index_select(0, order);
  const double one = value(objective.evaluate(at.set()));
  const double two = value(objective.evaluate(turned.set()));
  const double slopes =
      distance(part_slopes(objective, turned), part_slopes(objective, at).index_select(0, order));
  if (relative(two, one) > 1e-10 || slopes > 1e-10)
    return fails(message("loss ", two, " instead of ", one, ", slopes differ by ", slopes),
                 "the order of the groups does not matter");
  return holds("five groups turned");
}

std::vector<at::Tensor> tensors_of(const ScoreSet& set) {
  std::vector<at::Tensor> all{set.policy, set.reference, set.parts, set.reference_parts,
                              set.lengths};
  for (const auto& [name, tensor] : set.auxiliary) all.push_back(tensor);
  return all;
}

Finding check_inputs(const AnyObjective& objective) {
  const ScoreSet set = RandomParts(3, objective.needs().group_size, 7).set();
  std::vector<at::Tensor> before;
  for (const at::Tensor& tensor : tensors_of(set)) before.push_back(tensor.clone());
  const double first = value(objective.evaluate(set)), second = value(objective.evaluate(set));
  const std::vector<at::Tensor> after = tensors_of(set);
  for (std::size_t i = 0; i < after.size(); ++i)
    if (!at::equal(before[i], after[i]))
      return fails("evaluate changed the scores that it was given", "inputs stay as they are");
  if (first != second)
    return fails(message("the same set gives ", first, ", then ", second),
                 "a pure function of the scores");
  return holds("the same loss twice");
}

Finding check_finite(const AnyObjective& objective) {
  const std::int64_t size = objective.needs().group_size;
  const auto wrong = [&](std::int64_t first, std::int64_t groups) -> std::string {
    const RandomParts at = extreme_parts(size, first, groups);
    const ObjectiveResult result = objective.evaluate(at.set());
    if (!std::isfinite(value(result))) return message("the loss is ", value(result));
    if (!part_slopes(objective, at).isfinite().all().item<bool>()) return "a slope is not finite";
    for (const auto& [key, mean] : result.metrics)
      if (!std::isfinite(mean.value())) return message("metric ", key, " is ", mean.value());
    return "";
  };
  const std::string right = "finite losses, slopes and metrics at scores of 0 and +-1000 nats";
  if (const std::string said = wrong(0, 81); !said.empty())
    return fails("81 extreme groups: " + said, right);
  for (const std::int64_t code : {0, 2, 6, 24, 40, 56, 78, 80})
    if (const std::string said = wrong(code, 1); !said.empty())
      return fails(message("extreme group ", code, ": ", said), right);
  return holds("81 groups of scores 0 and +-1000");
}

}  // namespace

std::vector<Law> objective_laws(const AnyObjective& objective) {
  const auto law = [&](const char* name, Finding (*check)(const AnyObjective&)) {
    return Law{name, [objective, check] { return check(objective); }};
  };
  return {law("its needs are legal", check_needs),
          law("the loss is a float64 scalar", check_scalar),
          law("the slope is that of the loss", check_slope),
          law("the declared use of the scores holds", check_use),
          law("it reads no more than it declares, and says what is missing", check_needless),
          law("a set's loss and metrics are the sums over its groups", check_sum),
          law("groups may stand in any order", check_order),
          law("the scores are left as they are", check_inputs),
          law("extreme, equal and single groups are finite", check_finite)};
}

}  // namespace lldm::laws
