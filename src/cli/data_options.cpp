// SPDX-License-Identifier: MIT
#include "cli/data_options.hpp"

#include "cli/terminal.hpp"
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

std::string required(const Arguments& arguments, const char* command, const char* option,
                     const char* what) {
  if (arguments.has(option) && !arguments.value(option).empty()) return arguments.value(option);
  throw ConfigError(message("lldm data ", command, ": ", what, "\n  give --", option));
}

void refuse_input_as_output(const std::filesystem::path& out,
                            const std::vector<std::string>& files) {
  std::error_code ignored;
  for (const std::string& file : files)
    if (std::filesystem::equivalent(out, file, ignored))
      throw ConfigError(message(out.string(), ": is a file that is read, and would be written over",
                                "\n  give another --out"));
}

std::string out_file(const Arguments& arguments, const char* command,
                     const std::vector<std::string>& files) {
  const std::string out = required(arguments, command, "out", "where to?");
  std::error_code ignored;
  if (std::filesystem::is_directory(out, ignored))
    throw ConfigError(message("--out ", out, ": is a folder\n  give the name of a file in it"));
  refuse_input_as_output(out, files);
  return out;
}

StopGuard::StopGuard() : observer_(std::make_unique<TerminalObserver>()) {}
StopGuard::~StopGuard() = default;

void StopGuard::check() {
  if (observer_->should_stop()) throw Stopped("stopped on request; nothing was written");
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
