// SPDX-License-Identifier: MIT
#include "lldm/config/document.hpp"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "text/foreign.hpp"

namespace lldm::config {
namespace {

namespace fs = std::filesystem;

void report_unread(const fs::path& file, const InputError& error, const Position& asked_at,
                   Diagnostics& diagnostics) {
  const std::string name = in_quotes(file.string());
  std::error_code ignored;
  const bool is_file = fs::is_regular_file(file, ignored);
  if (is_file && error.code() == 0)
    return diagnostics.error(asked_at, message("the file ", name, " is larger than 4 MiB"),
                             "an experiment file is a few KiB: is this data?");
  const std::string what = error.what();  // "PATH: is a named pipe\n  ..."
  const auto begin = what.find(": "), end = what.find('\n');
  diagnostics.error(asked_at, message("cannot read ", name),
                    is_file || fs::is_directory(file, ignored) || begin == std::string::npos
                        ? "it must be a readable file"
                        : message("it ", what.substr(begin + 2, end - begin - 2),
                                  "; it must be a readable file"));
}

std::optional<std::string> read_file(const fs::path& file, const Position& asked_at,
                                     Diagnostics& diagnostics) {
  const std::string name = in_quotes(file.string());
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    diagnostics.error(
        asked_at, message("there is no file ", name),
        "looked in " +
            in_quotes(fs::absolute(file, ignored).lexically_normal().parent_path().string()));
    return std::nullopt;
  }
  try {
    std::string text = read_input(file, kMaxFileBytes);
    const std::string foreign = foreign_format(std::string_view(text).substr(0, 512));
    if (foreign.empty()) return text;
    const auto end = foreign.find("\n  ");
    diagnostics.error(asked_at, message("the file ", name, " ", foreign.substr(0, end)),
                      foreign.substr(end + 3));
  } catch (const InputError& error) {
    report_unread(file, error, asked_at, diagnostics);
  }
  return std::nullopt;
}

/// The lists of `more` behind those of the same paths in `axes`.
void add_axes(Value& axes, const Value& more, Diagnostics& diagnostics) {
  if (!more.is_table()) {
    diagnostics.error(more.position(), message("[grid] add_axes is ", more.seen()),
                      "add_axes = { \"tuned.objective.beta\" = [2.0] }");
    return;
  }
  for (const Member& axis : more.as_table()) {
    Member* known = axes.find(axis.key);
    if (!known || !known->value.is_array() || !axis.value.is_array()) {
      axes.set(axis.key, axis.value, axis.position);
      continue;
    }
    for (const Value& value : axis.value.as_array()) known->value.as_array().push_back(value);
  }
}

void add_seeds(Value& grid, const Value& more, Diagnostics& diagnostics) {
  Member* seeds = grid.find("seeds");
  if (!seeds) {
    grid.set("seeds", more, more.position());
    return;
  }
  Member* values = seeds->value.is_table() ? seeds->value.find("values") : seeds;
  if (!more.is_array() || !values || !values->value.is_array()) {
    diagnostics.error(more.position(), message("[grid] add_seeds is ", more.seen()),
                      "add_seeds = [4, 5], behind a list of seeds");
    return;
  }
  for (const Value& seed : more.as_array()) values->value.as_array().push_back(seed);
}

/// Every key of [grid] replaces that of the files below, axes as a whole; `add_axes` and
/// `add_seeds` add to it; an empty [grid] leaves none.
Value merged_grids(const Value& base, const Value& over, Diagnostics& diagnostics) {
  if (!over.is_table() || !base.is_table()) return over;
  Value result = base;
  result.set_position(over.position());
  for (const Member& member : over.as_table())
    if (member.key != "add_axes" && member.key != "add_seeds")
      result.set(member.key, member.value, member.position);
  if (const Member* more = over.find("add_axes")) {
    if (!result.find("axes")) result.set("axes", Value::table({}, more->position), more->position);
    Value& axes = result.find("axes")->value;
    if (axes.is_table()) add_axes(axes, more->value, diagnostics);
  }
  if (const Member* more = over.find("add_seeds")) add_seeds(result, more->value, diagnostics);
  return result;
}

/// The grid of a file that extends others.
void lay_grid(Value& result, const Value& base, const Value& over, Diagnostics& diagnostics) {
  const Member* grid = over.find("grid");
  if (!grid) return;
  const Member* below = base.find("grid");
  if (grid->value.is_table() && grid->value.as_table().empty()) {
    result.erase("grid");
    return;
  }
  result.set("grid",
             merged_grids(below ? below->value : Value::table({}, grid->position), grid->value,
                          diagnostics),
             grid->position);
}

/// Lays `over` on `base` as a whole file: `[[stage]]` tables merge by name, [grid] key by key.
Value merged_files(const Value& base, const Value& over, Diagnostics& diagnostics) {
  const Member* old_stages = base.find("stage");
  const Member* new_stages = over.find("stage");
  Value result = merged(base, over);
  lay_grid(result, base, over, diagnostics);
  if (!old_stages || !new_stages || !old_stages->value.is_array() || !new_stages->value.is_array())
    return result;
  Array stages = old_stages->value.as_array();
  for (const Value& stage : new_stages->value.as_array()) {
    const std::string_view name = stage.text_of("name");
    const auto twin = std::find_if(stages.begin(), stages.end(), [&](const Value& old) {
      return !name.empty() && old.text_of("name") == name;
    });
    if (twin == stages.end()) {
      stages.push_back(stage);
    } else {
      *twin = merged(*twin, stage);
    }
  }
  result.set("stage", Value::array(std::move(stages), new_stages->value.position()),
             new_stages->position);
  return result;
}

/// Reads a file and what it extends, parents first, every file once.
class Loader {
 public:
  explicit Loader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void add(const fs::path& file, const Position& asked_at) {
    std::error_code error;
    fs::path identity = fs::weakly_canonical(file, error);
    if (error) identity = fs::absolute(file, error).lexically_normal();
    if (const auto open = std::find(open_.begin(), open_.end(), identity); open != open_.end()) {
      report_circle(open - open_.begin(), asked_at, file);
      return;
    }
    if (std::find(done_.begin(), done_.end(), identity) != done_.end()) return;
    if (open_.size() > static_cast<std::size_t>(kMaxExtendsDepth)) {
      diagnostics_.error(asked_at,
                         message("`extends` is more than ", kMaxExtendsDepth, " levels deep"),
                         "merge some of the files");
      return;
    }
    const auto text = read_file(file, asked_at, diagnostics_);
    done_.push_back(identity);
    if (!text) return;
    Value root = parse(*text, {file.string(), folder_of(file)}, diagnostics_);
    open_.push_back(identity), open_names_.push_back(file.string());
    add_parents(root, file);
    open_.pop_back(), open_names_.pop_back();
    root.erase("extends");
    root_ = files_.empty() ? std::move(root) : merged_files(root_, root, diagnostics_);
    files_.push_back(file);
  }

