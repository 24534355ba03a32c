// SPDX-License-Identifier: MIT
#include "lldm/forward/uniform.hpp"

#include <cmath>
#include <utility>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

std::int64_t last_token_of(const UniformProcess::Options& options, const Services& services) {
  const std::int64_t known = services.tokenizer ? services.tokenizer->vocabulary_size() - 1 : -1;
  if (options.last_token < 0) {
    if (known < 0)
      throw ConfigError(
          "[forward_process] uniform: last_token is not known without a tokenizer\n"
          "  name it: the last token id that noise may show");
    return known;
  }
  if (known >= 0 && options.last_token > known)
    throw ConfigError(message("[forward_process] uniform: last_token = ", options.last_token,
                              " is no token of the tokenizer\n  legal: 1 to ", known,
                              ", or -1 for all"));
  return options.last_token;
}

}  // namespace

void UniformProcess::Options::check(config::OptionsCheck& check) const {
  if (last_token >= 0 && last_token <= first_token)
    check.error("last_token",
                message("last_token = ", last_token,
                        " leaves fewer than two states behind "
                        "first_token = ",
                        first_token),
                message("legal: -1, or more than ", first_token));
}

UniformProcess::UniformProcess(const Options& options, const Services& services)
    : UniformProcess(options.first_token, last_token_of(options, services),
                     services.tokenizer ? services.tokenizer->special().mask : -1,
                     services.registry.make<AnyNoiseSchedule>(options.schedule, services)) {}

UniformProcess::UniformProcess(std::int64_t first, std::int64_t last, std::int64_t excluded,
                               AnyNoiseSchedule schedule)
    : first_(first),
      last_(last),
      excluded_(excluded >= first && excluded <= last ? excluded : -1),
      schedule_(std::move(schedule)) {
  if (first < 0 || num_states() < 2)
    throw ConfigError(message("[forward_process] uniform: the token ids ", first, " to ", last,
                              " without the mask token are fewer than two states\n"
                              "  legal: 0 <= first_token < last_token"));
}

std::int64_t UniformProcess::num_states() const {
  return last_ - first_ + (excluded_ >= 0 ? 0 : 1);
}

double UniformProcess::elbo_weight(double) const {
  throw ConfigError(
      "forward_process \"uniform\": its continuous-time bound is no weighted sum of "
      "log-probabilities\n  use score_estimator = \"full_trajectory\" or \"segmented\"");
}

double UniformProcess::reveal_probability(double s, double t) const {
  const double redrawn = 1.0 - schedule_.alpha(t);
  if (!(redrawn > 0.0)) return 1.0;  // nothing is redrawn: whatever is asked for is clean
  return (schedule_.alpha(s) - schedule_.alpha(t)) / redrawn;
}

void UniformProcess::noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
                           Stream& draws) const {
  for (const std::int64_t position : positions) {
    std::int64_t token = first_ + draws.below(num_states());
    if (excluded_ >= 0 && token >= excluded_) ++token;
    tokens[static_cast<std::size_t>(position)] = token;
  }
}

// With u = 1 / V, r = alpha_t / alpha_s and, for a clean token c,
//   q(x_t | x_s) = r [x_t = x_s] + (1 - r) u,   q(x_s | c) = alpha_s [x_s = c] + (1 - alpha_s) u,
// Bayes gives q(x_s | x_t, c) = q(x_t | x_s) q(x_s | c) / q(x_t | c): as a function of c it has one
// value at x_s, one at x_t and one everywhere else, so that its mean under a row p with
// p(elsewhere) = 1 - p(x_s) - p(x_t) is linear in those two probabilities.
ReverseStep UniformProcess::reverse_step(double alpha_s, double alpha_t, std::int64_t x_s,
                                         std::int64_t x_t, std::int64_t x_0) const {
  if (!is_state(x_0))
    throw DataError(message("forward_process \"uniform\": token ", x_0,
                            " of the text is no state of the noise (ids ", first_, " to ", last_,
                            excluded_ >= 0 ? message(" but ", excluded_) : "",
                            ")\n  widen first_token, last_token"));
  if (!is_state(x_s) || !is_state(x_t) || alpha_s < alpha_t)
    throw ShapeError(message("UniformProcess::reverse_step: got states ", x_s, ", ", x_t,
                             " at alpha ", alpha_s, ", ", alpha_t));
  if (alpha_s == alpha_t) {
    if (x_s != x_t)
      throw ShapeError("UniformProcess::reverse_step: states differ where nothing is redrawn");
    return {{.other = x_t, .constant = 1.0}, 0.0};
  }
  const double u = 1.0 / static_cast<double>(num_states()), kept = alpha_t / alpha_s;
  const bool stays = x_s == x_t;
  const double forward = (stays ? kept : 0.0) + (1.0 - kept) * u;
  const double before_other = (1.0 - alpha_s) * u, before_same = alpha_s + before_other;
  const double now_other = (1.0 - alpha_t) * u, now_same = alpha_t + now_other;
  const double elsewhere = forward * before_other / now_other;
  const double at_x_s = forward * before_same / (stays ? now_same : now_other);
  const double at_x_t = stays ? at_x_s : forward * before_other / now_same;
  ReverseStep step;
  step.readout = {.other = x_t,
                  .constant = elsewhere,
                  .of_target = at_x_s - elsewhere,
                  .of_other = stays ? 0.0 : at_x_t - elsewhere};
  step.log_posterior = std::log(x_0 == x_s ? at_x_s : x_0 == x_t ? at_x_t : elsewhere);
  return step;
}

double UniformProcess::prior_divergence(double alpha) const {
  const auto states = static_cast<double>(num_states());
  const double other = (1.0 - alpha) / states, same = alpha + other;
  const double of_others = other > 0 ? (states - 1) * other * std::log(other * states) : 0.0;
  return same * std::log(same * states) + of_others;
}

}  // namespace lldm
