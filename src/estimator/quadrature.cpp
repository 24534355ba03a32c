// SPDX-License-Identifier: MIT
#include "lldm/estimator/quadrature.hpp"

#include <algorithm>
#include <cmath>

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// The masked positions at time t in (0, 1].
std::vector<std::int64_t> mask_at(double t, NodeMask rule, std::int64_t scored, Stream& draws) {
  if (rule == NodeMask::rounded_count)
    return draws.subset(scored,
                        std::max<std::int64_t>(1, std::llround(t * static_cast<double>(scored))));
  std::vector<std::int64_t> masked;
  for (std::int64_t i = 0; i < scored; ++i)
    if (draws.uniform() < t) masked.push_back(i);
  return masked;
}

}  // namespace

void Quadrature::Options::check(config::OptionsCheck& check) const {
  if (rule == QuadratureNodes::simpson && (nodes < 3 || nodes % 2 == 0))
    check.error("nodes", message("rule = \"simpson\" has no ", nodes, " nodes"),
                "legal: odd numbers from 3");
}

Quadrature::Quadrature(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] quadrature");
  rule_ = options.rule == QuadratureNodes::simpson ? simpson(options.nodes)
                                                   : gauss_legendre(options.nodes);
}

ScorePlan Quadrature::plan(const Text& text, const AnyForwardProcess& process,
                           const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates = static_cast<std::int32_t>(options_.replicates);
  for (std::int64_t r = 0; r < options_.replicates; ++r) {
    Stream stream = draws.stream(stream_key(r, 0));
    for (std::size_t k = 0; k < rule_.nodes.size(); ++k) {
      const double t = rule_.nodes[k];
      const bool is_limit = t == 0.0;
      const auto masked = is_limit ? stream.subset(plan.num_scored, 1)
                                   : mask_at(t, options_.mask, plan.num_scored, stream);
      const double weight =
          rule_.weights[k] * (is_limit ? static_cast<double>(plan.num_scored) : 1.0 / t);
      append_copy(plan, text, process, masked, masked,
                  weight / static_cast<double>(options_.replicates), static_cast<std::int32_t>(r),
                  stream);
    }
  }
  return plan;
}

Target Quadrature::target(std::int64_t scored) const {
  return {"elbo", options_.rule == QuadratureNodes::gauss_legendre &&
                      options_.mask == NodeMask::bernoulli && 2 * options_.nodes >= scored};
}

}  // namespace lldm
