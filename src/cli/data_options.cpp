// SPDX-License-Identifier: MIT
#include "cli/data_options.hpp"

#include "cli/terminal.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/services.hpp"
#include "lldm/stage/model_bundle.hpp"
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

TemplateOptions template_beside(const Arguments& arguments) {
  const std::string path = arguments.value("tokenizer");
  if (path == "bytes" || !std::filesystem::is_directory(path)) return {};
  return saved_template(path).value_or(TemplateOptions());
}

AnyTask task_named(const Arguments& arguments, const std::string& name, const Registry& registry,
                   std::uint64_t seed) {
  config::Diagnostics diagnostics;
  config::Value table;
  config::apply_overrides(table, {.overrides = arguments.values("set"), .top_level_keys = {}},
                          diagnostics);
  table.set("type", config::Value::string(name));
  const BoundComponent bound = registry.bind(Role::task, table, diagnostics, {.where = "task"});
  diagnostics.throw_if_any();
  return registry.make<AnyTask>(bound, Services{registry, Draws(seed, "data")});
}

}  // namespace lldm::cli
