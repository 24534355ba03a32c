// SPDX-License-Identifier: MIT
// What `lldm data inspect` knows of all rows together.  Internal to src/data.
#pragma once

#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "data/begin_of_text.hpp"
#include "lldm/data/inspect.hpp"
#include "lldm/data/template.hpp"

namespace lldm {

/// One text of a row: what it is called, and its tokens before the canvas.
struct InspectedPart {
  std::string name;
  Encoded tokens;
};

/// One row, ready to be described: the texts a model is shown, in order.
struct InspectedRow {
  std::uint64_t id = 0, content_hash = 0, prompt_hash = 0;
  std::vector<std::pair<std::string, std::string>> texts;  // what, text
  std::vector<InspectedPart> parts;
};

/// Whether the part lies on a canvas: an answer does, a text is the whole of it.
inline bool has_canvas(const InspectedPart& part) { return part.name != "text"; }

class InspectSummary {
 public:
  explicit InspectSummary(BeginOfText begin) : begins_(std::move(begin)) {}
  void add(const InspectedRow& row, const InspectSettings& settings);
  void refuse(std::uint64_t row, const std::string& why);
  void write(std::ostringstream& out, const InspectSettings& settings) const;

 private:
  std::vector<std::size_t>& length(const std::string& name);

  BeginOfTextCount begins_;
  std::int64_t num_rows_ = 0, num_duplicates_ = 0, num_prompt_duplicates_ = 0, num_too_long_ = 0;
  std::size_t num_refused_ = 0;
  std::string refused_;
  std::set<std::uint64_t> contents_, prompts_;
  std::vector<std::pair<std::string, std::vector<std::size_t>>> lengths_;
};

}  // namespace lldm
