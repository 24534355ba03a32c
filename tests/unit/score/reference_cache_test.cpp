// SPDX-License-Identifier: MIT
#include "lldm/score/reference_cache.hpp"

#include <array>
#include <cmath>
#include <functional>
#include <set>
#include <thread>

#include "lldm/errors.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/objective/dpo.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

// A row of a product must not depend on how many rows stand beside it; read by the first product.
const bool is_deterministic = (set_deterministic_environment(), true);

ReferenceSource source(const std::string& model = "sha256:aa", const std::string& origin = "sft") {
  return {.identity = {.model = model, .dtype = "float32", .tokenizer = "t", .device = "cpu"},
          .origin = origin,
          .made_by = "stage sft of a test"};
}

/// Plan number `i`, unlike every other.
ScorePlan plan_of(std::int64_t i) {
  ScorePlan plan;
  plan.length = 3;
  plan.num_prompt = 1;
  plan.num_scored = 2;
  plan.tokens = {i, 7, 7};
  plan.queries = {{0, 1, i, 1.0}, {0, 2, 2, 1.0}};
  return plan;
}

StoredPlan stored(std::int64_t i) {
  const auto value = static_cast<double>(i);
  // The second number needs 53 bits where i is odd, 24 where it is even.
  return {plan_key(plan_of(i)),
          1,
          static_cast<std::uint64_t>(i),
          0,
          {-value, i % 2 == 0 ? -0.5 : -1.0 / 3.0}};
}

void fill(ReferenceCache& cache, std::int64_t first, std::int64_t last) {
  for (std::int64_t i = first; i < last; ++i) {
    const StoredPlan plan = stored(i);
    cache.append({&plan, 1});
  }
}

bool is_right(const ReferenceCache& cache, std::int64_t i) {
  return cache.readouts(plan_of(i)) == stored(i).readouts;
}

std::string problems_of(ReferenceCache& cache) {
  std::string text;
  for (const std::string& line : cache.take_problems()) text += line + "\n";
  return text;
}

std::filesystem::path only_file(const std::filesystem::path& folder) {
  return std::filesystem::directory_iterator(folder)->path();
}

