// SPDX-License-Identifier: MIT
#include "cli/data_options.hpp"

#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/tokenizer/load.hpp"

namespace lldm::cli {

RowReaderOptions reader_of(const Arguments& arguments) {
  RowReaderOptions options;
  options.columns = Columns::parse(arguments.value("columns"));
  const std::string format = arguments.value("format", "auto");
  if (format == "auto") return options;
  std::vector<std::string> names = {"auto"};
  for (const RowForm form : kRowForms) {
    if (format == row_form_name(form)) options.form = form;
    names.emplace_back(row_form_name(form));
  }
  if (!options.form)
    throw ConfigError(message("--format got ", config::in_quotes(format), "\n  ",
                              config::did_you_mean(format, names, "forms")));
  return options;
}

std::shared_ptr<const Tokenizer> tokenizer_of(const Arguments& arguments) {
  const std::string path = arguments.value("tokenizer");
  if (path.empty()) return nullptr;
  if (path == "bytes") {
    TokenizerOptions bytes;
    bytes.type = TokenizerType::bytes;
    return make_tokenizer(bytes, {});
  }
  return open_tokenizer(path);
}

}  // namespace lldm::cli
