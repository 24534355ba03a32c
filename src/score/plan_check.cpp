// SPDX-License-Identifier: MIT
#include "lldm/score/plan_check.hpp"

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

std::string legal(std::int64_t begin, std::int64_t end) {
  return message("\n  legal: [", begin, ", ", end, ")");
}

std::string length_failure(const char* what, std::size_t seen, std::int64_t wanted) {
  return message(what, " has ", seen, " entries\n  legal: ", wanted);
}

/// The sizes of everything that is indexed later.
std::string sizes_failure(const ScorePlan& plan) {
  if (plan.length < 1) return message("length = ", plan.length, "\n  legal: 1 or more");
  if (plan.num_prompt < 0 || plan.num_scored < 1 || plan.num_prompt + plan.num_scored > plan.length)
    return message("num_prompt = ", plan.num_prompt, " and num_scored = ", plan.num_scored,
                   " of length = ", plan.length,
                   "\n  legal: a prompt and at least one scored token inside the text");
  if (static_cast<std::int64_t>(plan.tokens.size()) % plan.length != 0)
    return message("tokens has ", plan.tokens.size(),
                   " ids\n  legal: a multiple of length = ", plan.length);
  const std::int64_t copies = plan.copies();
  const auto queries = static_cast<std::int64_t>(plan.queries.size());
  const auto differs = [](std::size_t size, std::int64_t wanted) {
    return static_cast<std::int64_t>(size) != wanted;
  };
  if (plan.nominal_copies < copies)
    return message("nominal_copies = ", plan.nominal_copies, " for ", copies,
                   " copies\n  legal: at least the copies that are evaluated");
  if (differs(plan.replicate.size(), copies))
    return length_failure("replicate", plan.replicate.size(), copies);
  if (!plan.slot.empty() && differs(plan.slot.size(), copies))
    return length_failure("slot", plan.slot.size(), copies);
  const std::int64_t readouts = plan.readout == Readout::log_posterior ? queries : 0;
  if (differs(plan.posteriors.size(), readouts))
    return length_failure("posteriors", plan.posteriors.size(), readouts);
  if (!plan.path_uniforms.empty() && differs(plan.path_uniforms.size(), queries))
    return length_failure("path_uniforms", plan.path_uniforms.size(), queries);
  if (!plan.times.empty() && differs(plan.times.size(), plan.asked))
    return length_failure("times", plan.times.size(), plan.asked);
  if (plan.num_replicates < 1)
    return message("num_replicates = ", plan.num_replicates, "\n  legal: 1 or more");
  if (!plan.replicate_constants.empty() &&
      differs(plan.replicate_constants.size(), plan.num_replicates))
    return length_failure("replicate_constants", plan.replicate_constants.size(),
                          plan.num_replicates);
  return "";
}

/// Figures of the whole plan and of its copies.
std::string copies_failure(const ScorePlan& plan, std::int64_t vocabulary_size) {
  if (!std::isfinite(plan.constant))
    return message("constant = ", plan.constant, "\n  legal: a finite number of nats");
  if (!std::isfinite(plan.sharpness) || plan.sharpness <= 0)
    return message("sharpness = ", plan.sharpness, "\n  legal: finite, above 0");
  for (const double constant : plan.replicate_constants)
    if (!std::isfinite(constant))
      return message("a replicate's constant is ", constant, "\n  legal: finite");
  for (const double time : plan.times)
    if (!(time >= 0 && time <= 1)) return message("a time is ", time, "\n  legal: [0, 1]");
  for (const std::int32_t replicate : plan.replicate)
    if (replicate < 0 || replicate >= plan.num_replicates)
      return message("a copy belongs to replicate ", replicate, legal(0, plan.num_replicates));
  for (const std::int32_t slot : plan.slot)
    if (slot < 0 || slot >= plan.asked)
      return message("a copy is evaluation ", slot, " of asked = ", plan.asked,
                     legal(0, plan.asked));
  for (std::size_t i = 0; i < plan.tokens.size(); ++i)
    if (plan.tokens[i] < 0 || plan.tokens[i] > vocabulary_size)
      return message("copy ", static_cast<std::int64_t>(i) / plan.length, " holds token ",
                     plan.tokens[i], " at position ", static_cast<std::int64_t>(i) % plan.length,
                     "\n  legal: ids of the model, [0, ", vocabulary_size, "]");
  return "";
}

std::string readout_failure(const PosteriorReadout& readout, std::int64_t vocabulary_size) {
  if (readout.other < 0 || readout.other >= vocabulary_size)
    return message("reads token ", readout.other, legal(0, vocabulary_size));
  if (!std::isfinite(readout.constant) || !std::isfinite(readout.of_target) ||
      !std::isfinite(readout.of_other))
    return "reads a functional that is not finite\n  legal: finite coefficients";
  return "";
}

std::string query_failure(const ScorePlan& plan, std::size_t q, std::int64_t vocabulary_size) {
  const Query& query = plan.queries[q];
  if (query.copy < 0 || query.copy >= plan.copies())
    return message("asks copy ", query.copy, " of ", plan.copies(), legal(0, plan.copies()));
  if (q > 0 && query.copy < plan.queries[q - 1].copy)
    return message("asks copy ", query.copy, " behind copy ", plan.queries[q - 1].copy,
                   "\n  legal: queries sorted by copy");
  if (query.position < 0 || query.position >= plan.length)
    return message("asks position ", query.position, " of ", plan.length, " tokens",
                   legal(0, plan.length));
  if (query.target < 0 || query.target >= vocabulary_size)
    return message("asks for token ", query.target, legal(0, vocabulary_size));
  if (!std::isfinite(query.weight))
    return message("weighs ", query.weight, "\n  legal: a finite weight");
  if (plan.combination == Combination::log_mean_exp && (query.group < 0 || query.weight < 0))
    return message("has group ", query.group, " and weight ", query.weight,
                   "\n  legal: both 0 or more under log_mean_exp");
  if (!plan.path_uniforms.empty() && !(plan.path_uniforms[q] >= 0 && plan.path_uniforms[q] < 1))
    return message("draws with ", plan.path_uniforms[q], "\n  legal: [0, 1)");
  return plan.posteriors.empty() ? "" : readout_failure(plan.posteriors[q], vocabulary_size);
}

}  // namespace

std::string plan_failure(const ScorePlan& plan, std::int64_t vocabulary_size) {
  if (std::string wrong = sizes_failure(plan); !wrong.empty()) return wrong;
  if (std::string wrong = copies_failure(plan, vocabulary_size); !wrong.empty()) return wrong;
  for (std::size_t q = 0; q < plan.queries.size(); ++q)
    if (const std::string wrong = query_failure(plan, q, vocabulary_size); !wrong.empty())
      return message("query ", q, " ", wrong);
  return "";
}

void check_plan(const ScorePlan& plan, std::int64_t vocabulary_size) {
  const std::string wrong = plan_failure(plan, vocabulary_size);
  if (wrong.empty()) return;
  if (!plan.origin) throw ShapeError("ScoreEngine: a plan is none: " + wrong);
  const std::string where = plan.origin->component + ": its plan is none: ";
  if (plan.origin->plugin.empty()) throw ShapeError(where + wrong);
  throw PluginError(message("plugin ", plan.origin->plugin, ", ", where, wrong,
                            "\n  see lldm plugin check FILE"));
}

}  // namespace lldm
