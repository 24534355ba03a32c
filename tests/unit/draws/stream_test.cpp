// SPDX-License-Identifier: MIT
#include "lldm/draws/stream.hpp"

#include <array>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using lldm::Draws;
using lldm::Purpose;
using lldm::Stream;

TEST_CASE("Stream reproduces the published Philox4x32-10 vectors", "[draws]") {
  // Random123 kat_vectors: philox4x32 10, counter 0, key 0.
  Stream zero(0, 0);
  CHECK(zero.bits() == 0x6627e8d5u);
  CHECK(zero.bits() == 0xe169c58du);
  CHECK(zero.bits() == 0xbc57ac4cu);
  CHECK(zero.bits() == 0x9b00dbd8u);
}

// promise 3
TEST_CASE("Draws depend on every part of their key and on nothing else", "[draws]") {
  const Draws draws(7, "tuned");
  const auto first = [](Stream stream) {
    const std::uint64_t high = stream.bits();
    return (high << 32) | stream.bits();
  };
  std::set<std::uint64_t> seen;
  seen.insert(first(draws.stream(Purpose::noise, 0, 0, 0, 0)));
  seen.insert(first(draws.stream(Purpose::order, 0, 0, 0, 0)));
  seen.insert(first(draws.stream(Purpose::noise, 1, 0, 0, 0)));
  seen.insert(first(draws.stream(Purpose::noise, 0, 1, 0, 0)));
  seen.insert(first(draws.stream(Purpose::noise, 0, 0, 1, 0)));
  seen.insert(first(draws.stream(Purpose::noise, 0, 0, 0, 1)));
  seen.insert(first(Draws(8, "tuned").stream(Purpose::noise, 0, 0, 0, 0)));
  seen.insert(first(Draws(7, "sft").stream(Purpose::noise, 0, 0, 0, 0)));
  CHECK(seen.size() == 8);
  CHECK(first(draws.stream(Purpose::noise, 3, 2, 1, 0)) ==
        first(Draws(7, "tuned").stream(Purpose::noise, 3, 2, 1, 0)));
}

TEST_CASE("Stream::below is uniform", "[draws]") {
  // Chi-square with 6 degrees of freedom: P(> 27.9) = 1e-4, fixed seed.
  Stream stream = Draws(1, "test").stream(Purpose::noise);
  std::array<int, 7> counts{};
  const int n = 70000;
  for (int i = 0; i < n; ++i) ++counts[static_cast<std::size_t>(stream.below(7))];
  double chi = 0;
  for (const int count : counts) chi += std::pow(count - n / 7.0, 2) / (n / 7.0);
  CHECK(chi < 27.9);
  CHECK_THROWS_AS(stream.below(0), lldm::ShapeError);
}

TEST_CASE("Stream::subset draws every subset equally often", "[draws]") {
  Stream stream = Draws(2, "test").stream(Purpose::noise);
  std::map<std::vector<std::int64_t>, int> counts;
  const int n = 60000;
  for (int i = 0; i < n; ++i) ++counts[stream.subset(5, 3)];
  REQUIRE(counts.size() == 10);
  double chi = 0;
  for (const auto& [subset, count] : counts) chi += std::pow(count - n / 10.0, 2) / (n / 10.0);
  CHECK(chi < 33.7);  // 9 degrees of freedom, P = 1e-4
}
