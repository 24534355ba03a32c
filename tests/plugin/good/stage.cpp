// SPDX-License-Identifier: MIT
#include <fstream>
#include <lldm/experiment/stage_kind_model.hpp>
#include <lldm/plugin/plugin.hpp>
#include <lldm/stage/run_context.hpp>
#include <sstream>

/// Counts the words of a text.
class CountWords {
 public:
  struct Options {
    std::string name;
    std::string kind;
    std::string text;
    static constexpr auto describe() {
      return std::tuple{lldm::field("name", &Options::name, "The stage's name.").required(),
                        lldm::field("kind", &Options::kind, "count_words.").required(),
                        lldm::field("text", &Options::text, "What is counted.").required()};
    }
  };
  static constexpr std::string_view name() { return "count_words"; }
  static constexpr std::string_view description() { return "counts the words of a text"; }
  static lldm::config::Value defaults() { return {}; }
  static std::vector<std::string> file_defaults(const lldm::config::Value*) { return {}; }
  static lldm::StageFacts facts(const Options&) { return {}; }
  static nlohmann::ordered_json run(const Options& options, const lldm::RunContext&,
                                    const lldm::Work& work) {
    std::istringstream words(options.text);
    std::int64_t count = 0;
    for (std::string word; words >> word;) ++count;
    std::ofstream(work.folder / "count.txt") << count << "\n";
    return {{"words", count}};
  }
};

LLDM_PLUGIN("test_stage", "0.1.0", registry) { registry.add<CountWords>(); }
