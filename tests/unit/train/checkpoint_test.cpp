// SPDX-License-Identifier: MIT
#include "lldm/train/checkpoint.hpp"
#include "lldm/train/adamw.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include <limits>

#include "lldm/errors.hpp"
#include "lldm/train/adafactor.hpp"
#include "lldm/train/adamw.hpp"
#include "lldm/train/adamw_8bit.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

class Listener final : public Logger {
 public:
  void info(std::string_view) override {}
  void warning(std::string_view text) override { warnings.emplace_back(text); }
  std::vector<std::string> warnings;
};

/// One weight, checkpoints of steps 1 to 3 whose weight is the step.
struct World {
  testing::TemporaryFolder folder;
  std::vector<NamedParameter> parameters = {
      {"w", at::full({2}, 0.0, at::TensorOptions(at::kFloat)).requires_grad_()}};
  AdamW optimizer{parameters, {}};
  Listener logger;

  World() {
    for (int step = 1; step <= 3; ++step) {
      set(step);
      save(step);
    }
    set(0);
  }
  void set(double value) { at::Tensor(parameters[0].value).detach().fill_(value); }
  [[nodiscard]] double weight() const { return parameters[0].value.detach()[0].item<double>(); }
  void save(std::int64_t step) {
    save_checkpoint(folder.path(), {.step = step, .identity = "work", .tokenizer = "words"},
                    parameters, optimizer, 5);
  }
  std::optional<CheckpointState> load(ResumeRule rule) {
    return load_newest_checkpoint(folder.path(), "work", "words", parameters, optimizer, rule,
                                  logger);
  }
  void flip(const std::string& name) const {
    auto bytes = testing::read_file(folder / name);
    bytes[bytes.size() - 2] = static_cast<char>(bytes[bytes.size() - 2] ^ 4);
    testing::write_file(folder / name, bytes);
  }
};

}  // namespace

TEST_CASE("load_newest_checkpoint: the newest whole one, under either rule", "[train]") {
  World world;
  CHECK(world.load(ResumeRule::strict)->step == 3);
  CHECK(world.weight() == 3);
  CHECK(world.logger.warnings.empty());
}

// promise 4, 5
TEST_CASE("load_newest_checkpoint: a damaged one is passed over and named, or refused", "[train]") {
  for (const std::string name :
       {"model/weights.safetensors", "optim/moments.safetensors", "state.json", "MANIFEST.json"}) {
    World world;
    world.flip("step-00000003/" + name);
    CHECK_THROWS_WITH(world.load(ResumeRule::strict), contains(name));
    CHECK(world.weight() == 0);
    CHECK(world.load(ResumeRule::fall_back)->step == 2);
    CHECK(world.weight() == 2);
    REQUIRE(world.logger.warnings.size() == 1);
    CHECK_THAT(world.logger.warnings[0], contains("step-00000003 is passed over: "));
    // The folder once, and a mark between what is wrong and the file it is wrong in.
    INFO(world.logger.warnings[0]);
    CHECK(world.logger.warnings[0].find("step-00000003") ==
          world.logger.warnings[0].rfind("step-00000003"));
    CHECK_THAT(world.logger.warnings[0], contains(name));
    CHECK(world.logger.warnings[0].find('\n') == std::string::npos);
  }
}

// promise 4
TEST_CASE("load_newest_checkpoint: a missing newest one is noticed under strict", "[train]") {
  World world;
  std::filesystem::remove_all(world.folder / "step-00000003");
  CHECK_THROWS_WITH(world.load(ResumeRule::strict), contains("step-00000003: the newest"));
  CHECK(world.load(ResumeRule::fall_back)->step == 2);
  drop_checkpoints_after(world.folder.path(), 1);
  CHECK(world.load(ResumeRule::strict)->step == 1);
}

// promise 9
TEST_CASE("save_checkpoint refuses weights that are not finite", "[train]") {
  World world;
  world.set(std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_WITH(world.save(4), contains("\"w\": 2 of 2 numbers are not finite"));
  CHECK_FALSE(std::filesystem::exists(world.folder / "step-00000004"));
  CHECK(world.load(ResumeRule::strict)->step == 3);
}

// promise 18
TEST_CASE("load_newest_checkpoint: another work's checkpoint is no damage", "[train]") {
  World world;
  CHECK_THROWS_WITH(load_newest_checkpoint(world.folder.path(), "other", "words", world.parameters,
                                           world.optimizer, ResumeRule::fall_back, world.logger),
                    contains("belongs to another stage"));
}

// promise 18
TEST_CASE("A checkpoint holds the template and the special ids its weights were trained with",
          "[train]") {
  World world;
  const SpecialTokens special{.mask = 9, .end_of_text = 0, .end_of_turn = 4};
  save_checkpoint(world.folder.path(),
                  {.step = 4,
                   .identity = "work",
                   .tokenizer = "words",
                   .special = special,
                   .prompt_template = "type = \"chatml\"\n"},
                  world.parameters, world.optimizer, 5);
  const auto state = world.load(ResumeRule::strict);
  CHECK(state->special == special);
  CHECK(state->prompt_template == "type = \"chatml\"\n");
  const std::string text = testing::read_file(world.folder / "step-00000004" / "state.json");
  CHECK_THAT(text, contains("\"special\": {\n    \"mask\": 9,\n    \"end_of_text\": 0"));
}

TEST_CASE("load_checkpoint: states of another optimizer are told by name", "[train]") {
  World world;
  Adafactor other(world.parameters, {});
  CHECK_THROWS_WITH(
      load_checkpoint(world.folder / "step-00000003", "work", "words", world.parameters, other),
      contains("holds the states of optimizer \"adamw\", this stage has type = "
               "\"adafactor\""));
  CHECK(world.weight() == 0);
}

TEST_CASE("checkpoints: 8-bit codes and row sums come back as they were", "[train]") {
  const testing::TemporaryFolder folder;
  const auto check = [&](auto& optimizer, auto& fresh, std::vector<NamedParameter>& parameters,
                         std::int64_t step) {
    at::Tensor(parameters[0].value).mutable_grad().fill_(0.25);
    (void)optimizer.step(1e-2);
    save_checkpoint(folder.path(), {.step = step, .identity = "work", .tokenizer = "words"},
                    parameters, optimizer, 5);
    const auto found = load_checkpoint(folder / (step == 1 ? "step-00000001" : "step-00000002"),
                                       "work", "words", parameters, fresh);
    CHECK(found.optimizer == optimizer.name());
    const auto left = optimizer.state(), right = fresh.state();
    REQUIRE(left.size() == right.size());
    for (std::size_t i = 0; i < left.size(); ++i) CHECK(at::equal(left[i].value, right[i].value));
  };
  std::vector<NamedParameter> parameters = {
      {"w", at::full({70, 80}, 0.5, at::TensorOptions(at::kFloat)).requires_grad_()}};
  AdamW8Bit coded(parameters, {}), coded_again(parameters, {});
  check(coded, coded_again, parameters, 1);
  CHECK(coded.state().front().value.scalar_type() == at::kByte);
  Adafactor factored(parameters, {}), factored_again(parameters, {});
  check(factored, factored_again, parameters, 2);
}
