// SPDX-License-Identifier: MIT
// Verdicts on pairs of answers, kept one by one: `lldm data label`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "stage/any_rows.hpp"

namespace lldm {

/// Which of a row's two answers, as its file has them, is better.
enum class Preferred : std::uint8_t { first, second, neither, skipped };

/// Two answers as somebody is shown them: in an order that the seed and the row decide.
struct ShownPair {
  const SourceRow* row = nullptr;
  bool is_swapped = false;  // the row's second answer is shown first

  [[nodiscard]] const std::string& shown_first() const { return row->answers[is_swapped ? 1 : 0]; }
  [[nodiscard]] const std::string& shown_second() const { return row->answers[is_swapped ? 0 : 1]; }
  /// What a verdict on the shown order says of the row.
  [[nodiscard]] Preferred of_shown(Preferred shown) const;
};

/// The verdicts on a file's rows, in OUT.verdicts.jsonl: a first line that says which file, by
/// whom and with which seed, then a line a verdict, each on the disk before the next pair is asked
/// for.  Whoever is stopped goes on with the same command.
class LabelFile {
 public:
  struct Origin {
    std::string file, sha256, by;  // by: "hand", "judge CMD", "task file file=problems.jsonl"
    std::string columns = {};      // as given: they say which answer is the first
    std::int64_t seed = 0;
  };
  /// Errors  DataError: the verdicts that are there are of other rows, another seed or another
  ///         judge; a damaged line before the last (a torn last line is dropped).
  LabelFile(std::filesystem::path out, Origin origin);

  /// Rows without a verdict, in random order, each with a random order of its answers.
  [[nodiscard]] std::vector<ShownPair> open_pairs(const AnyRows& rows) const;
  void add(const ShownPair& pair, Preferred verdict);
  /// Takes the last verdict back; false if there is none.
  bool undo();
  /// Writes OUT: a preference row for every row with a better answer, in the order of the file,
  /// with `labelled`: by whom, from which file and row.  The number written.
  std::int64_t write(const AnyRows& rows) const;

  [[nodiscard]] std::int64_t count(Preferred verdict) const;

 private:
  struct Line {
    std::uint64_t row;
    Preferred verdict;
  };
  bool read();  // false where no verdict was given: whoever begins now says who judges
  void append(const std::string& line) const;

  std::filesystem::path out_, verdicts_;
  Origin origin_;
  std::vector<Line> lines_;
};

[[nodiscard]] std::string_view to_string(Preferred verdict);

}  // namespace lldm
