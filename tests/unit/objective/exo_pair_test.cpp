// SPDX-License-Identifier: MIT
#include "lldm/objective/exo_pair.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// Loss and slopes of one pair, its log-ratios given (reference scores 0).
struct Exact {
  FDivergenceType divergence;
  double alpha, beta, smoothing, chosen, rejected;
  double loss, slope_chosen, slope_rejected;
};

// Worked out with 60 decimal digits (mpmath 1.3) from the doubles as they stand, by
//   L = q (log q - log(1 - eps)) + r (log r - log eps),  q = 1 / (1 + e^-m),  r = 1 - q,
//   m = beta (s_chosen - s_rejected),  dL/dm = q r (log q - log(1 - eps) - log r + log eps).
// Log-ratios near -9.1 under forward_kl have slopes e^9.1 = 8955 times those of reverse_kl: there
// the logarithms of the smoothing have to be right to the last digit, which TRL's, rounded to
// float32, are not (golden/preference_test.cpp allows for it).
constexpr Exact kExact[] = {
    {FDivergenceType::reverse_kl, 1.0, 0.1, 0.1, -3.0, 2.5, 0.84198091518298923,
     -0.063737709959532912, 0.063737709959532912},
    {FDivergenceType::reverse_kl, 1.0, 2.0, 0.001, 40.0, -25.0, 0.0010005003335835335,
     8.5700147577213021e-55, -8.5700147577213021e-55},
    {FDivergenceType::reverse_kl, 1.0, 0.5, 0.3, -400.0, 400.0, 1.203972804325936,
     -3.8384527889358834e-172, 3.8384527889358834e-172},
    {FDivergenceType::forward_kl, 1.0, 0.1, 0.1, -9.1, -9.101, 0.14024502669289513,
     -239.87654364785375, 240.11654016976315},
    {FDivergenceType::forward_kl, 1.0, 0.5, 0.1, -9.1, -9.1003, 0.050176529150012924,
     -627.35580334417939, 627.54403831901779},
    {FDivergenceType::forward_kl, 1.0, 0.1, 0.001, -9.12, -9.119, 4.3311320926997667,
     -1460.0004902114608, 1458.5412194782227},
    {FDivergenceType::forward_kl, 1.0, 1.0, 0.1, 2.0, -3.0, 0.10536047503148279,
     5.20498810289711e-9, -7.7248872744228715e-7},
    {FDivergenceType::js_divergence, 1.0, 1.0, 0.1, -6.0, 1.5, 2.2754487150367761,
     -0.023984433765572948, 0.0043862183579654667},
    {FDivergenceType::alpha_divergence, 0.5, 0.1, 0.1, -9.1, -9.105, 0.48508736726222896,
     -5.0832823328013946, 5.0960064371366822},
};

}  // namespace

TEST_CASE("ExoPair is what exact arithmetic says, also where slopes are large",
          "[objective][exo_pair]") {
  for (const Exact& exact : kExact) {
    INFO("divergence " << static_cast<int>(exact.divergence) << ", log-ratios " << exact.chosen
                       << " and " << exact.rejected);
    const ExoPair objective(
        {.shared = {.beta = exact.beta,
                    .f_divergence = {.type = exact.divergence, .alpha = exact.alpha}},
         .label_smoothing = exact.smoothing});
    const ScoreSet set = score_set(2, {exact.chosen, exact.rejected}, {0, 0}, {1, 1});
    // 2^-53 e^9.1 beta in the margin is 1e-12 of it: what double precision has to give.
    CHECK(objective.evaluate(set).loss_sum.item<double>() ==
          Approx(exact.loss).epsilon(2e-11).margin(0));
    const at::Tensor slope = slopes(objective, set);
    // Its terms are of size 1 and cancel where the pair is decided: 1e-15 is what is left of them.
    CHECK(slope[0][0].item<double>() == Approx(exact.slope_chosen).epsilon(2e-11).margin(1e-15));
    CHECK(slope[0][1].item<double>() == Approx(exact.slope_rejected).epsilon(2e-11).margin(1e-15));
  }
}
