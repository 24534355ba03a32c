// SPDX-License-Identifier: MIT
#include "lldm/draws/permutation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;

namespace {

std::vector<std::int64_t> order(std::int64_t n, std::uint64_t epoch) {
  const CounterPermutation permutation(Draws(3, "pretrain").stream(Purpose::order, epoch), n);
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < n; ++i) places.push_back(permutation.at(i));
  return places;
}

}  // namespace

TEST_CASE("CounterPermutation gives every element once, whatever their number",
          "[draws][permutation]") {
  for (const std::int64_t n : {1, 2, 3, 4, 5, 15, 16, 17, 100, 255, 256, 257, 4096, 10007}) {
    std::vector<std::int64_t> places = order(n, 0);
    std::sort(places.begin(), places.end());
    std::vector<std::int64_t> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    CHECK(places == all);
  }
}

TEST_CASE("CounterPermutation is another order in every epoch, the same in every call",
          "[draws][permutation]") {
  CHECK(order(1000, 0) == order(1000, 0));
  CHECK(order(1000, 0) != order(1000, 1));
  const std::vector<std::int64_t> first = order(1000, 0), second = order(1000, 1);
  int same = 0;
  for (std::size_t i = 0; i < first.size(); ++i) same += first[i] == second[i];
  CHECK(same < 10);  // 1 expected
}

TEST_CASE("CounterPermutation: every element is as likely at every place", "[draws][permutation]") {
  constexpr std::size_t n = 7, epochs = 7000;
  std::array<std::array<int, n>, n> counts{};
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const std::vector<std::int64_t> places = order(n, epoch);
    for (std::size_t i = 0; i < n; ++i) ++counts[i][static_cast<std::size_t>(places[i])];
  }
  double chi_squared = 0;
  for (const auto& row : counts)
    for (const int count : row) chi_squared += std::pow(count - 1000.0, 2) / 1000.0;
  CHECK(chi_squared < 75);  // 36 degrees of freedom: mean 36, 75 is beyond the 0.9998 quantile
}

TEST_CASE("CounterPermutation: orders of three elements all occur alike", "[draws][permutation]") {
  std::map<std::vector<std::int64_t>, int> counts;
  for (std::uint64_t epoch = 0; epoch < 6000; ++epoch) ++counts[order(3, epoch)];
  CHECK(counts.size() == 6);
  for (const auto& [places, count] : counts) CHECK(std::abs(count - 1000) < 150);
}

TEST_CASE("CounterPermutation needs no memory for 10^15 elements", "[draws][permutation]") {
  constexpr std::int64_t n = 1'000'000'000'000'000;
  const CounterPermutation permutation(Draws(3, "x").stream(Purpose::order), n);
  std::set<std::int64_t> seen;
  for (std::int64_t i = 0; i < 1000; ++i) {
    const std::int64_t at = permutation.at(n - 1 - i);
    CHECK((at >= 0 && at < n));
    seen.insert(at);
  }
  CHECK(seen.size() == 1000);
  CHECK_THROWS_WITH(CounterPermutation(Draws(3, "x").stream(Purpose::order), 0),
                    testing::contains("n must be at least 1, got 0"));
}
