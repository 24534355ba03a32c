// SPDX-License-Identifier: MIT
#include "synthesis/provenance.hpp"

#include <charconv>

namespace lldm::synthesis {

nlohmann::ordered_json provenance_of(std::string_view method, const PairSource& source,
                                     const Example& example, std::optional<std::uint64_t> seed,
                                     const std::string& benchmark) {
  nlohmann::ordered_json out = {{"method", method}, {"source", source.name}};
  if (!source.sha256.empty()) out["sha256"] = source.sha256;
  const auto colon = example.place.rfind(':');  // "rows.jsonl:12", "rows.json:1 (element 12)"
  std::uint64_t line = 0;
  if (colon != std::string::npos) {
    const char* end = example.place.data() + example.place.size();
    const auto read = std::from_chars(example.place.data() + colon + 1, end, line);
    if (read.ec == std::errc() && (read.ptr == end || *read.ptr == ' ')) out["line"] = line;
  }
  out["row"] = example.id;
  if (seed) out["seed"] = *seed;
  if (!benchmark.empty()) out["benchmark"] = benchmark;
  out["scheme"] = kSynthesisScheme;
  out["lldm"] = LLDM_VERSION;
  return out;
}

}  // namespace lldm::synthesis
