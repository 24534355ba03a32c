// SPDX-License-Identifier: MIT
// Files of rows, read.
#include <algorithm>
#include <optional>

#include "data/bad_rows.hpp"
#include "data/line_reader.hpp"
#include "data/published_rows.hpp"
#include "data/row_parser.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

using nlohmann::json;

void refuse_bad_rows(const std::string& path, const std::vector<BadRow>& bad, std::uint64_t lines,
                     const RowReaderOptions& options) {
  if (bad.empty() || options.collects) return;
  const std::uint64_t most = lines * kMostBadPercent / 100;
  const bool is_skip = options.on_bad_row == OnBadRow::skip;
  if (is_skip && bad.size() <= most) return;
  std::string text = message(path, ": ", bad.size(), " of ", lines, " rows cannot be used",
                             data::list_bad_rows(path, bad), "\n  repair them");
  if (options.offers_skip || is_skip)
    text += bad.size() <= most ? std::string(", or set on_bad_row = \"skip\" to leave them out")
                               : message("; on_bad_row = \"skip\" leaves out at most ",
                                         kMostBadPercent, " % of the rows, here ", most);
  throw DataError(text);
}

/// The form that is asked for, where these rows can be of it.
std::vector<RowForm> only(RowForm form, const std::vector<RowForm>& readable,
                          const std::string& path) {
  if (std::ranges::find(readable, form) != readable.end()) return {form};
  std::string names;
  for (const RowForm one : readable)
    names += message(names.empty() ? "" : ", ", row_form_name(one));
  throw ConfigError(message(path, ": format = \"", row_form_name(form),
                            "\" is not read here\n  legal: auto, ", names));
}

/// As whom the file's first row is written, and how the file is packed; "" for our own form.
std::string how_published(const json& row, RowForm form, const data::LineReader& lines) {
  std::string how = data::published_as(row, form);
  const auto add = [&](const char* what) { how += message(how.empty() ? "" : ", ", what); };
  if (lines.is_array()) add("a JSON array");
  if (lines.is_packed()) add("gzip");
  return how;
}

// Reads every line, collecting rows and faults; `convert(json, form, line)` makes the row.
template <class Row, class Convert>
RowFile<Row> read_rows(const std::filesystem::path& path, const RowReaderOptions& options,
                       const std::vector<RowForm>& readable, const Convert& convert) {
  data::LineReader lines(path, options.max_line_bytes);
  const std::vector<RowForm> accepted =
      options.form ? only(*options.form, readable, path.string()) : readable;
  RowFile<Row> file;
  file.path = path.string();
  data::UnusedKeys unused;
  std::vector<BadRow> bad;
  std::optional<RowForm> form;
  while (lines.next()) {
    if (lines.is_array()) file.array_lines.push_back(lines.line_number());
    try {
      const json given = data::with_columns(data::parse_row(lines), options.columns, unused);
      data::refuse_tools(given);
      // Without its label a row would be taken for one of prompt and response; of texts every
      // other key is left as it is.
      const bool is_own =
          readable.front() == RowForm::unpaired || readable.front() == RowForm::text;
      json row = is_own ? given : data::standard_row(given);
      const RowForm row_form = form ? *form : data::detect_form(row, given, accepted);
      if (!data::shows(row, row_form)) row = given;  // what is missing is told of the file's keys
      file.rows.push_back(convert(row, row_form, lines.number(), unused));
      if (!form) file.published = how_published(given, row_form, lines);
      form = row_form;
    } catch (const data::RowFault& fault) {
      const bool is_torn = lines.is_unterminated() && fault.reason.starts_with("not JSON");
      bad.push_back(data::bad_row(
          lines, fault.column,
          is_torn
              ? message("torn last ", lines.is_array() ? "row" : "line", ", the file ends inside ",
                        lines.is_array() ? "it: " : "a row: ", fault.reason)
              : fault.reason));
    }
  }
  file.num_lines = lines.number();
  refuse_bad_rows(file.path, bad, file.num_lines, options);
  if (file.rows.empty() && (bad.empty() || !options.collects))
    throw DataError(message(file.path, ": holds no rows"));
  file.form = form.value_or(accepted.front());
  file.skipped = std::move(bad);
  file.unused_keys = unused.names();
  return file;
}

}  // namespace

RowFile<TextRow> read_text_rows(const std::filesystem::path& path,
                                const RowReaderOptions& options) {
  return read_rows<TextRow>(path, options, {RowForm::text},
                            [](const json& row, RowForm, std::uint64_t line, auto& unused) {
                              return data::to_text_row(row, line, unused);
                            });
}

RowFile<PromptRow> read_prompt_rows(const std::filesystem::path& path,
                                    const RowReaderOptions& options) {
  return read_rows<PromptRow>(path, options, {RowForm::prompt_response, RowForm::conversation},
                              [](const json& row, RowForm form, std::uint64_t line, auto& unused) {
                                return data::to_prompt_row(row, form, line, unused);
                              });
}

RowFile<PreferenceRow> read_preference_rows(const std::filesystem::path& path,
                                            const RowReaderOptions& options) {
  return read_rows<PreferenceRow>(path, options, {RowForm::preference},
                                  [](const json& row, RowForm, std::uint64_t line, auto& unused) {
                                    return data::to_preference_row(row, line, unused);
                                  });
}

RowFile<RankedRow> read_ranked_rows(const std::filesystem::path& path, std::int64_t answers,
                                    const RowReaderOptions& options) {
  return read_rows<RankedRow>(path, options, {RowForm::ranked},
                              [&](const json& row, RowForm, std::uint64_t line, auto& unused) {
                                return data::to_ranked_row(row, line, answers, unused);
                              });
}

RowFile<UnpairedRow> read_unpaired_rows(const std::filesystem::path& path,
                                        const RowReaderOptions& options) {
  return read_rows<UnpairedRow>(path, options, {RowForm::unpaired},
                                [](const json& row, RowForm, std::uint64_t line, auto& unused) {
                                  return data::to_unpaired_row(row, line, unused);
                                });
}

RowForm detect_row_form(const std::filesystem::path& path, std::vector<RowForm> accepted,
                        const RowReaderOptions& options) {
  if (accepted.empty()) accepted.assign(kRowForms.begin(), kRowForms.end());
  if (options.form) accepted = only(*options.form, accepted, path.string());
  data::LineReader lines(path, options.max_line_bytes);
  data::UnusedKeys unused;
  std::optional<BadRow> first_bad;
  while (lines.next()) try {
      const json given = data::with_columns(data::parse_row(lines), options.columns, unused);
      return data::detect_form(data::standard_row(given), given, accepted);
    } catch (const data::RowFault& fault) {
      if (!first_bad) first_bad = data::bad_row(lines, fault.column, fault.reason);
      if (!options.collects) break;
    }
  if (!first_bad) throw DataError(message(path.string(), ": holds no rows"));
  throw DataError(message(path.string(), ':', first_bad->line, ':',
                          first_bad->column > 0 ? message(first_bad->column, ':') : "", ' ',
                          first_bad->reason));
}

}  // namespace lldm
