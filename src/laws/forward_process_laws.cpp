// SPDX-License-Identifier: MIT
#include "lldm/laws/forward_process_laws.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "lldm/errors.hpp"

namespace lldm::laws {
namespace {

constexpr double kTimes[] = {0.2, 0.5, 0.9, 1.0};

Finding check_alpha(const AnyForwardProcess& process) {
  double before = 1.0;
  Largest worst;
  for (int i = 0; i <= 200; ++i) {
    const double t = i / 200.0, alpha = process.alpha(t);
    if (!(alpha >= 0.0 && alpha <= before))
      return fails(message("alpha(", t, ") = ", alpha, " behind ", before),
                   "a chance in [0, 1] that never rises with t");
    before = alpha;
    worst.see(std::abs(process.alpha(process.inverse_alpha(alpha)) - alpha),
              [&] { return message("t = ", t); });
  }
  return worst.at_most(1e-9, "alpha(inverse_alpha(a)) - a is at most",
                       "inverse_alpha inverts alpha");
}

Finding check_reveal(const AnyForwardProcess& process) {
  if (!process.is_absorbing()) return unchecked("of absorbing noise");
  Largest worst;
  for (const double t : kTimes) {
    double before = 0.0;
    const double kept = process.alpha(t);
    for (int i = 20; i >= 0; --i) {
      const double s = t * i / 20.0, revealed = process.reveal_probability(s, t);
      if (!(revealed >= before - 1e-12 && revealed <= 1 + 1e-12))
        return fails(
            message("reveal_probability(", s, ", ", t, ") = ", revealed, " behind ", before),
            "a chance in [0, 1] that rises the further s is back");
      before = revealed;
      worst.see(std::abs(kept + (1 - kept) * revealed - process.alpha(s)), [&] {
        return message("s = ", s, ", t = ", t, ": it keeps the share ",
                       kept + (1 - kept) * revealed, ", alpha(s) is ", process.alpha(s));
      });
    }
  }
  return worst.at_most(1e-9, "largest difference of shares",
                       "alpha(t) + (1 - alpha(t)) reveal_probability(s, t) = alpha(s)");
}

Finding check_weight(const AnyForwardProcess& process) {
  if (!process.is_absorbing()) return unchecked("of absorbing noise");
  constexpr double h = 1e-4;
  Largest worst;
  for (int i = 1; i < 100; ++i) {
    const double t = i / 100.0;
    if (process.alpha(t) > 1 - 1e-9) continue;  // nothing is noised yet
    const double rate =
        (4 * process.reveal_probability(t - h / 2, t) - process.reveal_probability(t - h, t)) / h;
    const double said = process.elbo_weight(t);
    worst.see(std::abs(said - rate) / (1e-3 + std::abs(rate)), [&] {
      return message("t = ", t, " it says ", said, ", positions are revealed at the rate ", rate);
    });
  }
  return worst.at_most(
      1e-3, "largest relative difference",
      "-alpha'(t) / (1 - alpha(t)), the limit of reveal_probability(t - h, t) / h");
}

Finding check_positions(const AnyForwardProcess& process, std::int64_t vocabulary,
                        std::int64_t clean) {
  std::map<std::int64_t, int> written;
  int unchanged = 0, noised = 0;
  for (std::uint64_t row = 0; row < 200; ++row) {
    Stream draws = Draws(1, "laws").stream(Purpose::noise, 0, row);
    std::vector<std::int64_t> tokens;
    for (int i = 0; i < 9; ++i) tokens.push_back(draws.below(clean));
    const std::vector<std::int64_t> before = tokens, positions = draws.subset(9, draws.below(10));
    process.noise(tokens, positions, draws);
    if (tokens.size() != before.size()) return fails("the tokens changed their number", "9 tokens");
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!std::binary_search(positions.begin(), positions.end(), static_cast<std::int64_t>(i))) {
        if (tokens[i] != before[i])
          return fails(message("position ", i, " was not given and became ", tokens[i]),
                       "only the given positions are overwritten");
        continue;
      }
      if (tokens[i] < 0 || tokens[i] >= vocabulary)
        return fails(message("noise wrote token ", tokens[i]),
                     message("ids in [0, ", vocabulary, ")"));
      ++noised, ++written[tokens[i]];
      unchanged += tokens[i] == before[i] ? 1 : 0;
    }
  }
  if (process.is_absorbing() && (unchanged > 0 || written.size() != 1))
    return fails(message(noised, " noised positions hold ", written.size(), " different tokens, ",
                         unchanged, " of them unchanged"),
                 "absorbing noise overwrites every given position with one token that is no text");
  return holds(message(noised, " positions"));
}

