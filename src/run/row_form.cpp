// SPDX-License-Identifier: MIT
#include "run/row_form.hpp"

#include <algorithm>
#include <vector>

#include "lldm/data/rows.hpp"
#include "lldm/errors.hpp"
#include "stage/data_source.hpp"

namespace lldm {
namespace {

/// Whether the first row of a file shows one of these forms, whatever else it shows: of two, what
/// a stage reads decides.
bool is_read_as(const std::filesystem::path& file, const std::vector<RowForm>& accepted,
                const RowReaderOptions& options) {
  try {
    static_cast<void>(detect_row_form(file, accepted, options));
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::string row_form_problem(const Stage& stage, const StageRows& source) {
  const std::filesystem::path& file = source.data.options.file;
  const RowsWanted rows = source.wanted;
  const bool has_take = source.data.has_take();
  if (file.empty() || !std::filesystem::exists(file)) return "";
  const char* wanted = "prompt, chosen and rejected";
  std::vector<RowForm> accepted = {RowForm::preference};
  if (rows == RowsWanted::pairs_or_ranked) {
    wanted = "prompt, chosen and rejected, prompt and answers, or prompt, completion and label";
    accepted.insert(accepted.end(), {RowForm::ranked, RowForm::unpaired});
  } else if (rows == RowsWanted::texts) {
    wanted = "text";
    accepted = {RowForm::text};
  } else if (rows == RowsWanted::answers && !has_take) {
    wanted = "prompt and response, or conversations";
    accepted = {RowForm::prompt_response, RowForm::conversation};
  }
  const RowReaderOptions options = reader_options(source.data.options);
  if (is_read_as(file, accepted, options)) return "";
  RowForm form;
  try {
    form = detect_row_form(file.string(), {}, options);
  } catch (const Error& unclear) {
    return unclear.what();
  }
  const char* hint = "";
  if (rows == RowsWanted::answers && has_take)
    hint = "\n  take belongs to files of pairs: remove it";
  else if (rows == RowsWanted::answers && form == RowForm::preference)
    hint = "\n  take = \"chosen\" (or \"rejected\") reads one answer of each pair";
  return message(file.string(), ": rows are of form \"", row_form_name(form), "\", a ",
                 stage.kind.name(), " stage reads ", wanted,
                 rows == RowsWanted::answers && has_take ? " where take is given" : "", hint);
}

}  // namespace lldm
