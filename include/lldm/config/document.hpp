// SPDX-License-Identifier: MIT
// Reading TOML files: `extends`, `--set`, and nothing silent.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/config/diagnostics.hpp"
#include "lldm/config/value.hpp"

namespace lldm::config {

inline constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20;
inline constexpr int kMaxExtendsDepth = 16;

/// An experiment file with everything it extends and every `--set` applied.
struct Document {
  Value root;                                // without `extends`
  std::vector<std::filesystem::path> files;  // in the order in which they were laid on one another
};

struct LoadOptions {
  /// `key.path=VALUE`, in the order given; see `assign`.
  std::vector<std::string> overrides = {};
  /// Legal first words of an override besides the file's own keys and its stages' names.  When
  /// empty, any first word is accepted and the reader of the document reports unknown ones.
  std::vector<std::string> top_level_keys = {};
};

/// Reads `file`, the files it extends, and the overrides.
///
/// `extends = ["a.toml", "b.toml"]`, relative to the file that says it: later files override
/// earlier ones and the file itself overrides all.  A file reached twice is laid down once, at its
/// first place.
/// `[[stage]]` tables merge by `name`, new ones follow; other arrays are replaced.  In [grid] every
/// key is replaced, `axes` as a whole; `add_axes` and `add_seeds` add values (docs/extends.md).
/// Errors  ConfigError at once, since nothing behind them can be checked: a file that cannot be
///         read, is larger than 4 MiB, is not TOML or holds a date, a time, inf or nan; a circle,
///         or more than 16 levels, of `extends`.  Overrides that cannot be applied go to
///         `diagnostics`.
[[nodiscard]] Document load(const std::filesystem::path& file, const LoadOptions& options,
                            Diagnostics& diagnostics);

/// The tree of one TOML text, without `extends`.  Errors go to `diagnostics`; the tree is then
/// empty.
[[nodiscard]] Value parse(std::string_view text, Source source, Diagnostics& diagnostics);

/// The VALUE of an override: a TOML value, else (unless it begins like an array, a table or a
/// string) the text itself.  `position` is that of its first character.
[[nodiscard]] Value parse_override_value(std::string_view text, const Position& position,
                                         Diagnostics& diagnostics);

/// Sets the value at a dotted path of `root`: what an override and a grid axis do.
///
/// The path begins at the root or with the name of a stage, which stands for that stage's table; a
/// number picks an element of an array.  Missing tables are made.  A table is merged, and another
/// `type` discards the old keys, as in `merged`.
///
/// Errors  go to `diagnostics` at `position` (of the path's first character) plus the segment's
///         offset.
void assign(Value& root, std::string_view path, const Position& position, Value value,
            std::span<const std::string> top_level_keys, Diagnostics& diagnostics);

/// Applies every override of `options` with `assign`, those that pick a component (`x.type=NAME`,
/// or a table) first; the file named in errors is "--set".
void apply_overrides(Value& root, const LoadOptions& options, Diagnostics& diagnostics);

/// TOML text that `parse` reads back as an equal tree.  Plain keys first, then tables, then arrays
/// of tables.  Error if a string is not UTF-8.
[[nodiscard]] std::string write_toml(const Value& root);
/// One value as TOML on one line.
[[nodiscard]] std::string to_toml(const Value& value);

}  // namespace lldm::config
