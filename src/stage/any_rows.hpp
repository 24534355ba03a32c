// SPDX-License-Identifier: MIT
// Rows of a file, of whatever form: for commands that treat all forms alike.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lldm/data/rows.hpp"
#include "stage/data_source.hpp"

namespace lldm {

/// A file's rows; of texts the answer is the text and there is no prompt.
struct AnyRows {
  std::string path, summary;
  RowForm form = RowForm::text;
  std::uint64_t num_lines = 0;
  std::vector<SourceRow> rows;
  std::vector<BadRow> bad;
  std::vector<std::string> unused_keys;

  [[nodiscard]] bool are_texts() const { return form == RowForm::text; }
};

/// Reads a file of one of the forms `accepted` (all where it is empty).
/// Errors  DataError as the readers of data/rows.hpp.
AnyRows read_any_rows(const std::filesystem::path& path, const RowReaderOptions& options,
                      const std::vector<RowForm>& accepted = {});

/// A row as lldm itself writes it, one line of JSON without its end: {"text"}, {"prompt",
/// "response"} (a conversation where the prompt is not one message of the user), {"prompt",
/// "chosen", "rejected"}, {"prompt", "answers"} or {"prompt", "completion", "label"}.
nlohmann::ordered_json row_json(const SourceRow& row, RowForm form);
std::string row_line(const SourceRow& row, RowForm form);

}  // namespace lldm
