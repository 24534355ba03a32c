// SPDX-License-Identifier: MIT
// lldm data benchmark.
#include <iostream>

#include "cli/data_options.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/text/utf8.hpp"
#include "stage/any_rows.hpp"
#include "stage/benchmark_rows.hpp"
#include "synthesis/benchmark_sets.hpp"

namespace lldm::cli {

int run_data_benchmark(const Arguments& arguments) {
  const std::string out = required(arguments, "benchmark", "out", "where to?");
  if (arguments.has("name") && arguments.value("name").empty())
    throw ConfigError("--name is empty\n  a set is told by its name");
  synthesis::BenchmarkSets sets;
  std::uint64_t rows = 0, too_short = 0;
  for (const std::string& path : arguments.positional) {
    const std::string name =
        to_valid_utf8(arguments.value("name", std::filesystem::path(path).filename().string()));
    const AnyRows file = read_any_rows(path, reader_of(arguments));
    for (const SourceRow& row : file.rows) too_short += !sets.add(name, asked_by(row));
    rows += file.rows.size();
    std::cout << file.summary << '\n';
  }
  if (too_short == rows)
    throw DataError(
        message("none of the ", rows, " prompts has 20 characters beside white space and ",
                "punctuation: they ", "cannot be told from others\n  nothing is written"));
  write_file_atomically(out, sets.lines());
  std::size_t prompts = 0;
  for (const auto& [name, digests] : sets.sets()) prompts += digests.size();
  std::cout << out << ": " << prompts << " prompts of " << rows << " rows";
  if (too_short > 0)
    std::cout
        << "; " << too_short
        << " have fewer than 20 characters beside white space and punctuation and are left out";
  std::cout << "\n  benchmarks = \"" << out
            << "\" in a stage, or --benchmarks, refuses rows that ask them\n";
  return 0;
}

}  // namespace lldm::cli