  Value take_root() { return std::move(root_); }
  std::vector<fs::path> take_files() { return std::move(files_); }

 private:
  static fs::path folder_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
  }

  void add_parents(const Value& root, const fs::path& file) {
    const Member* extends = root.find("extends");
    if (!extends) return;
    const auto wrong = [&](const Value& value) {
      diagnostics_.error(value.position(), "\"extends\" must be a list of file names",
                         message("got ", value.seen(), "; example: extends = [\"base.toml\"]"));
    };
    if (!extends->value.is_array()) return wrong(extends->value);
    for (const Value& name : extends->value.as_array()) {
      if (!name.is_string() || name.as_string().empty()) {
        wrong(name);
        continue;
      }
      const fs::path parent = name.as_string();
      const fs::path path =
          parent.is_absolute() || !file.has_parent_path() ? parent : (file.parent_path() / parent);
      add(path.lexically_normal(), name.position());
    }
  }

  void report_circle(std::ptrdiff_t first, const Position& asked_at, const fs::path& file) {
    std::string chain;
    for (auto i = static_cast<std::size_t>(first); i < open_names_.size(); ++i)
      chain += open_names_[i] + " -> ";
    diagnostics_.error(asked_at, "`extends` goes in a circle", chain + file.string());
  }

  Diagnostics& diagnostics_;
  Value root_;
  std::vector<fs::path> files_, open_, done_;
  std::vector<std::string> open_names_;
};

}  // namespace

Document load(const fs::path& file, const LoadOptions& options, Diagnostics& diagnostics) {
  const auto typed = std::make_shared<const Source>(Source{file.string(), "."});
  Diagnostics fatal;
  Loader loader(fatal);
  loader.add(file, {typed, 1, 1});
  fatal.throw_if_any();
  Document document{loader.take_root(), loader.take_files()};
  apply_overrides(document.root, options, diagnostics);
  return document;
}

}  // namespace lldm::config
