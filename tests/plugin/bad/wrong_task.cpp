// SPDX-License-Identifier: MIT
// Tasks that break a law each.
#include <memory>
#include <stdexcept>

#include <lldm/plugin/plugin.hpp>

namespace {

struct Common {
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  explicit Common(const Options&) {}
  [[nodiscard]] std::vector<lldm::Example> examples() const {
    return {{"a", "say 1", "1"}, {"b", "say 2", "2"}};
  }
  [[nodiscard]] lldm::Verdict check(const lldm::Example& example, std::string_view output) const {
    return {
        output == example.answer, output == example.answer ? 1.0 : 0.0, std::string(output), {}};
  }
};

struct Fickle : Common {
  static constexpr std::string_view name() { return "fickle"; }
  static constexpr std::string_view description() { return "another grade every time"; }
  using Common::Common;
  [[nodiscard]] lldm::Verdict check(const lldm::Example& example, std::string_view output) const {
    lldm::Verdict verdict = Common::check(example, output);
    verdict.grade += ++*calls_;
    return verdict;
  }
  std::shared_ptr<int> calls_ = std::make_shared<int>(0);
};

struct Throws : Common {
  static constexpr std::string_view name() { return "throws"; }
  static constexpr std::string_view description() { return "reads a number without looking"; }
  using Common::Common;
  [[nodiscard]] lldm::Verdict check(const lldm::Example& example, std::string_view output) const {
    const double number = std::stod(std::string(output));
    return {number == std::stod(example.answer), 0.0, std::string(output), {}};
  }
};

struct Twins : Common {
  static constexpr std::string_view name() { return "twins"; }
  static constexpr std::string_view description() { return "two examples of one id"; }
  using Common::Common;
  [[nodiscard]] std::vector<lldm::Example> examples() const {
    return {{"a", "say 1", "1"}, {"a", "say 2", "2"}};
  }
};

struct HarmlessError : Common {
  static constexpr std::string_view name() { return "harmless_error"; }
  static constexpr std::string_view description() { return "injects what is still correct"; }
  using Common::Common;
  [[nodiscard]] std::optional<lldm::Injection> inject_error(const lldm::Example& example,
                                                            lldm::Stream&) const {
    return lldm::Injection{example.answer, "none"};
  }
};

}  // namespace

LLDM_PLUGIN("wrong_task", "0.1.0", registry) {
  registry.add<Fickle>().add<Throws>().add<Twins>().add<HarmlessError>();
}