std::size_t count_files(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("plan_key: what a model reads, and nothing else", "[score][reference_cache]") {
  const ScorePlan plan = plan_of(4);
  std::set<PlanKey> keys = {plan_key(plan)};
  const auto changed = [&](const std::function<void(ScorePlan&)>& change) {
    ScorePlan other = plan;
    change(other);
    return plan_key(other);
  };
  // What is applied to the readouts, or only says where they belong.
  for (const auto& change : std::vector<std::function<void(ScorePlan&)>>{
           [](ScorePlan& p) { p.queries[0].weight = 3; }, [](ScorePlan& p) { p.constant = 1; },
           [](ScorePlan& p) { p.combination = Combination::log_mean_exp; },
           [](ScorePlan& p) { p.queries[1].group = 1; }, [](ScorePlan& p) { p.slot = {5}; }})
    CHECK(changed(change) == plan_key(plan));
  const std::vector<std::function<void(ScorePlan&)>> differ = {
      [](ScorePlan& p) { p.tokens[2] = 6; },
      [](ScorePlan& p) { p.length = 1; },  // three copies of one token
      [](ScorePlan& p) { p.queries[0].target = 5; },
      [](ScorePlan& p) { p.queries[0].position = 0; },
      [](ScorePlan& p) { p.queries[1].copy = 1; },
      [](ScorePlan& p) { p.queries.pop_back(); },
      [](ScorePlan& p) { p.readout = Readout::log_posterior; },
      [](ScorePlan& p) { p.posteriors = {{1, 0.1, 0.2, 0.3}, {}}; },
      [](ScorePlan& p) { p.posteriors = {{1, 0.1, 0.3, 0.2}, {}}; },
      [](ScorePlan& p) { p.attention.kind = AttentionPattern::Kind::two_stream; },
      [](ScorePlan& p) { p.attention.block_size = 2; },
      [](ScorePlan& p) { p.path_uniforms = {0.5, 0.5}; },
      [](ScorePlan& p) {
        p.path_uniforms = {0.5, 0.5};
        p.replicate = {1};
      }};
  for (const auto& change : differ) keys.insert(changed(change));
  CHECK(keys.size() == differ.size() + 1);
}

TEST_CASE("ReferenceCache: what was appended is read back bit for bit",
          "[score][reference_cache]") {
  const TemporaryFolder folder;
  {
    ReferenceCache cache(folder / "a" / "cache", source());
    CHECK(cache.size() == 0);
    fill(cache, 0, 5);
    cache.append_note("first");
    cache.append_note("second");
    CHECK(cache.size() == 5);
  }
  ReferenceCache cache(folder / "a" / "cache", source());
  CHECK(cache.size() == 5);
  for (std::int64_t i = 0; i < 5; ++i) CHECK(is_right(cache, i));
  CHECK(cache.last_note() == "second");
  CHECK(problems_of(cache).empty());
  CHECK_FALSE(cache.contains(plan_key(plan_of(5))));
  CHECK_THROWS_AS(cache.readouts(plan_of(5)), DataError);
  CHECK(contains("1 reference, ").match(describe_reference_cache(folder / "a" / "cache")));
  CHECK(describe_reference_cache(folder / "b").empty());
}

TEST_CASE("ReferenceCache: a record cut at any byte costs that record alone",
          "[score][reference_cache]") {
  const TemporaryFolder folder;
  {
    ReferenceCache cache(folder.path(), source());
    fill(cache, 0, 3);
  }
  const auto file = only_file(folder.path());
  const std::string whole = read_file(file);
  const std::size_t end_of_two = [&] {
    const TemporaryFolder other;
    ReferenceCache cache(other.path(), source());
    fill(cache, 0, 2);
    return read_file(only_file(other.path())).size();
  }();
  for (std::size_t size = end_of_two + 1; size < whole.size(); ++size) {
    INFO("cut to " << size << " of " << whole.size() << " bytes");
    write_file(file, whole.substr(0, size));
    ReferenceCache cache(folder.path(), source());
    REQUIRE(cache.size() == 2);
    fill(cache, 2, 3);
    CHECK_THAT(problems_of(cache), contains("cut off"));
    CHECK(read_file(file) == whole);  // nothing is left of the torn one
  }
}

TEST_CASE("ReferenceCache: the first line torn by a kill is written again",
          "[score][reference_cache]") {
  const TemporaryFolder folder;
  {
    const ReferenceCache cache(folder.path(), source());
  }
  const auto file = only_file(folder.path());
  const std::string whole = read_file(file);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(file, whole.substr(0, size));
    const ReferenceCache cache(folder.path(), source());
    REQUIRE(read_file(file) == whole);
  }
}

TEST_CASE("ReferenceCache: no flipped bit is ever read as a score", "[score][reference_cache]") {
  const TemporaryFolder folder;
  {
    ReferenceCache cache(folder.path(), source());
    fill(cache, 0, 3);
  }
  const auto file = only_file(folder.path());
  const std::string whole = read_file(file);
  const std::size_t header = whole.find('\n') + 1;
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    INFO("byte " << byte << " of " << whole.size());
    std::string damaged = whole;
    damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << byte % 8));
    write_file(file, damaged);
    if (byte < header) {
      CHECK_THROWS_AS(ReferenceCache(folder.path(), source()), DataError);
      CHECK(read_file(file) == damaged);
      continue;
    }
    ReferenceCache cache(folder.path(), source());
    REQUIRE(cache.size() == 2);
    std::vector<std::int64_t> missing;
    for (std::int64_t i = 0; i < 3; ++i)
      if (!cache.contains(plan_key(plan_of(i))))
        missing.push_back(i);
      else
        CHECK(is_right(cache, i));
    REQUIRE(missing.size() == 1);
    fill(cache, missing[0], missing[0] + 1);
    CHECK(!problems_of(cache).empty());  // said aloud
    ReferenceCache again(folder.path(), source());
    CHECK(again.size() == 3);
    CHECK(is_right(again, missing[0]));
  }
}

