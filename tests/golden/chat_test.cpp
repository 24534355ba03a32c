// SPDX-License-Identifier: MIT
// golden/chat: conversations rendered by the LLaDA-8B-Instruct chat template itself.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lldm/data/template.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace lldm;
using nlohmann::json;

TEST_CASE("The llada_chat template renders every recorded conversation", "[golden][data]") {
  const auto folder = testing::golden_root() / "chat";
  REQUIRE(std::filesystem::is_directory(folder));
  const auto manifest = json::parse(std::ifstream(testing::golden_root() / "manifest_texts.json"));
  const TemplateOptions options{.type = TemplateType::llada_chat};
  std::size_t num_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    INFO(name);
    REQUIRE(entry.path().extension() == ".jsonl");
    ++num_files;
    std::ifstream file(entry.path());
    std::size_t num_rows = 0;
    for (std::string line; std::getline(file, line); ++num_rows) {
      const auto row = json::parse(line);
      std::vector<Message> messages;
      for (const auto& turn : row.at("messages"))
        messages.push_back({turn.at("role"), turn.at("content")});
      INFO("row " << row.at("id"));
      CHECK(text_of(render_prompt(options, messages)) == row.at("rendered").get<std::string>());
    }
    const auto& counts = manifest.at("rows");
    REQUIRE(counts.contains("chat/" + name));
    CHECK(num_rows == counts.at("chat/" + name).get<std::size_t>());
    std::cout << "golden chat/" << name << ": " << num_rows << " renderings\n";
  }
  CHECK(num_files > 0);
}