/// How often noise writes what over one clean token.
std::map<std::int64_t, double> written_over(const AnyForwardProcess& process, std::int64_t token,
                                            int draws) {
  std::map<std::int64_t, double> shares;
  const std::vector<std::int64_t> positions{0};
  for (int row = 0; row < draws; ++row) {
    Stream stream = Draws(2, "laws").stream(Purpose::noise, 0, static_cast<std::uint64_t>(row),
                                            static_cast<std::uint64_t>(token));
    std::vector<std::int64_t> tokens{token};
    process.noise(tokens, positions, stream);
    shares[tokens[0]] += 1.0 / draws;
  }
  return shares;
}

Finding check_forgets(const AnyForwardProcess& process, std::int64_t clean) {
  constexpr int kDraws = 20000;
  // Seven standard deviations of a difference of two shares.
  const double allowed = 7 * std::sqrt(0.5 / kDraws);
  const auto first = written_over(process, 0, kDraws);
  Largest worst;
  for (const std::int64_t token : {std::int64_t{1}, clean - 1}) {
    auto other = written_over(process, token, kDraws);
    for (const auto& [id, share] : first) other.try_emplace(id, 0.0);
    for (const auto& [id, share] : other) {
      const double of_first = first.contains(id) ? first.at(id) : 0.0;
      worst.see(std::abs(share - of_first), [&, id = id, share = share] {
        return message("token ", id, ": written over ", token, " with the share ", share,
                       ", over 0 with ", of_first);
      });
    }
  }
  return worst.at_most(allowed, "largest difference of shares",
                       "a noised position no longer depends on the token that stood there");
}

Finding check_draws(const AnyForwardProcess& process) {
  for (std::uint64_t row = 0; row < 50; ++row) {
    std::vector<std::int64_t> one{0, 1, 2, 3, 4}, two = one;
    const std::vector<std::int64_t> positions{0, 2, 3};
    Stream a = Draws(3, "laws").stream(Purpose::noise, 0, row), b = a;
    process.noise(one, positions, a);
    process.noise(two, positions, b);
    if (one != two)
      return fails(message("row ", row, " was noised differently from equal draws"),
                   "noise is a function of its arguments and draws");
  }
  return holds("50 rows twice");
}

Finding check_posterior(const AnyForwardProcess& process, std::int64_t clean) {
  if (!process.has_posterior()) return unchecked("the process has no reverse_step");
  std::vector<std::int64_t> states;
  for (const auto& [id, share] : written_over(process, 0, 4000)) states.push_back(id);
  Largest worst;
  const auto see = [&](double difference, const char* what, std::int64_t x_t, std::int64_t x_0) {
    worst.see(std::abs(difference),
              [&] { return message(what, ", x_t = ", x_t, ", x_0 = ", x_0); });
  };
  for (const auto& [alpha_s, alpha_t] :
       {std::pair{1.0, 0.7}, std::pair{0.7, 0.3}, std::pair{0.51, 0.5}, std::pair{0.3, 0.0}})
    for (const std::int64_t x_t : states)
      for (const std::int64_t x_0 : states) {
        if (x_0 >= clean) continue;
        double sum = 0;
        for (const std::int64_t x_s : states) {
          const ReverseStep step = process.reverse_step(alpha_s, alpha_t, x_s, x_t, x_0);
          const double q = std::exp(step.log_posterior);
          sum += q;
          const double read = step.readout.constant + (x_s == x_0 ? step.readout.of_target : 0) +
                              (step.readout.other == x_0 ? step.readout.of_other : 0);
          see(read - q, "the readout of a certain model is not the posterior", x_t, x_0);
        }
        see(sum - 1, "the posterior does not sum to 1", x_t, x_0);
      }
  return worst.at_most(1e-9, "largest difference",
                       "q(x_s | x_t, x_0) sums to 1 over x_s, and the readout is its sum over x_0");
}

}  // namespace

std::vector<Law> forward_process_laws(const AnyForwardProcess& process, std::int64_t vocabulary,
                                      std::int64_t clean) {
  return {{"alpha is a falling chance, and inverse_alpha comes back",
           [=] { return check_alpha(process); }},
          {"reveal probabilities chain into alpha", [=] { return check_reveal(process); }},
          {"elbo_weight is the rate at which positions are noised",
           [=] { return check_weight(process); }},
          {"noise overwrites the given positions and nothing else",
           [=] { return check_positions(process, vocabulary, clean); }},
          {"noise forgets what it overwrites", [=] { return check_forgets(process, clean); }},
          {"equal draws give equal noise", [=] { return check_draws(process); }},
          {"the posterior is a distribution", [=] { return check_posterior(process, clean); }}};
}

}  // namespace lldm::laws
