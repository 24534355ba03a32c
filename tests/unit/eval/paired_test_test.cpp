// SPDX-License-Identifier: MIT
#include "lldm/eval/paired_test.hpp"

#include <cmath>
#include <vector>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {
Stream stream() { return Draws(5, "test").stream(Purpose::bootstrap); }
}  // namespace

TEST_CASE("mcnemar_exact is twice the binomial's tail", "[eval][paired_test]") {
  CHECK(mcnemar_exact(0, 0) == 1);
  CHECK(mcnemar_exact(1, 0) == 1);
  CHECK(mcnemar_exact(4, 0) == 0.125);
  CHECK(mcnemar_exact(0, 5) == 0.0625);
  CHECK(mcnemar_exact(6, 0) == 0.03125);
  CHECK(mcnemar_exact(7, 7) == 1);
  CHECK(mcnemar_exact(1, 5) == Approx(2 * 7.0 / 64).epsilon(1e-14));
  CHECK(mcnemar_exact(20, 0) == std::ldexp(1.0, -19));
  // The normal approximation with its correction for 1200 against 1100 flips.
  CHECK(mcnemar_exact(1200, 1100) ==
        Approx(std::erfc(99 / std::sqrt(2300.0) / std::sqrt(2.0))).epsilon(0.005));
  CHECK_THROWS_AS(mcnemar_exact(-1, 2), ShapeError);
}

TEST_CASE("sign_flip_test goes through all signs", "[eval][paired_test]") {
  CHECK(sign_flip_test(std::vector<double>{}) == 1.0);
  CHECK(sign_flip_test(std::vector<double>{0, 0}) == 1.0);
  CHECK(sign_flip_test(std::vector<double>{1}) == 1.0);
  CHECK(sign_flip_test(std::vector<double>{1, 0, 1, 1, 0, 1}) == mcnemar_exact(4, 0));
  CHECK(sign_flip_test(std::vector<double>{1, -1, -1, -1, 0}) == mcnemar_exact(1, 3));
  CHECK(sign_flip_test(std::vector<double>{0.5, 0.5}) == mcnemar_exact(2, 0));
  // 1 + 1 + 2 = 4: only all + and all - reach it, 2 of 8.  1 + 2 - 1 = 2: sums are +-4 (2 ways),
  // +-2 (4 ways: the 2 with either 1 against it), 0 (2 ways).
  CHECK(sign_flip_test(std::vector<double>{1, 1, 2}) == Approx(0.25));
  CHECK(sign_flip_test(std::vector<double>{1, -1, 2}) == Approx(0.75));
  CHECK(sign_flip_test(std::vector<double>{0.5, 1}) == Approx(0.5));
  CHECK(!sign_flip_test(std::vector<double>{0.3, 1}));
  CHECK(!sign_flip_test(std::vector<double>{std::nan(""), 1}));
}

TEST_CASE("student_quantile is the table's", "[eval][paired_test]") {
  CHECK(student_quantile(0.975, 1) == Approx(12.7062047364).epsilon(1e-10));
  CHECK(student_quantile(0.975, 2) == Approx(4.30265272991).epsilon(1e-10));
  CHECK(student_quantile(0.975, 3) == Approx(3.18244630528).epsilon(1e-10));
  CHECK(student_quantile(0.95, 10) == Approx(1.81246112281).epsilon(1e-10));
  CHECK(student_quantile(0.025, 4) == Approx(-2.77644510520).epsilon(1e-10));
  CHECK(student_quantile(0.975, 40) == Approx(2.02107539031).epsilon(1e-10));
  const auto interval = student_interval(std::vector<double>{1, 2, 3});
  CHECK(interval.high == Approx(2 + 4.30265272991 / std::sqrt(3.0)).epsilon(1e-10));
  CHECK_THROWS_AS(student_quantile(1, 3), ShapeError);
  CHECK_THROWS_AS(student_interval(std::vector<double>{1}), ShapeError);
}

TEST_CASE("A mean of items has the interval that fits it", "[eval][paired_test]") {
  const ItemMean none_right = mean_of_items(std::vector<double>(20, 0.0), true, stream());
  REQUIRE(none_right.interval);
  CHECK(std::string(none_right.kind) == "Wilson");
  CHECK(none_right.interval->low == 0);
  CHECK(none_right.interval->high == Approx(0.161125).margin(1e-6));
  CHECK(mean_of_items(std::vector<double>{1}, true, stream()).interval->low ==
        Approx(1 / (1 + 3.841459)).margin(1e-6));
  CHECK(mean_of_items(std::vector<double>{0.5, 1, 0}, true, stream()).interval ==
        wilson_interval(1.5, 3));
  // Counts are no share, and equal ones have no interval.
  CHECK(!mean_of_items(std::vector<double>{1, 1}, false, stream()).interval);
  const std::vector<double> lines = {0, 1, 3};
  CHECK(std::string(mean_of_items(lines, false, stream()).kind) == "bootstrap");
  CHECK(mean_of_items(lines, false, stream()).interval == bootstrap_mean(lines, stream()));
  CHECK((is_share("accuracy") && is_share("preference_accuracy_per_token") && is_share("exact")));
  CHECK((is_share("check_crash") && is_share("check_exit") && !is_share("forwards")));
  CHECK((is_share("strict_match") && !is_share("superfluous_steps") && !is_share("items")));
}
