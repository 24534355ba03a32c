// SPDX-License-Identifier: MIT
#include "report/report_notes.hpp"

#include <cstdint>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// A table of counts; empty where there is none.
Json table_of(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_object() ? *found : Json::object();
}

std::int64_t count_of(const Json& counts, const char* key) {
  return counts.value(key, std::int64_t{0});
}

}  // namespace

std::vector<std::string> notes_of(const Json& work) {
  const auto folder = work.at("folder").get<std::string>();
  std::vector<std::string> notes;
  if (const std::int64_t failed = count_of(work, "failed_checks"); failed > 0)
    notes.push_back(message(folder, ": the checker failed on ", failed,
                            " answers, which count as wrong (check_failure in items.jsonl)"));
  const Json asked = table_of(work, "shared_prompts");
  const std::int64_t items = count_of(asked, "items"), prompts = count_of(asked, "prompts");
  if (items > prompts && prompts > 0)
    notes.push_back(message(folder, ": ", items, " items of ", prompts,
                            " prompts: intervals and tests count them as independent, and are too "
                            "sure where those of one prompt go together"));
  if (const std::int64_t shared = count_of(asked, "shared"); shared > 0)
    notes.push_back(message(folder, ": ", shared, " of ", prompts,
                            " prompts were trained on by the measured model or those before it"));
  const Json held = table_of(work, "held_out");
  const std::int64_t rows = count_of(held, "rows"), of_prompts = count_of(held, "prompts");
  if (work.contains("score_study") && rows > of_prompts && of_prompts > 0)
    notes.push_back(message(folder, ": ", rows, " held-out rows of ", of_prompts,
                            " prompts: the interval of its held-out reward accuracy counts them as "
                            "independent"));
  if (const std::int64_t shared = count_of(held, "shared_prompts"); shared > 0)
    notes.push_back(message(folder, ": ", shared,
                            " of the held-out prompts are trained on: its held-out figures are not "
                            "of unseen prompts"));
  const Json earlier = table_of(held, "earlier_stages");
  if (const std::int64_t shared = count_of(earlier, "shared"); shared > 0)
    notes.push_back(message(folder, ": ", shared, " of ", count_of(earlier, "prompts"),
                            " held-out prompts were trained on by stages before it: its held-out "
                            "figures are not of prompts that its model never saw"));
  return notes;
}

}  // namespace lldm
