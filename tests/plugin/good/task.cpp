// SPDX-License-Identifier: MIT
#include <lldm/plugin/plugin.hpp>

/// "say 3" -> "3".
class Echo {
 public:
  struct Options {
    std::int64_t count = 8;
    static constexpr auto describe() {
      return std::tuple{lldm::field("count", &Options::count, "Problems.").range(1, 1000)};
    }
  };
  static constexpr std::string_view name() { return "echo"; }
  static constexpr std::string_view description() { return "repeat a number"; }
  explicit Echo(const Options& options) : count_(options.count) {}

  [[nodiscard]] std::vector<lldm::Example> examples() const {
    std::vector<lldm::Example> list;
    for (std::int64_t i = 0; i < count_; ++i) {
      const std::string number = std::to_string(i % 10);
      list.push_back({"echo-" + std::to_string(i), "say " + number, number});
    }
    return list;
  }
  [[nodiscard]] lldm::Verdict check(const lldm::Example& example, std::string_view output) const {
    const bool is_correct = output == example.answer;
    return {is_correct, is_correct ? 1.0 : 0.0, std::string(output), {}};
  }
  [[nodiscard]] std::optional<lldm::Injection> inject_error(const lldm::Example& example,
                                                            lldm::Stream& draws) const {
    const std::int64_t shift = 1 + draws.below(9);
    return lldm::Injection{std::to_string((std::stol(example.answer) + shift) % 10),
                           "wrong_final_answer"};
  }

 private:
  std::int64_t count_;
};

LLDM_PLUGIN("test_task", "0.1.0", registry) { registry.add<Echo>(); }
