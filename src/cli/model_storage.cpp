// SPDX-License-Identifier: MIT
// lldm model inspect --quantised: what storages cost a model's scores.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/id_lists.hpp"
#include "cli/terminal.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/storage_report.hpp"
#include "lldm/render/table.hpp"
#include "lldm/storage/files.hpp"
#include "storage/json_file.hpp"

namespace lldm::cli {
namespace {

constexpr std::int64_t kTexts = 16, kLength = 64;

std::vector<std::vector<std::int64_t>> texts_of(const Arguments& arguments,
                                                const std::filesystem::path& folder,
                                                const Draws& draws) {
  if (!arguments.has("ids")) return random_texts(folder, kTexts, kLength, draws);
  const std::filesystem::path file = arguments.value("ids");
  return id_lists(load_json(file), file.string());
}

}  // namespace

void print_storage_errors(const Arguments& arguments, const std::filesystem::path& folder) {
  const Draws draws(static_cast<std::uint64_t>(arguments.integer("seed", 42)), "inspect");
  const auto texts = texts_of(arguments, folder, draws);
  const auto errors = storage_errors(folder, texts, draws);
  if (arguments.has("json")) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& error : errors)
      list.push_back({{"storage", error.name},
                      {"bytes", error.bytes},
                      {"token_root_mean_square", error.root_mean_square},
                      {"token_largest", error.largest},
                      {"text_root_mean_square", error.text_root_mean_square}});
    std::cout << nlohmann::ordered_json{{"texts", texts.size()}, {"storages", list}}.dump() << "\n";
    return;
  }
  Table table;
  table.columns = {{"storage", Align::left}, {"bytes"}, {"a token"}, {"at most"}, {"a text"}};
  for (const auto& error : errors)
    table.rows.push_back({error.name, bytes_text(static_cast<std::uint64_t>(error.bytes)),
                          rounded_text(error.root_mean_square), rounded_text(error.largest),
                          rounded_text(error.text_root_mean_square)});
  std::cout << "\nscores against float32, in nats (root mean square), over " << texts.size()
            << (arguments.has("ids") ? " texts" : " texts of random ids (--ids FILE: real ones)")
            << ":\n"
            << text_table(table, terminal_width());
}

}  // namespace lldm::cli
