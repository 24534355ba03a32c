// SPDX-License-Identifier: MIT
// lldm store list, prune.
#include "run/store.hpp"

#include <charconv>
#include <ctime>
#include <iostream>

#include "cli/command.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/experiment.hpp"
#include "lldm/render/table.hpp"
#include "lldm/storage/files.hpp"

namespace lldm::cli {
namespace {

std::string day(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &utc);
  return text;
}

std::string text_of(const StoreEntry& entry, const char* key) {
  if (!entry.about.contains(key)) return "?";
  const auto& value = entry.about.at(key);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Table table_of(const std::vector<StoreEntry>& entries) {
  Table table;
  table.columns = {{"key", Align::left},
                   {"experiment", Align::left},
                   {"stage", Align::left},
                   {"model", Align::left},
                   {"seed"},
                   {"size"},
                   {"published", Align::left},
                   {"used", Align::left}};
  for (const StoreEntry& entry : entries)
    table.rows.push_back({entry.key.substr(0, 12), text_of(entry, "experiment"),
                          text_of(entry, "stage"), text_of(entry, "model"), text_of(entry, "seed"),
                          bytes_text(static_cast<std::uint64_t>(entry.bytes)), day(entry.published),
                          day(entry.used)});
  return table;
}

std::int64_t bytes_of(const std::vector<StoreEntry>& entries) {
  std::int64_t bytes = 0;
  for (const StoreEntry& entry : entries) bytes += entry.bytes;
  return bytes;
}

std::optional<std::int64_t> seconds_of(const Arguments& arguments, const std::string& option) {
  if (!arguments.has(option)) return std::nullopt;
  const std::string text = arguments.value(option);
  double days = -1;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), days);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !(days >= 0) || days > 1e6)
    throw ConfigError(message("--", option, " got \"", text, "\"\n  legal: days from 0"));
  return static_cast<std::int64_t>(days * 86400);
}

/// As [memory] budget is written.
std::optional<std::int64_t> size_of(const Arguments& arguments) {
  if (!arguments.has("max-size")) return std::nullopt;
  config::Value table;
  table.set("budget", config::Value::string(arguments.value("max-size")));
  config::Diagnostics diagnostics;
  const auto options = config::read_options<MemoryOptions>(table, diagnostics, "--max-size");
  if (diagnostics.has_errors())
    throw ConfigError(message("--max-size got \"", arguments.value("max-size"),
                              "\"\n  legal: a size with its unit, like \"20 GiB\""));
  return options.budget.bytes;
}

}  // namespace

int run_store_list(const Arguments& arguments) {
  const std::filesystem::path folder = arguments.positional.at(0);
  const std::vector<StoreEntry> entries = WorkStore::existing(folder).list();
  if (arguments.has("json")) {
    std::cout << store_json(folder, entries) << "\n";
    return 0;
  }
  if (!entries.empty()) std::cout << text_table(table_of(entries), terminal_width());
  std::cout << entries.size() << " pieces of work, "
            << bytes_text(static_cast<std::uint64_t>(bytes_of(entries))) << "\n";
  return 0;
}

int run_store_prune(const Arguments& arguments) {
  PruneLimits limits;
  limits.older_than_seconds = seconds_of(arguments, "older-than");
  limits.unused_for_seconds = seconds_of(arguments, "unused-for");
  limits.most_bytes = size_of(arguments);
  limits.removes_damaged = arguments.has("damaged");
  if (!limits.older_than_seconds && !limits.unused_for_seconds && !limits.most_bytes &&
      !limits.removes_damaged)
    throw ConfigError(
        "lldm store prune: what is to go?\n  give --older-than, --unused-for, --max-size or "
        "--damaged");
  const bool is_dry = arguments.has("dry-run");
  const WorkStore store = WorkStore::existing(arguments.positional.at(0));
  const std::vector<StoreEntry> removed = store.prune(limits, is_dry);
  for (const StoreEntry& entry : removed)
    std::cout << (is_dry ? "would remove " : "removed ") << entry.key.substr(0, 12) << "  "
              << text_of(entry, "experiment") << " " << text_of(entry, "stage") << ", seed "
              << text_of(entry, "seed") << ", "
              << bytes_text(static_cast<std::uint64_t>(entry.bytes)) << "\n";
  std::cout << removed.size() << " pieces of work, "
            << bytes_text(static_cast<std::uint64_t>(bytes_of(removed)))
            << (is_dry ? " would be removed\n" : " removed\n");
  return 0;
}

}  // namespace lldm::cli
