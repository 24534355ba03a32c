// SPDX-License-Identifier: MIT
#include "lldm/forward/masked.hpp"

#include <utility>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

std::int64_t mask_token_of(const MaskedProcess::Options& options, const Services& services) {
  if (options.mask_token >= 0 || !services.tokenizer) return options.mask_token;
  return services.tokenizer->special().mask;
}

}  // namespace

MaskedProcess::MaskedProcess(const Options& options, const Services& services)
    : MaskedProcess(mask_token_of(options, services),
                    services.registry.make<AnyNoiseSchedule>(options.schedule, services)) {}

MaskedProcess::MaskedProcess(std::int64_t mask_token, AnyNoiseSchedule schedule)
    : mask_token_(mask_token), schedule_(std::move(schedule)) {
  if (mask_token < 0)
    throw ConfigError(message("[forward_process] masked: mask_token must be a token id, got ",
                              mask_token,
                              "\n  the tokenizer has no mask token: name one in [tokenizer]"));
}

double MaskedProcess::elbo_weight(double t) const {
  const double noised = 1.0 - schedule_.alpha(t);
  if (!(noised > 0.0))
    throw ShapeError(message("MaskedProcess::elbo_weight: nothing is noised at t = ", t));
  return -schedule_.alpha_derivative(t) / noised;
}

double MaskedProcess::reveal_probability(double s, double t) const {
  const double noised = 1.0 - schedule_.alpha(t);
  if (!(noised > 0.0)) return 1.0;  // nothing is noised: whatever is asked for is clean
  return (schedule_.alpha(s) - schedule_.alpha(t)) / noised;
}

void MaskedProcess::noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
                          Stream&) const {
  for (const std::int64_t position : positions)
    tokens[static_cast<std::size_t>(position)] = mask_token_;
}

}  // namespace lldm