TEST_CASE("ReferenceCache: damage after opening is found when it is read",
          "[score][reference_cache]") {
  const TemporaryFolder folder;
  ReferenceCache cache(folder.path(), source());
  fill(cache, 0, 1);
  const auto file = only_file(folder.path());
  std::string bytes = read_file(file);
  bytes[bytes.size() - 12] ^= 1;
  write_file(file, bytes);
  CHECK_THROWS_AS(cache.readouts(plan_of(0)), DataError);
}

TEST_CASE("ReferenceCache: another reference is refused, and the difference named",
          "[score][reference_cache]") {
  const TemporaryFolder folder;
  {
    ReferenceCache cache(folder.path(), source("sha256:aa", "sft"));
    fill(cache, 0, 2);
  }
  const auto file = only_file(folder.path());
  const std::string before = read_file(file);
  ReferenceSource other = source("sha256:bb", "sft");
  other.identity.dtype = "float64";
  const auto refused = [&](const ReferenceSource& wanted, std::vector<std::string> siblings) {
    try {
      const ReferenceCache cache(folder.path(), wanted, siblings);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string text = refused(other, {});
  CHECK_THAT(text, contains("model: the cache has \"sha256:aa\", here \"sha256:bb\""));
  CHECK_THAT(text, contains("dtype: the cache has \"float32\", here \"float64\""));
  CHECK_THAT(text, contains("stage sft of a test"));
  CHECK_THAT(text, !contains("tokenizer:"));
  // The same stage gives other weights now: stale, whatever else the experiment holds.
  CHECK(!refused(other, {"sft"}).empty());
  other.identity = source().identity;
  other.identity.tokenizer = "u";
  CHECK_THAT(refused(other, {}), contains("tokenizer: the cache has \"t\", here \"u\""));
  CHECK(read_file(file) == before);
  CHECK(count_files(folder.path()) == 1);
  // Another cell's reference: a file beside it.
  CHECK(refused(source("sha256:cc", "sft of seed 2"), {"sft", "sft of seed 2"}).empty());
  CHECK(count_files(folder.path()) == 2);
  CHECK(read_file(file) == before);
  // Now there is one of its own.
  CHECK(refused(source("sha256:cc", "sft of seed 2"), {}).empty());

  const ReferenceSource third = source("sha256:dd", "sft of seed 3");
  const TemporaryFolder elsewhere;
  {
    const ReferenceCache cache(elsewhere.path(), third);
  }
  std::filesystem::copy_file(file, only_file(elsewhere.path()),
                             std::filesystem::copy_options::overwrite_existing);
  CHECK_THROWS_WITH(ReferenceCache(elsewhere.path(), third),
                    contains("not what its name says") && contains("sha256:aa"));
  write_file(folder / "plain", "text");
  CHECK_THROWS_AS(ReferenceCache(folder / "plain", source()), ConfigError);
}

// Its file may appear between being looked for and the look at the others: 13 of 60 rounds before.
TEST_CASE("ReferenceCache: one that several open at once is nobody's but theirs",
          "[score][reference_cache]") {
  for (int round = 0; round < 40; ++round) {
    const TemporaryFolder folder;
    std::array<std::string, 4> errors;
    std::vector<std::thread> openers;
    for (std::string& error : errors)
      openers.emplace_back([&] {
        try {
          const ReferenceCache cache(folder.path(), source());
        } catch (const Error& caught) {
          error = caught.what();
        }
      });
    for (std::thread& opener : openers) opener.join();
    for (const std::string& error : errors) CHECK(error.empty());
  }
}

TEST_CASE("ReferenceCache: appenders at the same time lose nothing", "[score][reference_cache]") {
  const TemporaryFolder folder;
  constexpr std::int64_t kWriters = 4, kEach = 40;
  std::vector<std::thread> writers;
  for (std::int64_t w = 0; w < kWriters; ++w)
    writers.emplace_back([&, w] {
      ReferenceCache cache(folder.path(), source());
      fill(cache, w * kEach, (w + 1) * kEach);
    });
  for (std::thread& writer : writers) writer.join();
  ReferenceCache cache(folder.path(), source());
  CHECK(cache.size() == kWriters * kEach);
  for (std::int64_t i = 0; i < kWriters * kEach; ++i) CHECK(is_right(cache, i));
  CHECK(problems_of(cache).empty());

  // What another appends is seen by refresh, and by the next append.
  ReferenceCache first(folder.path(), source()), second(folder.path(), source());
  fill(first, 500, 501);
  CHECK(!second.contains(plan_key(plan_of(500))));
  second.refresh();
  CHECK(is_right(second, 500));
  fill(first, 501, 502);
  fill(second, 502, 503);
  CHECK(is_right(second, 501));
}

TEST_CASE("ReferenceCache: a step with stored readouts is the step with the model",
          "[score][reference_cache]") {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const TransformerConfig config{.width = 64,
                                   .layers = 2,
                                   .heads = 4,
                                   .kv_heads = 2,
                                   .mlp_width = 96,
                                   .vocabulary = 4,
                                   .logit_columns = 4,
                                   .max_length = 16};
    const auto model = [&](std::uint64_t seed) {
      return make_transformer(config, {.head_std = 0.5}, Draws(seed, "model"), dtype);
    };
    const auto policy = model(1), reference = model(2);
    policy->set_trainable(true);
    reference->set_trainable(false);
    for (const AnyScoreEstimator& estimator :
         {AnyScoreEstimator(FullTrajectory({.steps = 3})),
          AnyScoreEstimator(FullTrajectory({.steps = 3, .path = TrajectoryPath::denoised})),
          AnyScoreEstimator(MonteCarloElbo({.draws = 7}))}) {
      const ScoreBatch batch = toy_batch(toy_texts(5, 2), 2, estimator);
      const TemporaryFolder folder;
      ReferenceCache cache(folder.path(), source());
      // Filled as experiments do: the reference in the policy's place, every plan by itself.
      const ScoreEngine<Transformer> filler(reference, nullptr, "cpu", EngineOptions{64});
      for (const ScorePlan& plan : batch.plans) {
        const StoredPlan entry{plan_key(plan), 0, 0, 0, filler.readouts({&plan, 1}, false)};
        cache.append({&entry, 1});
      }
      const ScoreEngine<Transformer> with_model(policy, reference);
      ScoreEngine<Transformer> with_cache(policy, nullptr);
      with_cache.use_stored_reference([&](const ScorePlan& plan) { return cache.readouts(plan); });
      CHECK(with_cache.has_reference());
      for (const auto path : {GradientPath::retain, GradientPath::replay, GradientPath::pairwise}) {
        const auto step = [&](const ScoreEngine<Transformer>& engine) {
          for (NamedParameter& parameter : policy->parameters())
            parameter.value.mutable_grad() = at::Tensor();
          const Dpo dpo({.beta = 0.3});
          const EngineStep done =
              engine.step(batch, totals_of(batch), dpo.needs(), loss_of(dpo), path);
          std::vector<at::Tensor> gradients;
          for (const NamedParameter& parameter : policy->parameters())
            gradients.push_back(parameter.value.grad().to(at::kDouble).reshape({-1}));
          return std::pair(done, at::cat(gradients));
        };
        const auto [wanted, wanted_gradient] = step(with_model);
        const auto [got, got_gradient] = step(with_cache);
        INFO(to_string(path) << ", " << dtype);
        // pairwise reads answer by answer, here fewer rows than MKL's kernel of large products
        // takes; in float64 the last rows of every pack are rounded otherwise.
        const bool is_exact = dtype == at::kFloat && path != GradientPath::pairwise;
        const double allowed = is_exact ? 0.0 : dtype == at::kFloat ? 1e-5 : 1e-13;
        REQUIRE(got.reference_readouts.size() == wanted.reference_readouts.size());
        for (std::size_t q = 0; q < got.reference_readouts.size(); ++q)
          CHECK(std::abs(got.reference_readouts[q] - wanted.reference_readouts[q]) <=
                allowed * (1 + std::abs(wanted.reference_readouts[q])));
        CHECK(relative_distance(got_gradient, wanted_gradient) <= 10 * allowed);
        CHECK(std::abs(got.loss - wanted.loss) <= 10 * allowed);
        CHECK(wanted_gradient.norm().item<double>() > 0);
      }
    }
  }
}
