// SPDX-License-Identifier: MIT
// lldm data pack.
#include <iostream>

#include "cli/data_options.hpp"
#include "lldm/data/corpus.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "synthesis/benchmarks.hpp"

namespace lldm::cli {

int run_data_pack(const Arguments& arguments) {
  PackRequest request;
  request.folder = required(arguments, "pack", "out", "where to?");
  static_cast<void>(required(arguments, "pack", "tokenizer", "with which tokenizer?"));
  request.reader = reader_of(arguments);
  // A corpus has no rows that a stage could look at: what models are measured by stays out here.
  const bool allows = arguments.has("allow-benchmarks");
  if (allows && arguments.has("benchmarks"))
    throw ConfigError(
        "--benchmarks and --allow-benchmarks: one refuses what the other lets through"
        "\n  give one of them");
  synthesis::BenchmarkPrompts benchmarks(arguments.value("benchmarks"));
  for (const std::string& file : arguments.positional) {
    request.files.emplace_back(file);
    benchmarks.look_at_name(file);
  }
  StopGuard stop;
  request.on_text = [&](const std::string& text, const std::string& place) {
    stop.check();
    benchmarks.look(text, place);
  };
  request.on_read = [&] {
    if (!allows)
      benchmarks.refuse("lldm data pack",
                        "pack other files; where these are meant: --allow-benchmarks");
  };
  const PackedCounts counts = pack_corpus(request, *tokenizer_of(arguments));
  std::cout << request.folder.string() << ": " << counts.documents << " texts, " << counts.tokens
            << " tokens, " << bytes_text(counts.bytes) << '\n';
  for (const auto& [set, count] : benchmarks.counts())
    std::cout << "  of data that models are measured by: " << set << ", " << count << " times\n";
  return 0;
}

}  // namespace lldm::cli
