// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>

#include "lldm/concepts/plan.hpp"
#include "lldm/draws/stream.hpp"

namespace lldm {

/// A position's way from time t back to an earlier time s, x_t -> x_s, when x_0 is the text's own
/// token.
struct ReverseStep {
  PosteriorReadout readout;  // p(x_s | x_t) of the model as a functional of its row, target x_s
  double log_posterior = 0;  // log q(x_s | x_t, x_0), nats
};

/// What clean text turns into as time goes from 0 to 1.
///
/// A type is a ForwardProcess if, for 0 <= s <= t <= 1,
///   1. `alpha(t)` is the chance that a position is still clean, non-increasing in t, and
///      `inverse_alpha(a)` a time at which it is a, for a between alpha(1) and alpha(0);
///   2. `elbo_weight(t)` is the weight, in nats per nat of readout, of a noised position in the
///      continuous-time bound: -alpha'(t) / (1 - alpha(t)) for absorbing noise;
///   3. `reveal_probability(s, t)` is the chance that a position noised at t is clean at s:
///      (alpha(s) - alpha(t)) / (1 - alpha(t)) for absorbing noise;
///   4. `noise(tokens, positions, draws)` overwrites the given positions with noise, in place;
///   5. `is_absorbing()` says whether noise is one absorbing token (so that a noised position is
///      known to be noised), and `readout()` names what a query reads.
/// Times are float64 on the host.  It need not be trainable or aware of any model.
/// Laws: tests/conformance/forward_process_test.cpp.
/// See  NoiseSchedule - alpha(t);  ScoreEstimator - which positions, which times.
template <class P>
concept ForwardProcess =
    requires(const P& process, double s, double t, std::span<std::int64_t> tokens,
             std::span<const std::int64_t> positions, Stream& draws) {
      { process.alpha(t) } -> std::same_as<double>;
      { process.inverse_alpha(t) } -> std::same_as<double>;
      { process.elbo_weight(t) } -> std::same_as<double>;
      { process.reveal_probability(s, t) } -> std::same_as<double>;
      { process.noise(tokens, positions, draws) } -> std::same_as<void>;
      { process.is_absorbing() } -> std::same_as<bool>;
      { process.readout() } -> std::same_as<Readout>;
    };

/// A ForwardProcess whose noise shows tokens and that knows its reverse steps exactly.
///   6. `reverse_step(alpha_s, alpha_t, x_s, x_t, x_0)`, alpha_s >= alpha_t: the sum over x_0 of
///      q(x_s | x_t, x_0) p(x_0 | x_t) as a functional of the row p, and q for the text's own x_0;
///   7. `prior_divergence(alpha)` is KL(q(x_T | x_0) || prior) of one position, in nats.
/// AnyForwardProcess answers `has_posterior()`.  Laws: tests/conformance/uniform_process_test.cpp.
template <class P>
concept PosteriorProcess =
    ForwardProcess<P> && requires(const P& process, double alpha, std::int64_t token) {
      { process.reverse_step(alpha, alpha, token, token, token) } -> std::same_as<ReverseStep>;
      { process.prior_divergence(alpha) } -> std::same_as<double>;
    };

/// A ForwardProcess that noises the response block by block, each given clean ones before it.
///   8. `block_size()`, in tokens: plans attend by AttentionPattern two_stream.
template <class P>
concept BlockProcess = ForwardProcess<P> && requires(const P& process) {
  { process.block_size() } -> std::same_as<std::int64_t>;
};

}  // namespace lldm
