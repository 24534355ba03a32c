// SPDX-License-Identifier: MIT
// Kinds of stage, each with one mistake.
#include <fstream>
#include <limits>
#include <lldm/experiment/stage_kind_model.hpp>
#include <lldm/plugin/plugin.hpp>
#include <lldm/stage/run_context.hpp>

namespace {

struct Options {
  std::string name;
  std::string kind;
  static constexpr auto describe() {
    return std::tuple{lldm::field("name", &Options::name, "The stage's name.").required(),
                      lldm::field("kind", &Options::kind, "Its kind.").required()};
  }
};

/// Right in everything: each kind below hides one part of it.
struct Right {
  using Options = ::Options;
  static constexpr std::string_view description() { return "a mistake"; }
  static lldm::config::Value defaults() { return {}; }
  static std::vector<std::string> file_defaults(const lldm::config::Value*) { return {}; }
  static lldm::StageFacts facts(const Options&) { return {}; }
  static nlohmann::ordered_json run(const Options&, const lldm::RunContext&, const lldm::Work&) {
    return {{"figure", 1}};
  }
};

struct Silent : Right {
  static constexpr std::string_view name() { return "silent"; }
  static constexpr std::string_view description() { return ""; }
};

struct StrayDefault : Right {
  static constexpr std::string_view name() { return "stray_default"; }
  static lldm::config::Value defaults() {
    lldm::config::Value table;
    table.set("steps", lldm::config::Value::integer(3));
    return table;
  }
};

/// Doubles whenever it is read.
struct Doubling {
  std::int64_t value = 1;
  static constexpr std::string_view option_type() { return "integer"; }
  bool read(const lldm::config::Value& given, const lldm::config::Slot&) {
    value = 2 * given.as_integer();
    return true;
  }
  [[nodiscard]] std::optional<lldm::config::Value> write() const {
    return lldm::config::Value::integer(value);
  }
};

struct Growing : Right {
  struct Options {
    std::string name;
    std::string kind;
    Doubling size;
    static constexpr auto describe() {
      return std::tuple{lldm::field("name", &Options::name, "The stage's name.").required(),
                        lldm::field("kind", &Options::kind, "Its kind.").required(),
                        lldm::field("size", &Options::size, "How large.")};
    }
  };
  static constexpr std::string_view name() { return "growing"; }
  static lldm::StageFacts facts(const Options&) { return {}; }
  static nlohmann::ordered_json run(const Options&, const lldm::RunContext&, const lldm::Work&) {
    return {{"figure", 1}};
  }
};

struct UnknownTable : Right {
  static constexpr std::string_view name() { return "unknown_table"; }
  static std::vector<std::string> file_defaults(const lldm::config::Value*) { return {"sampling"}; }
};

struct DeadKey : Right {
  static constexpr std::string_view name() { return "dead_key"; }
  static std::vector<lldm::UnreadKey> unread(const lldm::config::Value&) {
    return {{"nothing", "it never is"}};
  }
};

struct Fickle : Right {
  static constexpr std::string_view name() { return "fickle"; }
  static lldm::StageFacts facts(const Options&) {
    static std::int64_t calls = 0;
    return {.shown_answers = ++calls};
  }
};

struct SeesGhosts : Right {
  static constexpr std::string_view name() { return "sees_ghosts"; }
  static lldm::StageFacts facts(const Options&) { return {.inputs = {"ghost"}}; }
};

struct NotANumber : Right {
  static constexpr std::string_view name() { return "not_a_number"; }
  static nlohmann::ordered_json run(const Options&, const lldm::RunContext&, const lldm::Work&) {
    return {{"inner", {{"figure", std::numeric_limits<double>::quiet_NaN()}}}};
  }
};

struct Littering : Right {
  static constexpr std::string_view name() { return "littering"; }
  static nlohmann::ordered_json run(const Options&, const lldm::RunContext& run,
                                    const lldm::Work&) {
    std::ofstream(run.options.out / "notes.txt") << "here\n";
    return {{"figure", 1}};
  }
};

struct Counting : Right {
  static constexpr std::string_view name() { return "counting"; }
  static nlohmann::ordered_json run(const Options&, const lldm::RunContext&, const lldm::Work&) {
    static std::int64_t runs = 0;
    return {{"figure", ++runs}};
  }
};

}  // namespace

LLDM_PLUGIN("wrong_stage", "0.1.0", registry) {
  registry.add<Silent>()
      .add<StrayDefault>()
      .add<Growing>()
      .add<UnknownTable>()
      .add<DeadKey>()
      .add<Fickle>()
      .add<SeesGhosts>()
      .add<NotANumber>()
      .add<Littering>()
      .add<Counting>();
}
